import { sandboxContract } from '@prusik/testing-contracts';
import { describe, it, vi } from 'vitest';
import { temporarySandbox } from './temporary.ts';

vi.setConfig({ testTimeout: 30_000 });

describe('bubblewrap', () => {
  sandboxContract({
    test: it,
    create: () => temporarySandbox(),
    control: () => temporarySandbox({ isolation: 'none' }),
  });
});
