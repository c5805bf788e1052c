import type { Sandbox } from '@prusik/core';
import { sandboxContainment, sandboxContract } from '@prusik/testing-contracts';
import { afterAll, beforeAll, describe, it, vi } from 'vitest';
import { temporarySandbox } from './temporary.ts';

vi.setConfig({ testTimeout: 30_000, maxConcurrency: 4 });

describe('bubblewrap', () => {
  sandboxContract({ test: it, create: () => temporarySandbox() });
});

describe('bubblewrap, attacked', () => {
  let sandbox: Sandbox;
  let control: Sandbox;
  beforeAll(async () => {
    sandbox = await temporarySandbox();
    control = await temporarySandbox({ isolation: 'none' });
  });
  afterAll(() => Promise.all([sandbox, control].map((opened) => opened[Symbol.asyncDispose]())));

  sandboxContainment({ test: it.concurrent, sandbox: () => sandbox, control: () => control });
});
