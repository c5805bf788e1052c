import assert from 'node:assert/strict';
import { PLAIN_TEXT } from '@prusik/core';
import { counted, NO_TRACE, removed, runs, session, traces, tree } from './store-removal-scenario.ts';
import { key, LEASE_MS, message, newChild, newRequest, newRun, note } from './store-scenario.ts';
import type { StoreTest, StoreTestBed } from './store-test.ts';

/** A tree that has ended, with a row of every kind: a root with a ledger, a message, a signal and a request, and a child with a message. */
async function endedTree({ store, start, take, commit, end, signal }: StoreTestBed, id: string): Promise<void> {
  await start(id, { messages: [message('m')], budget: { calls: 9 } });
  const root = await take(id);
  const child = `${id}-child`;
  await signal(id, 'user', 'hello');
  await commit(root, {
    entries: [note('n')],
    messages: { from: 2, items: [message('m2')] },
    children: [newChild(child, id, { messages: [message('of-the-child')] })],
    requests: [newRequest(`ask-${id}`)],
  });
  await end(await take(child));
  await end(root);
  assert.equal((await store.run(key(id)))?.status, 'completed');
}

export const STORE_REMOVAL_TESTS: readonly StoreTest[] = [
  {
    title: 'REC-4: a tree that is removed is found by nobody, and the answer counts what it was',
    async run(bed) {
      const { store, tryCommit } = bed;
      await endedTree(bed, 'r');
      const answer = await store.remove(tree('r'));

      // 1 + note + end of the root, 1 + end of the child; the signal, and the end of the child.
      assert.deepEqual(
        counted(answer),
        removed({ runs: 2, entries: 5, messages: 3, signals: 2, requests: 1, ledgers: 1 }),
      );
      assert.deepEqual(await traces(store, 'r'), NO_TRACE);
      assert.deepEqual(await traces(store, 'r-child'), NO_TRACE);
      assert.deepEqual(await tryCommit({ run: key('r'), epoch: 1 }), { outcome: 'stale' });
    },
  },
  {
    title: 'REC-4: a removal takes nothing of what stands beside it',
    async run(bed) {
      const { store } = bed;
      await endedTree(bed, 'stays');
      const before = await traces(store, 'stays');
      await endedTree(bed, 'goes');
      await store.remove(tree('goes'));

      assert.deepEqual(await traces(store, 'stays'), before);
      assert.deepEqual(await runs(store), ['stays-child', 'stays']);
      assert.deepEqual(
        (await store.listRequests({ tenant: 'acme', limit: 10 })).items.map(({ id }) => id),
        ['ask-stays'],
      );
    },
  },
  {
    title: 'REC-4: the ids of what was removed can be used again, and nothing of it comes back',
    async run(bed) {
      const { store, journal, inboxOf } = bed;
      await endedTree(bed, 'r');
      const first = await traces(store, 'r');
      await store.remove(tree('r'));

      const again = await store.start(newRun('r', { inputHash: 'sha256:other' }));
      assert.equal(again.outcome, 'created');
      assert.deepEqual([await journal('r'), await inboxOf('r')], [['run-start'], []]);
      await store.signal({ run: key('r'), kind: 'cancel', key: 'cancel', body: null });
      await bed.end(await bed.take('r'), 'cancelled');
      await store.remove(tree('r'));

      await endedTree(bed, 'r');
      const second = await traces(store, 'r');
      assert.deepEqual(JSON.parse(JSON.stringify(second)), JSON.parse(JSON.stringify(first)));
    },
  },
  {
    title: 'REC-4: a tree in which a run is live is refused with RUN_LIVE, whole, whoever of it that is',
    async run({ store, start, running, take, commit, end, run }) {
      await start('queued');
      const root = await running('root');
      await commit(root, { children: [newChild('child', 'root')] });
      await end(root);

      assert.deepEqual(await store.remove(tree('queued')), {
        outcome: 'refused',
        code: 'RUN_LIVE',
        run: await run('queued'),
      });
      assert.deepEqual(await store.remove(tree('root')), {
        outcome: 'refused',
        code: 'RUN_LIVE',
        run: await run('child'),
      });
      assert.equal((await run('root')).status, 'completed');
      await end(await take('child'));
      assert.deepEqual(counted(await store.remove(tree('root'))), removed({ runs: 2, entries: 4 }));
    },
  },
  {
    title: 'REC-4: a child is removed with its root, never alone',
    async run(bed) {
      const { store, run } = bed;
      await endedTree(bed, 'r');
      const refused = await store.remove(tree('r-child'));
      assert.deepEqual(refused, { outcome: 'refused', code: 'RUN_NOT_ROOT', run: await run('r-child') });
      assert.deepEqual(await runs(store), ['r-child', 'r']);
    },
  },
  {
    title: 'REC-4: what is not there, or another tenant’s, is unknown',
    async run(bed) {
      const { store } = bed;
      await endedTree(bed, 'r');
      assert.deepEqual(await store.remove(tree('nobody')), { outcome: 'unknown' });
      assert.deepEqual(await store.remove({ tenant: 'other', run: 'r' }), { outcome: 'unknown' });
      assert.deepEqual(await store.remove(session('nobody')), { outcome: 'unknown' });
      assert.deepEqual(await runs(store), ['r-child', 'r']);
    },
  },
  {
    title: 'REC-4: of two that remove the same at once, one does it',
    async run(bed) {
      const { store } = bed;
      await endedTree(bed, 'r');
      const answers = await Promise.all([store.remove(tree('r')), store.remove(tree('r'))]);
      assert.deepEqual(
        answers.map(({ outcome }) => outcome),
        ['removed', 'unknown'],
      );
    },
  },
  {
    title: 'REC-4: a journal of thousands of entries goes in one call',
    async run({ store, running, commit, end }) {
      const held = await running('r');
      for (let n = 0; n < 3; n += 1)
        await commit(held, { entries: Array.from({ length: 1_000 }, () => note('x')), messages: messagesFrom(n) });
      await end(held);
      assert.deepEqual(counted(await store.remove(tree('r'))), removed({ runs: 1, entries: 3_002, messages: 1_500 }));
      assert.deepEqual(await traces(store, 'r'), NO_TRACE);
    },
  },
  {
    title: 'REC-4: what was removed stays removed',
    needs: 'durable',
    async run(bed) {
      const { store, open } = bed;
      await endedTree(bed, 'r');
      await store.remove(tree('r'));
      await store[Symbol.asyncDispose]();

      const again = await open();

      assert.deepEqual(await traces(again, 'r'), NO_TRACE);
      assert.equal((await again.start(newRun('r'))).outcome, 'created');
    },
  },
  {
    title: 'EVT-4: text in progress that a lost worker left goes with its run',
    async run({ store, clock, start, take, end, running }) {
      const lost = await running('r');
      const said = {
        step: 'a',
        kind: 'model',
        attempt: 1,
        block: PLAIN_TEXT,
        offset: 0,
        text: 'secret',
        head: 6,
      } as const;
      await store.writeLiveText([{ run: lost.run, epoch: lost.epoch, texts: [said], ended: [] }]);
      clock.advance(LEASE_MS);
      await end(await take('r'));
      await store.remove(tree('r'));

      await start('r');
      const held = await take('r');

      assert.equal(held.epoch, lost.epoch);
      assert.deepEqual(await store.liveText(key('r'), []), []);
    },
  },
  {
    title: 'EVT-2: a run’s watchers hear of its removal',
    async run(bed) {
      const { store } = bed;
      await endedTree(bed, 'r');
      const told: string[] = [];
      for (const id of ['r', 'r-child', 'other']) store.watchRun(key(id), (why) => told.push(`${id} ${why}`));

      await store.remove(tree('r'));

      assert.deepEqual(told.toSorted(), ['r end', 'r-child end']);
    },
  },
  {
    title: 'I9: a removal of nothing, of two things at once, or of more than a number of trees is a wrong argument',
    async run({ store }) {
      const wrong = [
        { tenant: 'acme' },
        { tenant: 'acme', run: 'r', session: 's' },
        { tenant: 'acme', run: '' },
        { tenant: '', run: 'r' },
        { tenant: 'acme', endedBefore: 1 },
        { tenant: 'acme', endedBefore: Number.NaN, limit: 1 },
        { tenant: 'acme', endedBefore: 1, limit: 0 },
      ];
      for (const removal of wrong) await assert.rejects(store.remove(removal as ReturnType<typeof tree>), TypeError);
    },
  },
];

const messagesFrom = (n: number) => ({
  from: n * 500 + 1,
  items: Array.from({ length: 500 }, (_, index) => message(`m${n * 500 + index}`)),
});
