import { describe, expect, it } from 'vitest';
import { STORAGES } from './storages.ts';
import { randomTree } from './tree-model/random-tree.ts';
import { SABOTAGES, type Sabotage } from './tree-model/sabotages.ts';
import { shrink } from './tree-model/shrink.ts';
import { wrongWith } from './tree-model/tree-checks.ts';
import { live } from './tree-model/tree-life.ts';
import type { TreeSpec } from './tree-model/tree-spec.ts';

/** Another one each time; `SEED` repeats one, `SEQUENCES` says how many follow it. */
const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9));
const SEQUENCES = {
  memory: Number(process.env['SEQUENCES'] ?? 700),
  SQLite: Number(process.env['SEQUENCES_SQLITE'] ?? 12),
};
/** A sabotage has to be found among as many trees as a test has. */
const FOUND_WITHIN = 700;

type Try = (tree: TreeSpec) => Promise<readonly string[]>;

const trying =
  (storage: Sabotage['storage'], broken?: Sabotage['broken']): Try =>
  async (tree) => {
    try {
      return await live(tree, storage(), (life) => wrongWith(tree, life), broken);
    } catch (error) {
      return [String(error)];
    }
  };

/** The first seed whose tree goes wrong. */
async function firstWrong(
  attempt: Try,
  first: number,
  count: number,
): Promise<{ readonly seed: number; readonly wrong: readonly string[] } | undefined> {
  for (let seed = first; seed < first + count; seed += 1) {
    const wrong = await attempt(randomTree(seed));
    if (wrong.length > 0) return { seed, wrong };
  }
  return undefined;
}

async function report(attempt: Try, seed: number, wrong: readonly string[]): Promise<string> {
  const smallest = await shrink(randomTree(seed), async (smaller) => (await attempt(smaller)).length > 0);
  const [again] = await attempt(smallest);
  return [
    `The tree of seed ${seed} went wrong: ${wrong.join('\n  ')}`,
    `Repeat: SEED=${seed} SEQUENCES=1 SEQUENCES_SQLITE=1 npx vitest run test/tree-model.test.ts`,
    `As small as it gets, ${again ?? 'which is not wrong each time'}: ${JSON.stringify(smallest)}`,
  ].join('\n');
}

describe('random trees against a model of what may become of them', () => {
  it.each(['memory', 'SQLite'] as const)(
    'WFL-2, WFL-4, WFL-5, WFL-6, WFL-7, WFL-9, DUR-20: each node ends as it may, each ledger is exact, nothing is left, and a replay is told the same (%s)',
    async (name) => {
      const attempt = trying(STORAGES[name] as Sabotage['storage']);

      const found = await firstWrong(attempt, SEED, SEQUENCES[name]);

      expect(found && (await report(attempt, found.seed, found.wrong))).toBeUndefined();
    },
    60_000 + 200 * SEQUENCES.memory,
  );

  it.each(SABOTAGES)(
    'TST-2, TST-3: finds that $name',
    async ({ storage, broken }) => {
      const attempt = trying(storage, broken);

      expect(await firstWrong(attempt, 1, FOUND_WITHIN)).toBeDefined();
    },
    120_000,
  );

  it('TST-3: makes a tree that goes wrong smaller', async () => {
    const { storage, broken } = SABOTAGES.find(({ name }) => name === 'runs are not counted') as Sabotage;
    const attempt = trying(storage, broken);
    const found = await firstWrong(attempt, 1, FOUND_WITHIN);

    const smallest = await shrink(randomTree(found?.seed ?? 1), async (smaller) => (await attempt(smaller)).length > 0);

    // One run with a budget that has a child.
    expect(smallest.root.works).toHaveLength(1);
    expect(smallest.acts).toEqual([]);
  });
});
