import { createWatchers, PrusikError, storeOver, type NewRun, type Store, type StoreTables } from '@prusik/core';
import { liveTextRows, memoryBlobs, memoryTables } from '@prusik/store-memory';
import { fakeClock } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';

const TREES = 30;
const TREE_MS = 0.5;

const run = (id: string): NewRun => ({
  key: { tenant: 'acme', run: id },
  kind: 'function',
  definition: 'order',
  version: '1',
  input: null,
  inputHash: 'h',
  context: null,
  priority: 0,
  messages: [],
  root: id,
  depth: 0,
});

/** A store in which each tree takes its time, and whose transactions can be looked at. */
async function slowStore(onWrite: (write: number) => void) {
  const clock = fakeClock();
  const sound = memoryTables();
  let isSlow = false;
  const tables: StoreTables = {
    ...sound,
    *treeOf(root) {
      const until = performance.now() + (isSlow ? TREE_MS : 0);
      while (performance.now() < until);
      yield* sound.treeOf(root);
    },
  };
  const watchers = createWatchers();
  let writes = 0;
  const store: Store = storeOver({
    capabilities: { durable: false, multiProcess: false, noticeMs: 0 },
    reads: tables,
    liveText: liveTextRows(),
    blobs: memoryBlobs({ maxBytes: 1, now: () => clock.now() }),
    watchers,
    now: () => clock.now(),
    async write(_, work) {
      if (isSlow) onWrite((writes += 1));
      return work({ tables, now: clock.now(), news: watchers.collect() });
    },
    close: async () => undefined,
  });
  const definitions = [{ name: 'order', versions: ['1'] }];
  for (let n = 0; n < TREES; n += 1) await store.start(run(`r${n}`));
  const { claims } = await store.claim({
    worker: 'w',
    leaseMs: 1_000,
    limit: TREES,
    suspects: { room: 0, alone: 1 },
    definitions,
  });
  const end = { status: 'completed' } as const;
  for (const { run: claimed } of claims)
    await store.commit({
      run: claimed.key,
      epoch: claimed.epoch,
      entries: [{ type: 'run-end', ...end }],
      progress: true,
      transition: { type: 'end', ...end },
    });
  isSlow = true;
  return store;
}

const removed = async (store: Store, after?: string) => {
  const answer = await store.remove({ tenant: 'acme', keep: 0, limit: 100, ...(after === undefined ? {} : { after }) });
  if (answer.outcome !== 'removed') throw new Error(answer.outcome);
  return answer;
};

describe('what is done to trees that have ended', () => {
  it('I9, REC-4: goes in transactions of some milliseconds, and the answer is of all of them', async () => {
    let slices = 0;
    const store = await slowStore((write) => (slices = write));

    const { removed: rows, next, trees } = await removed(store);

    expect([rows.runs, trees.length, next]).toEqual([TREES, TREES, undefined]);
    // Beside those that delete: what 3 ms hold of half a millisecond each, or less where the machine is busy.
    expect(slices - 2).toBeGreaterThanOrEqual((TREES * TREE_MS) / 3 - 1);
  });

  it('REC-4: where a later one fails the answer says what was done and where to go on, and who goes on meets the failure', async () => {
    let fails = true;
    const store = await slowStore((write) => {
      if (fails && write >= 3) throw new PrusikError('STORE_UNAVAILABLE', 'No more', { retryable: true });
    });

    const first = await removed(store);

    expect(first.removed.runs).toBe(first.trees.length);
    expect(first.removed.runs).toBeGreaterThan(0);
    expect(first.removed.runs).toBeLessThan(TREES);
    await expect(removed(store, first.next)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    fails = false;
    const rest = await removed(store, first.next);
    expect([first.removed.runs + rest.removed.runs, rest.next]).toEqual([TREES, undefined]);
  });

  it('REC-4: where the first fails nothing was done, and it rejects', async () => {
    const store = await slowStore(() => {
      throw new PrusikError('STORE_UNAVAILABLE', 'No more', { retryable: true });
    });

    await expect(removed(store)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect((await store.listRuns({ tenant: 'acme', limit: 100 })).items).toHaveLength(TREES);
  });
});
