import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import type { Entry, Store } from '@prusik/core';
import { key, newChild, newRequest, note } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

/** What the watchers of one run, and of the queue, were told since the last look. */
function watching(store: Store, run: string): { readonly seen: () => string[]; readonly stop: () => void } {
  let told: string[] = [];
  const watchers = [store.watchRun(key(run), (why) => told.push(why)), store.watchQueue(() => told.push('queue'))];
  return {
    seen() {
      const now = told;
      told = [];
      return now;
    },
    stop() {
      for (const watcher of watchers) watcher[Symbol.dispose]();
    },
  };
}

/** Waits, in real time, for what another handle's write brings about. */
async function until(what: () => boolean, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!what()) {
    assert.ok(performance.now() < deadline, `It did not happen within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const STORE_WATCH_TESTS: readonly StoreTest[] = [
  {
    title: 'EVT-2: a run’s watchers hear of its commits, signals and end, and of nothing else',
    async run({ store, start, take, commit, signal, end }) {
      const other = await start('other').then(() => take('other'));
      await start('r');
      const held = await take('r');
      const told: string[] = [];
      store.watchRun(key('r'), (why) => told.push(why));

      await commit(held, { entries: [note('a')] });
      await commit(other, { entries: [note('b')] });
      await signal('r', 'user', 'x');
      await signal('other', 'user', 'x');
      await end(held);

      assert.deepEqual(told, ['commit', 'signal', 'end']);
    },
  },
  {
    title: 'I3: a watcher that is called finds what it is told of',
    async run({ store, running, commit, run }) {
      const held = await running('r');
      const found: Promise<number>[] = [];
      store.watchRun(key('r'), () => found.push(run('r').then(({ seq }) => seq)));
      await commit(held, { entries: [note('a')] });
      await commit(held, { entries: [note('b')] });
      assert.deepEqual(await Promise.all(found), [2, 3]);
    },
  },
  {
    title: 'I3: the entries that a watcher is handed are those that the journal has',
    async run({ store, running, commit, end }) {
      const held = await running('r');
      const handed: Entry[] = [];
      store.watchRun(key('r'), (_, written) => handed.push(...(written?.() ?? [])));
      await commit(held, { entries: [note('a'), note('b')] });
      await commit(held, { entries: [note('c')] });
      await end(held);

      const journal = await store.entries(key('r'), { after: 0, limit: 9 });
      assert.equal(journal.length, 5);
      for (const entry of handed) assert.deepEqual(entry, journal[entry.seq - 1]);
    },
  },
  {
    title: 'I3: nobody hears of a commit that was refused or stale, or of a signal that was not delivered',
    async run({ store, running, tryCommit, signal }) {
      const held = await running('r', { budget: { calls: 0 } });
      await signal('r', 'user', 'first');
      const { seen } = watching(store, 'r');
      await tryCommit(held, { ledger: { reserve: { calls: 1 } } });
      await tryCommit({ ...held, epoch: 9 }, { entries: [note('x')] });
      await signal('r', 'user', 'first');
      assert.deepEqual(seen(), []);
    },
  },
  {
    title: 'DUR-11: the queue’s watchers hear of what may be claimed, and not of every commit',
    async run({ store, start, take, commit, signal, park }) {
      const { seen } = watching(store, 'nobody');

      await start('r');
      assert.deepEqual(seen(), ['queue']);
      const held = await take('r');
      await commit(held, { entries: [note('a')], requests: [newRequest('q')] });
      assert.deepEqual(seen(), []);
      await commit(held, { children: [newChild('c', 'r')] });
      assert.deepEqual(seen(), ['queue']);
      await park(held);
      seen();
      await store.decide({ run: key('r'), request: 'q', decision: { status: 'answered', value: 1 } });
      assert.deepEqual(seen(), ['queue']);
      await commit(await take('r'), { transition: { type: 'release' } });
      assert.deepEqual(seen(), ['queue']);
      await take('r');
      await signal('r', 'user', 'x');
      assert.deepEqual(seen(), []);
    },
  },
  {
    title: 'DUR-11: the queue’s watchers hear in which tree it is, and of each tree once a write',
    async run({ store, start, take, commit, park }) {
      const trees: (string | undefined)[] = [];
      store.watchQueue((root) => trees.push(root?.run));

      await start('p');
      const parent = await take('p');
      await commit(parent, { children: [newChild('c', 'p'), newChild('d', 'p')] });
      await commit(await take('c'), { transition: { type: 'release' } });
      await start('other');
      await park(await take('d'), Number.MAX_SAFE_INTEGER);

      assert.deepEqual(trees, ['p', 'p', 'p', 'other', 'p']);
    },
  },
  {
    title: 'DUR-7: the queue’s watchers hear of a new timer, so that who sleeps till the next one looks again',
    async run({ store, clock, running, park }) {
      const held = await running('r');
      const { seen } = watching(store, 'nobody');
      await park(held, clock.now() + 5);
      assert.deepEqual(seen(), ['queue']);
    },
  },
  {
    title:
      'DEF-7: the queue’s watchers hear of a run that comes to rest: whoever follows its tree waits for nothing any more',
    async run({ store, running, commit, park }) {
      const one = await running('r');
      const other = await running('s');
      const { seen } = watching(store, 'nobody');
      await park(one);
      assert.deepEqual(seen(), ['queue']);
      const request = newRequest('q');
      await commit(other, {
        requests: [request],
        seen: 0,
        transition: { type: 'block', code: 'X', request: request.id },
      });
      assert.deepEqual(seen(), ['queue']);
    },
  },
  {
    title: 'DUR-9: the queue’s watchers hear of a park that is ready at once',
    async run({ store, running, park, signal }) {
      const held = await running('r');
      await signal('r', 'user', 'x');
      const { seen } = watching(store, 'nobody');
      await park(held, null, 0);
      assert.deepEqual(seen(), ['queue']);
    },
  },
  {
    title: 'SES-1: the queue’s watchers hear of a hand-over, and not of an end without one',
    async run({ store, start, take, end }) {
      const session = { id: 's', whenBusy: 'queue' } as const;
      await start('a', { session });
      await start('b', { session });
      const first = await take('a');
      const { seen } = watching(store, 'nobody');
      await end(first);
      assert.deepEqual(seen(), ['queue']);
      await end(await take('b'));
      assert.deepEqual(seen(), []);
    },
  },
  {
    title: 'I7: the queue’s watchers hear of a cancel of a ready run, which others may take now',
    async run({ store, start, signal }) {
      await start('r');
      const { seen } = watching(store, 'nobody');
      await signal('r', 'cancel');
      assert.deepEqual(seen(), ['queue']);
    },
  },
  {
    title:
      'REQ-8: who watches requests hears which one was opened, decided, withdrawn or used, in every run of the tenant',
    async run({ store, running, commit, end }) {
      const told: (string | undefined)[] = [];
      const watch = store.watchRequests('acme', (request) =>
        told.push(request && `${request.run.run} ${request.request}`),
      );
      const seen = (): (string | undefined)[] => told.splice(0);
      const held = await running('r');
      const decide = (run: string, request: string) =>
        store.decide({ run: key(run), request, decision: { status: 'approved' } });

      await commit(held, { requests: [newRequest('a'), newRequest('b')], entries: [note('x')] });
      assert.deepEqual(seen(), ['r a', 'r b']);
      await decide('r', 'a');
      assert.deepEqual(seen(), ['r a']);
      await decide('r', 'a');
      await commit(held, { entries: [note('y')] });
      assert.deepEqual(seen(), []);
      await commit(held, { claimRequests: ['a'] });
      assert.deepEqual(seen(), ['r a']);
      await commit(held, { closeRequests: [{ id: 'b' }], requests: [newRequest('c')] });
      assert.deepEqual(seen(), ['r b', 'r c']);
      const other = await running('s');
      await commit(other, { requests: [newRequest('d')] });
      await end(other);
      assert.deepEqual(seen(), ['s d', 's d']);
      await store.remove({ tenant: 'acme', run: 's' });
      assert.deepEqual(seen(), [undefined]);
      watch[Symbol.dispose]();
      await decide('r', 'c');
      assert.deepEqual(seen(), []);
    },
  },
  {
    title: 'REQ-8: who watches requests hears nothing of another tenant',
    async run({ store, running, commit }) {
      const told: unknown[] = [];
      store.watchRequests('other', (request) => told.push(request));
      await commit(await running('r'), { requests: [newRequest('a')] });
      assert.deepEqual(told, []);
    },
  },
  {
    title: 'I6: a watcher that throws hurts neither the write nor the other watchers',
    async run({ store, running, commit }) {
      const held = await running('r');
      const warnings: unknown[] = [];
      const onWarning = (warning: unknown): void => void warnings.push(warning);
      process.on('warning', onWarning);
      let told = 0;
      store.watchRun(key('r'), () => {
        throw new Error('A watcher of the contract suite throws, as it should');
      });
      store.watchRun(key('r'), () => (told += 1));

      await assert.doesNotReject(commit(held, { entries: [note('a')] }));

      assert.equal(told, 1);
      await new Promise((resolve) => setImmediate(resolve));
      process.off('warning', onWarning);
      assert.equal((warnings[0] as { readonly code?: unknown } | undefined)?.code, 'WATCHER_FAILED');
      assert.ok(!inspect(warnings).includes('contract suite throws'), 'What a watcher throws is told to the process');
    },
  },
  {
    title: 'I6: a watcher that was disposed is not called again, and others still are',
    async run({ store, running, commit }) {
      const held = await running('r');
      const stopped = watching(store, 'r');
      const stays = watching(store, 'r');
      stopped.stop();
      stopped.stop();
      await commit(held, { entries: [note('a')], children: [newChild('c', 'r')] });
      assert.deepEqual(stopped.seen(), []);
      assert.deepEqual(stays.seen().toSorted(), ['commit', 'queue']);
    },
  },
  {
    title: 'EVT-4: watchers hear within `noticeMs` of what another handle wrote',
    needs: 'multiProcess',
    async run({ store, capabilities, running, open }) {
      const held = await running('r');
      const other = await open();
      const { seen, stop } = watching(other, 'r');

      await store.commit({ ...held, entries: [note('a')], progress: false });

      const told: string[] = [];
      await until(() => told.push(...seen()) > 1, capabilities.noticeMs + 2_000);
      stop();
      assert.deepEqual(told.toSorted(), ['queue', 'unknown']);
      assert.equal((await other.run(key('r')))?.seq, 2);
    },
  },
  {
    title: 'REQ-8: who watches requests of another handle hears within its time that there is something',
    needs: 'multiProcess',
    async run({ store, capabilities, running, open }) {
      const held = await running('r');
      const other = await open();
      const told: unknown[] = [];
      const watch = other.watchRequests('acme', (request) => told.push(request));

      await store.commit({ ...held, entries: [], requests: [newRequest('a')], progress: false });

      await until(() => told.length > 0, capabilities.noticeMs + 2_000);
      watch[Symbol.dispose]();
      assert.deepEqual(told[0], undefined);
      assert.equal((await other.request(key('r'), 'a'))?.status, 'open');
    },
  },
];
