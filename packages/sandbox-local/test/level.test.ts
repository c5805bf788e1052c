import { describe, expect, it } from 'vitest';
import { levelOnNetwork } from '../src/level.ts';

const held = {
  files: 'enforced',
  processes: 'enforced',
  network: 'enforced',
  syscalls: 'enforced',
  limits: 'partial',
} as const;

describe("the host's network", () => {
  it('SBX-6: is refused where no system call is filtered, since its unix sockets lead out of the sandbox', () => {
    expect(() => levelOnNetwork({ ...held, syscalls: 'none' }, 'host')).toThrow(
      expect.objectContaining({ code: 'SANDBOX_NETWORK_REFUSED' }),
    );
    expect(levelOnNetwork({ ...held, syscalls: 'none' }, 'none')).toEqual({ ...held, syscalls: 'none' });
  });

  it('SBX-6: is no part of what is held, and is nothing new where nothing is held', () => {
    const nothing = { files: 'none', processes: 'none', network: 'none', syscalls: 'none', limits: 'none' } as const;
    expect(levelOnNetwork(held, 'host')).toEqual({ ...held, network: 'none' });
    expect(levelOnNetwork(nothing, 'host')).toEqual(nothing);
  });
});
