import { CONTEXT_TESTS, contextManagerContract, runContextTest, type ContextTest } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { contextManager } from '../src/index.ts';
import { CONTEXT_FAULTS, type ContextFault } from './context-faults.ts';

describe('the default context manager', () => {
  contextManagerContract({ test: it, create: () => contextManager() });

  it.each([
    { trigger: 1.1 },
    { trigger: 0.5, target: 0.5 },
    { recentMessages: -1 },
    { resultChars: 0.5 },
    { summaryTokens: 1 },
  ])('AGT-9: %o is refused', (options) => {
    expect(() => contextManager(options)).toThrow(TypeError);
  });
});

/** Runs a test on a broken manager: only a failed assertion, or a plan that is refused, means that it has noticed. */
async function verdict(test: ContextTest, { create }: ContextFault): Promise<unknown> {
  try {
    await runContextTest(test, create());
    return 'passes';
  } catch (error) {
    const { code } = error as { code?: unknown };
    return code === 'ERR_ASSERTION' || code === 'CONTEXT_PLAN_INVALID' ? 'fails' : error;
  }
}

describe('TST-2: the suite for context managers notices that', () => {
  it.each(CONTEXT_FAULTS.map((fault) => [`${fault.name}: ${fault.caughtBy}`, fault] as const))(
    '%s',
    async (_, fault) => {
      const [test, ...others] = CONTEXT_TESTS.filter(({ title }) => title.includes(fault.caughtBy));
      expect(others).toEqual([]);
      expect(await verdict(test as ContextTest, fault)).toBe('fails');
    },
  );

  it.each(CONTEXT_TESTS.map(({ title }) => title))('something is wrong: %s', (title) => {
    expect(CONTEXT_FAULTS.filter(({ caughtBy }) => title.includes(caughtBy))).not.toEqual([]);
  });
});
