import type { Sandbox } from '@prusik/core';
import { mcpRunnerContract } from '@prusik/testing-contracts';
import { afterAll, beforeAll, describe, it, vi } from 'vitest';
import { contractRunner, temporarySandbox } from './contract.ts';

vi.setConfig({ testTimeout: 60_000 });

describe("isolation: 'none'", () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    sandbox = await temporarySandbox('none');
  });
  afterAll(() => sandbox[Symbol.asyncDispose]());

  mcpRunnerContract({ test: it, create: (order) => contractRunner(sandbox, 'none', order), place: 'host' });
});
