import { describe, expect, it } from 'vitest';
import { OBSERVER_TESTS, observerContract, runObserverTest } from '../src/index.ts';
import { counting, OBSERVER_FAULTS } from './observer-faults.ts';

describe('an observer that is sound', () => {
  observerContract({ test: it, create: counting });
});

describe('TST-2: the suite for observers notices one that', () => {
  it.each(OBSERVER_FAULTS.map((fault) => [`${fault.name}: ${fault.caughtBy}`, fault] as const))(
    '%s',
    async (_, { caughtBy, create }) => {
      const [test, ...others] = OBSERVER_TESTS.filter(({ title }) => title.includes(caughtBy));
      expect(others).toEqual([]);
      if (test === undefined) throw new Error(`There is no test ${caughtBy}`);
      await expect(runObserverTest(test, { create, withinMs: 500 })).rejects.toMatchObject({ code: 'ERR_ASSERTION' });
    },
  );

  it.each(OBSERVER_TESTS.map(({ title }) => title))('has a mutant for: %s', (title) => {
    expect(OBSERVER_FAULTS.filter(({ caughtBy }) => title.includes(caughtBy))).not.toEqual([]);
  });
});
