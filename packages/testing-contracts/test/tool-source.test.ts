import { describe, expect, it } from 'vitest';
import { runToolSourceTest, toolSourceContract, toolSourceTestsFor } from '../src/tool-source-contract.ts';
import { deskSource, TOOL_SOURCE_FAULTS } from './tool-source-faults.ts';

const TESTS = toolSourceTestsFor(true);

describe('a source of tools that is sound', () => {
  toolSourceContract({ test: it, create: () => deskSource(), asks: true });
});

describe('TST-2: the suite for sources of tools notices one of which', () => {
  it.each(TOOL_SOURCE_FAULTS.map((fault) => [`${fault.name}: ${fault.caughtBy}`, fault] as const))(
    '%s',
    async (_, { caughtBy, create }) => {
      const [test, ...others] = TESTS.filter(({ title }) => title.includes(caughtBy));
      expect(others).toEqual([]);
      if (test === undefined) throw new Error(`There is no test ${caughtBy}`);
      await expect(runToolSourceTest(test, create())).rejects.toMatchObject({ code: 'ERR_ASSERTION' });
    },
  );

  it.each(TESTS.map(({ title }) => title))('has a mutant for: %s', (title) => {
    expect(TOOL_SOURCE_FAULTS.filter(({ caughtBy }) => title.includes(caughtBy))).not.toEqual([]);
  });

  it('asks a source that asks nobody no question', () => {
    expect(toolSourceTestsFor(false)).toHaveLength(TESTS.length - 1);
  });
});
