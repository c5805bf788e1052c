import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { ARTIFACT_NOTE, type CompactResult, type EndedTrees, type Store, type TreeCompaction } from '@prusik/core';
import { key, message, newChild, newRequest, newRun, note } from './store-scenario.ts';
import type { StoreTest, StoreTestBed } from './store-test.ts';

const own = (id: string) => ({ tenant: 'acme', of: 'run', id }) as const;
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const hashOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;

/** A tree that has ended, with a row of every kind that a compaction takes or leaves. */
async function endedTree({ store, start, take, commit, end, signal }: StoreTestBed, id: string): Promise<void> {
  await start(id, { messages: [message('m')], budget: { calls: 9 } });
  const root = await take(id);
  const child = `${id}-child`;
  await signal(id, 'user', 'hello');
  const { hash, size } = await store.putBlob('acme', bytesOf('plan'));
  await commit(root, {
    entries: [note('n')],
    messages: { from: 2, items: [message('m2')] },
    notes: [
      { kind: 'goal', key: 's', data: 'rope' },
      { kind: ARTIFACT_NOTE, key: 's', data: { name: 'plan', type: 'text/plain', hash, size } },
    ],
    slots: [{ name: 'held', value: 1 }],
    children: [newChild(child, id, { messages: [message('of-the-child')] })],
    requests: [newRequest(`ask-${id}`)],
  });
  await store.decide({ run: key(id), request: `ask-${id}`, decision: { status: 'answered', value: 1, by: 'ann' } });
  await end(await take(child));
  await commit(root, {
    entries: [{ type: 'run-end', status: 'completed' }],
    transition: { type: 'end', status: 'completed', output: { of: id } },
  });
}

/** What a run goes on by. */
const state = async (store: Store, id: string): Promise<unknown> => ({
  entries: await store.entries(key(id), { after: 0, limit: 100 }),
  inbox: await store.inbox(key(id), { after: 0, limit: 100 }),
  messages: await store.messages(own(id), { after: 0, limit: 100 }),
  slots: await store.slots(own(id)),
});
const NO_STATE = { entries: [], inbox: [], messages: [], slots: [] };

const notesOf = async (store: Store, id: string): Promise<readonly string[]> =>
  (await store.listNotes({ tenant: 'acme', run: id, limit: 10 })).items.map(({ kind }) => kind);

const compact = (store: Store, more: Partial<EndedTrees> & { readonly dryRun?: boolean }): Promise<CompactResult> =>
  store.compact({ tenant: 'acme', keep: 0, limit: 100, ...more });

const rootsOf = (answer: CompactResult): readonly string[] =>
  answer.outcome === 'compacted' ? answer.trees.map(({ root }) => root.run) : [answer.outcome];

export const STORE_COMPACTION_TESTS: readonly StoreTest[] = [
  {
    title: 'REC-4: of a compacted tree the record is left, and the answer counts what was taken',
    async run(bed) {
      const { store, clock, run } = bed;
      await endedTree(bed, 'r');
      const [root, child] = [await run('r'), await run('r-child')];
      const [request, ledger] = [await store.request(key('r'), 'ask-r'), await store.ledger(key('r'))];
      assert.deepEqual((await notesOf(store, 'r')).toSorted(), [ARTIFACT_NOTE, 'goal']);
      clock.advance(5);

      const answer = await store.compact({ tenant: 'acme', run: 'r' });

      assert.deepEqual(answer, {
        outcome: 'compacted',
        // 1 + note + end of the root, 1 + end of the child; the signal, the decision and the end of the child.
        taken: { runs: 2, entries: 5, messages: 3, notes: 1, slots: 1, signals: 3 },
        trees: [{ root: key('r'), definition: 'order', status: 'completed', endedAt: root.endedAt, runs: 2 }],
      });
      for (const id of ['r', 'r-child']) assert.deepEqual(await state(store, id), NO_STATE);
      assert.deepEqual(await notesOf(store, 'r'), [ARTIFACT_NOTE]);
      assert.deepEqual(await run('r'), { ...root, compactedAt: clock.now() });
      assert.deepEqual(await run('r-child'), { ...child, compactedAt: clock.now() });
      assert.deepEqual(await store.request(key('r'), 'ask-r'), request);
      assert.deepEqual(await store.ledger(key('r')), ledger);
      const { items } = await store.listRuns({ tenant: 'acme', root: 'r', limit: 9 });
      assert.deepEqual(
        items.map((one) => [one.key.run, one.seq, one.compactedAt]),
        [await run('r-child'), await run('r')].map((one) => [one.key.run, one.seq, one.compactedAt]),
      );
    },
  },
  {
    title: 'REC-4: a compaction takes nothing of what stands beside it',
    async run(bed) {
      const { store } = bed;
      await endedTree(bed, 'stays');
      await endedTree(bed, 'goes');
      const before = await state(store, 'stays');
      await store.compact({ tenant: 'acme', run: 'goes' });
      assert.deepEqual(await state(store, 'stays'), before);
      assert.deepEqual((await notesOf(store, 'stays')).length, 2);
    },
  },
  {
    title:
      'REC-4, DUR-1: a start of a compacted run’s id finds it and its result, and another input is refused as before',
    async run(bed) {
      const { store, run } = bed;
      await endedTree(bed, 'r');
      await store.compact({ tenant: 'acme', run: 'r' });

      const again = await store.start(newRun('r'));
      assert.deepEqual(again, { outcome: 'existing', run: await run('r') });
      assert.deepEqual((await run('r')).output, { of: 'r' });
      const other = await store.start(newRun('r', { inputHash: 'sha256:other' }));
      assert.equal(other.outcome === 'refused' && other.code, 'RUN_INPUT_MISMATCH');
    },
  },
  {
    title: 'REC-4: what is live, a child, or not there is compacted no more than it is removed',
    async run({ store, running, commit, end, run }) {
      const root = await running('r');
      await commit(root, { children: [newChild('child', 'r')] });
      await end(root);

      const refused = await store.compact({ tenant: 'acme', run: 'r' });
      assert.deepEqual(refused, { outcome: 'refused', code: 'RUN_LIVE', run: await run('child') });
      assert.deepEqual(await compact(store, {}), {
        outcome: 'compacted',
        taken: { runs: 0, entries: 0, messages: 0, notes: 0, slots: 0, signals: 0 },
        trees: [],
      });
      const child = await store.compact({ tenant: 'acme', run: 'child' });
      assert.deepEqual(child, { outcome: 'refused', code: 'RUN_NOT_ROOT', run: await run('child') });
      assert.deepEqual(await store.compact({ tenant: 'acme', run: 'nobody' }), { outcome: 'unknown' });
      assert.equal((await store.entries(key('r'), { after: 0, limit: 9 })).length, 2);
    },
  },
  {
    title: 'REC-4: trees are compacted by age and number as they are removed, and none twice',
    async run({ store, clock, running, end }) {
      for (const id of ['a', 'b', 'c', 'd']) {
        clock.advance(1);
        await end(await running(id));
      }
      assert.deepEqual(rootsOf(await compact(store, { keep: 1, dryRun: true })), ['a', 'b', 'c']);
      assert.deepEqual(rootsOf(await compact(store, { keep: 1, limit: 2 })), ['a', 'b']);
      assert.deepEqual(rootsOf(await compact(store, { keep: 1, limit: 2 })), ['c']);
      assert.deepEqual(rootsOf(await compact(store, { keep: 1 })), []);
      const again = await store.compact({ tenant: 'acme', run: 'a' });
      assert.deepEqual(again.outcome === 'compacted' && [again.taken.runs, again.trees], [0, []]);
    },
  },
  {
    title: 'REC-4: a dry run says what a compaction takes, and writes nothing',
    async run(bed) {
      const { store } = bed;
      await endedTree(bed, 'r');
      const before = await state(store, 'r');
      const named: TreeCompaction = { tenant: 'acme', run: 'r' };
      const planned = [await store.compact({ ...named, dryRun: true }), await compact(store, { dryRun: true })];
      assert.deepEqual(await state(store, 'r'), before);
      const done = await store.compact(named);
      assert.deepEqual(planned, [done, done]);
    },
  },
  {
    title: 'REC-4, DUR-7: blobs that input, output or an artifact names stay, and those that steps alone have used go',
    async run({ store, start, take, commit, end }) {
      const texts = ['of input', 'of output', 'of artifact', 'of step'];
      for (const text of texts) await store.putBlob('acme', bytesOf(text));
      const [input = '', output = '', artifact = '', step = ''] = texts.map(hashOf);
      await start('r', { input: { blob: input }, blobs: [input] });
      const held = await take('r');
      await commit(held, {
        blobs: [output, step],
        notes: [{ kind: ARTIFACT_NOTE, key: 's', data: { name: 'a', type: 'text/plain', hash: artifact, size: 11 } }],
      });
      await commit(held, {
        entries: [{ type: 'run-end', status: 'completed' }],
        transition: { type: 'end', status: 'completed', output: `see ${output}` },
      });
      await end(await take((await start('other')).key.run));
      await store.sweepBlobs({ graceMs: 0 });
      const there = async (): Promise<readonly string[]> => {
        const found = await Promise.all(texts.map(async (text) => store.blob('acme', hashOf(text))));
        return texts.filter((_, at) => found[at] !== undefined);
      };
      assert.deepEqual(await there(), texts);

      await store.compact({ tenant: 'acme', run: 'r' });
      await store.sweepBlobs({ graceMs: 0 });

      assert.deepEqual(await there(), ['of input', 'of output', 'of artifact']);
    },
  },
  {
    title: 'REC-4, SES-5: a session keeps its messages, notes and slots, and its last run while it is open',
    async run({ store, clock, start, take, commit, end }) {
      const talk = { tenant: 'acme', of: 'session', id: 's' } as const;
      const all = async (): Promise<unknown> => [
        await store.messages(talk, { after: 0, limit: 9 }),
        await store.listNotes({ tenant: 'acme', session: 's', limit: 9 }),
        await store.slots(talk),
      ];
      for (const id of ['first', 'last']) {
        clock.advance(1);
        await start(id, { session: { id: 's', whenBusy: 'refuse' }, messages: [message(id)] });
        const held = await take(id);
        await commit(held, { notes: [{ kind: 'goal', key: 's', data: id }], slots: [{ name: 'held', value: id }] });
        await end(held);
      }
      const before = await all();

      assert.deepEqual(rootsOf(await compact(store, {})), ['first']);
      assert.deepEqual(await all(), before);
      await store.moveSession({ tenant: 'acme', session: 's' }, 'closed');
      assert.deepEqual(rootsOf(await compact(store, {})), ['last']);
      assert.deepEqual(await all(), before);
    },
  },
  {
    title: 'REC-4: a compacted tree is removed like any other, and only what is left of it is counted',
    async run(bed) {
      const { store } = bed;
      await endedTree(bed, 'r');
      await store.compact({ tenant: 'acme', run: 'r' });

      const answer = await store.remove({ tenant: 'acme', run: 'r' });

      assert.deepEqual(answer.outcome === 'removed' && answer.removed, {
        sessions: 0,
        runs: 2,
        entries: 0,
        messages: 0,
        notes: 1,
        slots: 0,
        signals: 0,
        requests: 1,
        ledgers: 1,
      });
      assert.equal((await store.start(newRun('r'))).outcome, 'created');
      assert.equal((await store.run(key('r')))?.compactedAt, undefined);
      assert.equal((await store.entries(key('r'), { after: 0, limit: 9 })).length, 1);
    },
  },
  {
    title: 'REC-4: a signal, a decision or a cancel to a compacted run is answered as to one that has ended',
    async run(bed) {
      const { store, signal } = bed;
      await endedTree(bed, 'r');
      const asked = async (): Promise<readonly unknown[]> => [
        (await signal('r', 'user', 'late')).outcome,
        (await signal('r', 'cancel')).outcome,
        (await store.decide({ run: key('r'), request: 'ask-r', decision: { status: 'answered', value: 2 } })).outcome,
      ];
      const before = await asked();
      await store.compact({ tenant: 'acme', run: 'r' });
      assert.deepEqual(await asked(), before);
      assert.deepEqual(await state(store, 'r'), NO_STATE);
    },
  },
  {
    title: 'REC-4: what was compacted stays compacted',
    needs: 'durable',
    async run(bed) {
      const { store, open } = bed;
      await endedTree(bed, 'r');
      await store.compact({ tenant: 'acme', run: 'r' });
      const before = await store.run(key('r'));
      await store[Symbol.asyncDispose]();

      const again = await open();

      assert.deepEqual(await state(again, 'r'), NO_STATE);
      assert.deepEqual(await again.run(key('r')), before);
      assert.equal(typeof before?.compactedAt, 'number');
    },
  },
  {
    title: 'EVT-2, REC-4: a run’s watchers hear that it was compacted',
    async run(bed) {
      const { store } = bed;
      await endedTree(bed, 'r');
      const told: string[] = [];
      for (const id of ['r', 'r-child']) store.watchRun(key(id), (why) => told.push(`${id} ${why}`));
      await store.compact({ tenant: 'acme', run: 'r', dryRun: true });
      assert.deepEqual(told, []);
      await store.compact({ tenant: 'acme', run: 'r' });
      assert.deepEqual(told.toSorted(), ['r end', 'r-child end']);
    },
  },
  {
    title: 'I9: a compaction of nothing, of a session, or of two things at once is a wrong argument',
    async run({ store }) {
      const wrong = [
        {},
        { session: 's' },
        { run: '' },
        { run: 'r', limit: 1, keep: 1 },
        { limit: 1 },
        { limit: 0, keep: 1 },
        { run: 'r', dryRun: 1 },
      ];
      for (const more of wrong)
        await assert.rejects(store.compact({ tenant: 'acme', ...more } as TreeCompaction), TypeError);
    },
  },
];
