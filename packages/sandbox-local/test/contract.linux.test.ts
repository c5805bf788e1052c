import { sandboxContract } from '@prusik/testing-contracts';
import { describe, it } from 'vitest';
import { temporarySandbox } from './temporary.ts';

describe('bubblewrap', () => {
  sandboxContract({
    test: (name, run) => it(name, { timeout: 30_000 }, run),
    create: () => temporarySandbox(),
    control: () => temporarySandbox({ isolation: 'none' }),
  });
});
