import type { Sandbox } from '@prusik/core';
import { mcpRunnerContract } from '@prusik/testing-contracts';
import { afterAll, beforeAll, describe, it, vi } from 'vitest';
import { contractRunner, temporarySandbox } from './contract.ts';

vi.setConfig({ testTimeout: 60_000 });

describe('bubblewrap', () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await temporarySandbox('bubblewrap');
  });
  afterAll(() => sandbox[Symbol.asyncDispose]());

  mcpRunnerContract({ test: it, create: (order) => contractRunner(sandbox, 'bubblewrap', order), place: 'sandbox' });
});
