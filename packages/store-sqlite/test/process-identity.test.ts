import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { isProvedDead, isUnknown, thisProcess } from '../src/process-identity.ts';

const self = thisProcess();

/** The pid of a process that has ended and was collected. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'close');
  return child.pid ?? 0;
}

describe('whether the holder of a lease is dead', () => {
  it('DUR-12: a process that is there is not', () => {
    expect(isProvedDead(self, self)).toBe(false);
  });

  it('DUR-12: a process that has ended is', async () => {
    expect(isProvedDead({ ...self, pid: await deadPid() }, self)).toBe(true);
  });

  it('DUR-12: nothing is proved of another machine, another start of it or another container', async () => {
    const pid = await deadPid();
    expect(isProvedDead({ ...self, pid, machine: 'another' }, self)).toBe(false);
    expect(isProvedDead({ ...self, pid, pidNamespace: 'pid:[1]' }, self)).toBe(false);
  });

  it('DUR-12: a process that may not be signalled is there, and one of an unknown pid is not', async () => {
    const refused = (): never => {
      throw Object.assign(new Error('Not permitted'), { code: 'EPERM' });
    };
    expect(isUnknown(self.pid, refused)).toBe(false);
    expect(isUnknown(self.pid)).toBe(false);
    expect(isUnknown(await deadPid())).toBe(true);
  });
});
