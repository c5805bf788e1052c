// The smallest store there is: rows and bytes in memory, transactions that are one function call. What it may decide is decided in core.
import assert from 'node:assert/strict';
// #region skeleton
import { createWatchers, storeOver, systemClock, type Clock, type Store } from '@prusik/core';
import { liveTextRows, memoryBlobs, memoryTables } from '@prusik/store-memory';

export function smallestStore({ clock = systemClock }: { readonly clock?: Pick<Clock, 'now'> } = {}): Store {
  const tables = memoryTables();
  const watchers = createWatchers();
  let latest = Number.NEGATIVE_INFINITY;
  const tick = (): number => (latest = Math.max(latest, clock.now()));

  return storeOver({
    capabilities: { durable: false, multiProcess: false, noticeMs: 0 },
    reads: tables,
    liveText: liveTextRows(),
    blobs: memoryBlobs({ maxBytes: 268_435_456, now: tick }),
    watchers,
    now: tick,
    async write(_size, work) {
      await Promise.resolve(); // nobody is called back while the caller is still inside its own call
      const news = watchers.collect();
      const answer = work({ tables, now: tick(), news });
      news.tell(); // after the transaction: nobody hears of what is not there
      return answer;
    },
    async close() {
      await Promise.resolve(); // what was accepted before is written
    },
  });
}
// #endregion skeleton

const store = smallestStore();
const key = { tenant: 'default', run: 'order-1' };
await store.start({
  key,
  kind: 'function',
  definition: 'order',
  version: '1',
  input: { item: 'rope' },
  inputHash: 'sha256:…',
  context: null,
  priority: 0,
  messages: [],
  root: 'order-1',
  depth: 0,
});
assert.equal((await store.run(key))?.status, 'queued');
await store[Symbol.asyncDispose]();
