import type { RemoveResult, StoreTables } from '@prusik/core';
import { port, rows, without, type StoreFault } from './fault.ts';
import { swallowing } from './value-faults.ts';

/** A removal that goes by something else than it was asked. */
const asked = (name: string, caughtBy: string, ...ignored: readonly string[]): StoreFault =>
  port(name, caughtBy, (store) => ({
    remove: (removal) => store.remove(without(removal, ...(ignored as readonly (keyof typeof removal)[])) as never),
  }));

const answering = (name: string, caughtBy: string, change: (answer: RemoveResult) => RemoveResult): StoreFault =>
  port(name, caughtBy, (store) => ({ remove: async (removal) => change(await store.remove(removal)) }));

const ended = (
  name: string,
  caughtBy: string,
  change: (tables: StoreTables) => StoreTables['endedRoots'],
): StoreFault => rows(name, caughtBy, (tables) => ({ endedRoots: change(tables) }));

export const RETENTION_FAULTS: readonly StoreFault[] = [
  asked('a dry run removes', 'a dry run answers what the same removal takes', 'dryRun'),
  port('a dry run does not count', 'a dry run answers what the same removal takes', (store) => ({
    async remove(removal) {
      const answer = await store.remove(removal);
      return removal.dryRun === true && answer.outcome === 'removed'
        ? { ...answer, removed: { ...answer.removed, entries: 0 } }
        : answer;
    },
  })),
  port('a dry run is never refused', 'a dry run is refused as the removal is', (store) => ({
    async remove(removal) {
      const answer = await store.remove(removal);
      return removal.dryRun === true && answer.outcome === 'refused' ? { outcome: 'unknown' } : answer;
    },
  })),
  answering('a tree is its root', 'the answer names the trees', (answer) =>
    answer.outcome === 'removed' ? { ...answer, trees: answer.trees.map((tree) => ({ ...tree, runs: 1 })) } : answer,
  ),
  ended('what was started last stays', 'by number, the trees that ended last stay', ({ endedRoots }) => (query) => {
    const roots = endedRoots(query);
    return query.newestFirst ? roots.toSorted((a, b) => b.number - a.number) : roots;
  }),
  ended('what was started first goes last', 'of trees that ended at one time', ({ endedRoots }) => (query) => {
    const roots = endedRoots(query);
    return query.newestFirst ? roots : roots.toSorted((a, b) => a.at - b.at || b.number - a.number);
  }),
  asked('an age makes the number nothing', 'age and number together take what is past one', 'keep'),
  rows('a tree has no size', 'by size, the trees that ended last', () => ({ treeBytes: () => 0 })),
  rows('a compaction takes the record as well', 'by size, the trees that ended last', (tables) => ({
    treeBytes: (root) => tables.treeBytes(root, { whole: true }),
  })),
  asked('every definition is meant', 'only trees of the definition and of the statuses', 'definition'),
  asked('every status is meant', 'only trees of the definition and of the statuses', 'status'),
  rows('a session has no last run', 'the run that an open session would go on from', () => ({
    lastOfSession: () => undefined,
  })),
  rows('what was absorbed is the last run', 'the run that an open session would go on from', (tables) => ({
    lastOfSession: (key) => [...tables.runsOfSession(key)].at(-1),
  })),
  rows('a closed session is an open one', 'the run that an open session would go on from', (tables) => ({
    sessionState(key) {
      const session = tables.sessionState(key);
      return session && { ...session, state: 'open' };
    },
  })),
  asked('a cursor is not looked at', 'a walk goes on behind its cursor', 'after'),
  answering('what another has removed is answered as well', 'of two that remove ended trees at once', (answer) =>
    answer.outcome === 'removed' && answer.trees.length === 0 && answer.next === undefined
      ? { ...answer, trees: [{ root: key('r00'), definition: 'order', status: 'completed', endedAt: 1, runs: 1 }] }
      : answer,
  ),
  swallowing('ended trees without an age or a number', 'remove'),
];

const key = (run: string) => ({ tenant: 'acme', run });
