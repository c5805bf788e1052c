import { sandboxContract } from '@prusik/testing-contracts';
import { describe, it } from 'vitest';
import { temporarySandbox } from './temporary.ts';

describe("isolation: 'none'", () => {
  sandboxContract({ test: it, create: () => temporarySandbox({ isolation: 'none' }) });
});
