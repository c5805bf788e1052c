import assert from 'node:assert/strict';
import { REMOVAL_LIMIT } from '@prusik/core';
import { counted, removed, runs } from './store-removal-scenario.ts';
import { newChild } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

export const STORE_REMOVAL_AGE_TESTS: readonly StoreTest[] = [
  {
    title:
      'REC-4: by age, the trees that ended longest ago go first, so many at a time, and none that ended at that time',
    async run({ store, clock, running, end }) {
      const begin = clock.now();
      const held = [];
      for (const id of ['c', 'a', 'b', 'd']) held.push([id, await running(id)] as const);
      for (const [, lease] of held.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
        clock.advance(10);
        await end(lease);
      }
      const endedBefore = begin + 40;

      const before = async (limit: number) => store.remove({ tenant: 'acme', endedBefore, limit });
      assert.deepEqual(counted(await store.remove({ tenant: 'other', endedBefore, limit: 10 })), removed({}));
      assert.deepEqual(counted(await before(2)), removed({ runs: 2, entries: 4 }, true));
      assert.deepEqual(await runs(store), ['d', 'c']);
      assert.deepEqual(counted(await before(2)), removed({ runs: 1, entries: 2 }));
      assert.deepEqual(counted(await before(2)), removed({}));
      assert.deepEqual(await runs(store), ['d']);
    },
  },
  {
    title: 'REC-4: a removal by age that takes all there are says that there are no more',
    async run({ store, clock, running, end }) {
      for (const id of ['a', 'b']) await end(await running(id));
      clock.advance(1);
      const answer = await store.remove({ tenant: 'acme', endedBefore: clock.now(), limit: 2 });
      assert.deepEqual(counted(answer), removed({ runs: 2, entries: 4 }));
    },
  },
  {
    title: 'I9: a removal by age takes 1,000 runs at most, but a larger tree whole',
    async run({ store, clock, running, commit, claim, end }) {
      const root = await running('large');
      await commit(root, { children: Array.from({ length: REMOVAL_LIMIT }, (_, n) => newChild(`c${n}`, 'large')) });
      const { claims } = await claim({ limit: REMOVAL_LIMIT });
      await Promise.all(claims.map(({ run: { key: child, epoch } }) => end({ run: child, epoch })));
      await end(root);
      clock.advance(1);
      await end(await running('small'));
      clock.advance(1);
      const removal = { tenant: 'acme', endedBefore: clock.now(), limit: 10 } as const;

      const [first, second] = [await store.remove(removal), await store.remove(removal)];

      const entries = 2 * REMOVAL_LIMIT + 2;
      assert.deepEqual(counted(first), removed({ runs: REMOVAL_LIMIT + 1, entries, signals: REMOVAL_LIMIT }, true));
      assert.deepEqual(counted(second), removed({ runs: 1, entries: 2 }));
    },
  },
  {
    title: 'REC-4: by age, a tree in which a run is live is passed over, and one behind it is not',
    async run({ store, clock, running, commit, end, start, take, park }) {
      const root = await running('root');
      await commit(root, { children: [newChild('child', 'root')] });
      await end(root);
      await start('waits');
      await park(await take('waits'));
      clock.advance(1);
      await end(await running('ended'));
      clock.advance(1);

      const answer = await store.remove({ tenant: 'acme', endedBefore: clock.now(), limit: 1 });

      assert.deepEqual(counted(answer), removed({ runs: 1, entries: 2 }));
      assert.deepEqual(await runs(store), ['waits', 'child', 'root']);
    },
  },
];
