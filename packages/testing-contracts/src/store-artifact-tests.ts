import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { ARTIFACT_NOTE, listArtifacts, type Json, type NewNote, type Store } from '@prusik/core';
import { key, message, newChild, type StoreScenario } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

const TALK = { session: { id: 'talk', whenBusy: 'queue' } } as const;

/** An artifact of this text, whose bytes are there. */
async function made(store: Store, name: string, text: string): Promise<NewNote> {
  const { hash, size } = await store.putBlob('acme', new TextEncoder().encode(text));
  return { kind: ARTIFACT_NOTE, key: 'make', data: { name, type: 'text/plain', hash, size } };
}

const named = async (store: Store, run: string): Promise<readonly string[]> =>
  (await listArtifacts(store, key(run))).map((artifact) => `${artifact.run.run}: ${artifact.name}, ${artifact.size}`);

/** A run of a session that has made something, said something, and ended. */
async function ended({ store, running, commit, end }: StoreScenario & { readonly store: Store }): Promise<void> {
  const held = await running('r', TALK);
  await commit(held, { notes: [await made(store, 'plan', 'of the run'), { kind: 'goal', key: 'make', data: 'up' }] });
  await end(held);
}

export const STORE_ARTIFACT_TESTS: readonly StoreTest[] = [
  {
    title:
      'REC-5: what a run has made is found by the run, with that of the runs below it, newest first, and the newest of each name alone',
    async run({ store, clock, running, commit, take }) {
      const parent = await running('p');
      await commit(parent, {
        notes: [await made(store, 'plan', 'a'), await made(store, 'map', 'ab')],
        children: [newChild('c', 'p')],
      });
      clock.advance(1);
      const child = await take('c');
      await commit(child, {
        notes: [await made(store, 'plan', 'abc')],
        children: [{ ...newChild('g', 'c'), root: 'p', depth: 2 }],
      });
      clock.advance(1);
      await commit(parent, { notes: [await made(store, 'plan', 'abcd')] });
      clock.advance(1);
      await commit(await take('g'), { notes: [await made(store, 'photo', 'abcde')] });
      await commit(await running('other'), { notes: [await made(store, 'plan', 'other')] });

      assert.deepEqual(await named(store, 'p'), ['g: photo, 5', 'p: plan, 4', 'c: plan, 3', 'p: map, 2']);
      assert.deepEqual(await named(store, 'c'), ['g: photo, 5', 'c: plan, 3']);
      assert.deepEqual(await named(store, 'nobody'), []);
    },
  },
  {
    title:
      'REC-5, SES-11: what a run of a session has made is the run’s and no note of the session, and goes with the run',
    async run(bed) {
      const { store } = bed;
      await ended(bed);
      const kinds = async (query: object): Promise<readonly string[]> =>
        (await store.listNotes({ tenant: 'acme', limit: 9, ...query })).items.map(
          (note) => `${note.kind} ${note.session ?? '-'}`,
        );

      assert.deepEqual(await kinds({ run: 'r' }), ['goal talk', 'artifact -']);
      assert.deepEqual(await kinds({ session: 'talk' }), ['goal talk']);
      const answer = await store.remove({ tenant: 'acme', run: 'r' });

      assert.ok(answer.outcome === 'removed');
      assert.equal(answer.removed.notes, 1);
      assert.deepEqual(await kinds({}), ['goal talk']);
    },
  },
  {
    title: 'REC-5, REC-4: bytes that a run has made are used by it alone: they go when it does, and its session stays',
    async run(bed) {
      const { store } = bed;
      await ended(bed);
      const sweep = async (): Promise<number> => (await store.sweepBlobs({ graceMs: 0 })).blobs;

      assert.equal(await sweep(), 0);
      await store.remove({ tenant: 'acme', run: 'r' });

      assert.equal(await sweep(), 1);
    },
  },
  {
    title:
      'REC-5: an artifact without its bytes is refused with BLOB_UNKNOWN, what is none is a TypeError, and nothing is written',
    async run({ store, running, tryCommit }) {
      const held = await running('r');
      const unknown = `sha256:${createHash('sha256').update('never put').digest('hex')}`;
      const sound = { name: 'plan', type: 'text/plain', hash: unknown, size: 1 };
      const artifact = (data: Json): NewNote => ({ kind: ARTIFACT_NOTE, key: 'k', data });

      const refused = await tryCommit(held, { notes: [artifact(sound)] });
      assert.ok(refused.outcome === 'refused');
      assert.equal(refused.code, 'BLOB_UNKNOWN');
      const wrong: readonly Json[] = [
        null,
        'plan',
        { ...sound, name: '' },
        { ...sound, name: 'x'.repeat(201) },
        { ...sound, type: 'markdown' },
        { ...sound, type: `text/${'x'.repeat(127)}` },
        { ...sound, title: 7 },
        { ...sound, hash: unknown.slice(1) },
        { ...sound, size: -1 },
      ];
      for (const data of wrong)
        await assert.rejects(tryCommit(held, { notes: [artifact(data)] }), TypeError, JSON.stringify(data));
      const { items } = await store.listNotes({ tenant: 'acme', limit: 9 });
      assert.deepEqual(items, []);
    },
  },
  {
    title: 'REC-5, REC-4: of a compacted run of a session all that it has made is left, with its bytes',
    async run(bed) {
      const { store, running, commit, end } = bed;
      const held = await running('r', TALK);
      await commit(held, {
        notes: [await made(store, 'plan', 'of the run'), await made(store, 'map', 'a map')],
        messages: { from: 1, items: [message('m')] },
      });
      await end(held);

      const answer = await store.compact({ tenant: 'acme', run: 'r' });

      assert.ok(answer.outcome === 'compacted');
      assert.equal(answer.taken.notes, 0);
      assert.equal((await store.sweepBlobs({ graceMs: 0 })).blobs, 0);
      assert.deepEqual((await named(store, 'r')).toSorted(), ['r: map, 5', 'r: plan, 10']);
    },
  },
];
