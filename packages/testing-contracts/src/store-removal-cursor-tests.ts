import assert from 'node:assert/strict';
import { inSession, session, tree } from './store-removal-scenario.ts';
import { newRequest } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

export const STORE_REMOVAL_CURSOR_TESTS: readonly StoreTest[] = [
  {
    title: 'REC-1: a cursor goes on where it was, whatever was removed meanwhile',
    async run({ store, running, commit, end }) {
      for (let n = 0; n < 6; n += 1) {
        const held = await running(`r${n}`);
        await commit(held, { requests: [newRequest(`q${n}`)] });
        await end(held);
      }
      const list = { tenant: 'acme', limit: 2 } as const;
      const newest = await store.listRuns(list);
      const oldest = await store.listRequests(list);
      for (const id of ['r5', 'r4', 'r1']) await store.remove(tree(id));

      const older = await store.listRuns({ ...list, after: newest.next ?? '' });
      const newer = await store.listRequests({ ...list, after: oldest.next ?? '' });

      assert.deepEqual(
        older.items.map((run) => run.key.run),
        ['r3', 'r2'],
      );
      assert.deepEqual(
        newer.items.map(({ id }) => id),
        ['q2', 'q3'],
      );
    },
  },
  {
    title: 'REC-1: what comes after a cursor was taken stands after it, also when all that stood before it is gone',
    async run({ store, running, commit, end }) {
      const asking = async (id: string): Promise<void> => {
        const held = await running(id, inSession(`s-${id}`));
        await commit(held, { requests: [newRequest(`of-${id}`)] });
        await end(held);
      };
      for (const id of ['a', 'b', 'c']) await asking(id);
      const list = { tenant: 'acme', limit: 2 } as const;
      const [runPage, requestPage, sessionPage] = [
        await store.listRuns(list),
        await store.listRequests(list),
        await store.listSessions(list),
      ];
      for (const id of ['a', 'b', 'c']) {
        await store.moveSession(session(`s-${id}`), 'closed');
        await store.remove(session(`s-${id}`));
      }
      await asking('new');

      assert.deepEqual((await store.listRuns({ ...list, after: runPage.next ?? '' })).items, []);
      assert.deepEqual((await store.listSessions({ ...list, after: sessionPage.next ?? '' })).items, []);
      assert.deepEqual(
        (await store.listRequests({ ...list, after: requestPage.next ?? '' })).items.map(({ id }) => id),
        ['of-new'],
      );
    },
  },
];
