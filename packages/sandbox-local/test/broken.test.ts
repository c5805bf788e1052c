import { sandboxContract } from '@prusik/testing-contracts';
import { expect, it } from 'vitest';
import { SANDBOX_FAULTS, type SandboxFault } from './sandbox-faults.ts';
import { temporarySandbox } from './temporary.ts';

type Tests = readonly (readonly [title: string, run: () => Promise<void>])[];

function suite(change: SandboxFault['change']): Tests {
  const tests: [string, () => Promise<void>][] = [];
  sandboxContract({
    test: (title, run) => tests.push([title, run]),
    create: async () => change(await temporarySandbox({ isolation: 'none' })),
  });
  return tests;
}

const titles = suite((sandbox) => sandbox).map(([title]) => title);

it('TST-2: every test of the suite has a fault that it catches, and every fault a test', () => {
  const caught = SANDBOX_FAULTS.map(({ caughtBy }) => titles.filter((title) => title.startsWith(caughtBy)));
  expect(caught.filter((by) => by.length !== 1)).toEqual([]);
  expect(titles.filter((title) => !caught.flat().includes(title))).toEqual([]);
});

it.each(SANDBOX_FAULTS.map((fault) => [fault.name, fault] as const))(
  'TST-2: the suite notices: %s',
  { timeout: 20_000 },
  async (_, { caughtBy, change }) => {
    const [, test] = suite(change).find(([title]) => title.startsWith(caughtBy)) ?? [];

    await expect(test?.()).rejects.toMatchObject({ name: expect.stringMatching(/Error/) });
  },
);
