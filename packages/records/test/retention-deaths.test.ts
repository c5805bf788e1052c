import { createWatchers, storeOver, type Store } from '@prusik/core';
import { liveTextRows, memoryBlobs, memoryTables } from '@prusik/store-memory';
import { fakeClock } from '@prusik/testing-contracts';
import { expect, it } from 'vitest';
import { prune, type RetentionPolicy } from '../src/index.ts';
import { claimRun, ended, endHeld, endRun, newRun, runKey } from './ended-runs.ts';

class Death extends Error {}

/** Rows that outlive the handles on them; a handle dies before or after its so manieth transaction. */
function mortal(clock: ReturnType<typeof fakeClock>) {
  const tables = memoryTables();
  const blobs = memoryBlobs({ maxBytes: 2 ** 20, now: () => clock.now() });
  return (dies?: { readonly at: number; readonly when: 'before' | 'after' }): Store => {
    const watchers = createWatchers();
    let writes = 0;
    return storeOver({
      capabilities: { durable: true, multiProcess: false, noticeMs: 0 },
      reads: tables,
      liveText: liveTextRows(),
      blobs,
      watchers,
      now: () => clock.now(),
      async write(_, work) {
        writes += 1;
        if (dies?.at === writes && dies.when === 'before') throw new Death();
        const answer = work({ tables, now: clock.now(), news: watchers.collect() });
        if (dies?.at === writes && dies.when === 'after') throw new Death();
        return answer;
      },
      close: async () => undefined,
    });
  };
}

const policy: RetentionPolicy = {
  sessions: [{ tenant: 'acme', maxAgeMs: 0 }],
  records: [{ tenant: 'acme', definition: 'refund', maxCount: 1 }],
  resume: [{ tenant: 'acme', maxCount: 1 }],
};

async function prepared(store: Store, clock: ReturnType<typeof fakeClock>): Promise<void> {
  for (const id of ['refund-1', 'refund-2', 'refund-3']) {
    await store.start(newRun(id, { definition: 'refund' }));
    const epoch = await claimRun(store, runKey(id));
    const child = newRun(`${id}-child`, { root: id, parent: { run: id, key: 'c' }, depth: 1 });
    await store.commit({ run: runKey(id), epoch, entries: [], children: [child], progress: true });
    await endRun(store, child.key);
    clock.advance(1_000);
    await endHeld(store, runKey(id), epoch);
  }
  for (const id of ['order-1', 'order-2']) await ended(store, clock, id);
  await ended(store, clock, 'said', { session: { id: 's', whenBusy: 'refuse' } });
  await store.moveSession({ tenant: 'acme', session: 's' }, 'closed');
  await store.start(newRun('live'));
  clock.advance(1_000);
}

/** Each tree with its runs, and which of them have their state. */
async function shape(store: Store): Promise<readonly string[]> {
  const { items } = await store.listRuns({ tenant: 'acme', limit: 100 });
  const lines = await Promise.all(
    items.map(async ({ key, compactedAt }) => {
      const { length } = await store.entries(key, { after: 0, limit: 100 });
      // No run has a part of its journal.
      expect([key.run, length === 0]).toEqual([key.run, compactedAt !== undefined]);
      return `${key.run} ${compactedAt === undefined ? 'whole' : 'record'}`;
    }),
  );
  for (const { key, root } of items) {
    const tree = items.filter((run) => run.root === root);
    expect([key.run, tree.length]).toEqual([key.run, root.startsWith('refund') ? 2 : 1]);
    expect(new Set(tree.map(({ compactedAt }) => compactedAt)).size).toBe(1);
  }
  return lines.toSorted();
}

it('TST-3, REC-4: dies before and after every transaction of a prune; each tree is whole, and the next prune comes to the same end', async () => {
  const clock = fakeClock();
  const sound = mortal(clock);
  await prepared(sound(), clock);
  await prune(sound(), policy, { clock });
  const end = await shape(sound());
  expect(end).toEqual(['live whole', 'order-1 record', 'order-2 whole', 'refund-3 record', 'refund-3-child record']);

  const points: string[] = [];
  for (const when of ['before', 'after'] as const)
    for (let at = 1; ; at += 1) {
      const time = fakeClock();
      const open = mortal(time);
      await prepared(open(), time);
      const died = await prune(open({ at, when }), policy, { clock: time }).then(
        () => false,
        (error: unknown) => error instanceof Death,
      );
      await shape(open());
      if (!died) break;
      await prune(open(), policy, { clock: time });
      expect(await shape(open())).toEqual(end);
      points.push(`${when} ${at}`);
    }
  expect(points.length).toBeGreaterThan(10);
});
