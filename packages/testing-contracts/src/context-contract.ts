import { CONTEXT_TESTS, type ContextTest } from './context-tests.ts';
import type { ContextManager } from '@prusik/core';

/** What {@link contextManagerContract} takes. */
export interface ContextManagerContract {
  /** `test` from vitest or from `node:test`. */
  readonly test: (name: string, run: () => Promise<void>) => unknown;
  /** Makes the manager as it is used. Called once per test. */
  readonly create: () => ContextManager;
}

/** Every promise of the {@link ContextManager} port, as tests: a manager that passes shortens what is too long, breaks nothing and comes to rest. */
export function contextManagerContract({ test, create }: ContextManagerContract): void {
  for (const contextTest of CONTEXT_TESTS) test(contextTest.title, async () => runContextTest(contextTest, create()));
}

/** Runs one test on one manager. */
export async function runContextTest({ run }: ContextTest, manager: ContextManager): Promise<void> {
  await run(manager);
}
