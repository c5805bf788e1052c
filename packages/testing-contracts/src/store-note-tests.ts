import assert from 'node:assert/strict';
import type { NewNote, NewRun, Note, NoteQuery, Store } from '@prusik/core';
import { key, message, newChild, newRun, type StoreScenario } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

const inSession = (id: string): Pick<NewRun, 'session'> => ({ session: { id, whenBusy: 'queue' } });
const goal = (data: string): NewNote => ({ kind: 'goal', key: 'plan', data });
const todo = (data: string): NewNote => ({ kind: 'todo', key: 'tool:1', data });

const listed = async (store: Store, query: Partial<NoteQuery> = {}): Promise<readonly Note[]> =>
  (await store.listNotes({ tenant: 'acme', limit: 100, ...query })).items;
const told = async (store: Store, query: Partial<NoteQuery> = {}): Promise<readonly unknown[]> =>
  (await listed(store, query)).map(({ data }) => data);

/** A run of a session that has written a note and ended. */
async function ended({ running, commit, end }: StoreScenario, id: string, more: Partial<NewRun>, note: NewNote) {
  const held = await running(id, more);
  await commit(held, { notes: [note] });
  await end(held);
}

export const STORE_NOTE_TESTS: readonly StoreTest[] = [
  {
    title: 'SES-11: a commit keeps notes as they are, with what wrote them and when',
    async run({ store, clock, running, commit }) {
      const held = await running('r', inSession('talk'));
      clock.advance(7);
      await commit(held, { notes: [{ kind: 'goal', key: 'plan', data: { climb: ['the', 'north', 'face', null] } }] });
      await commit(await running('alone'), { notes: [todo('rope')] });

      const [alone, talk, ...more] = await listed(store);
      assert.deepEqual(more, []);
      assert.deepEqual(talk, {
        id: talk?.id,
        kind: 'goal',
        key: 'plan',
        data: { climb: ['the', 'north', 'face', null] },
        run: key('r'),
        session: 'talk',
        definition: 'order',
        at: clock.now(),
      });
      assert.notEqual(alone?.id, talk?.id);
      assert.ok(alone !== undefined && !('session' in alone));
    },
  },
  {
    title:
      'SES-11: listNotes() shows a tenant’s notes, newest first, by session, run, definition and kind, and by all of them together',
    async run({ store, running, commit, take, end }) {
      const first = await running('first', inSession('talk'));
      await commit(first, { notes: [goal('g1'), todo('t1')] });
      await end(first);
      await store.start(newRun('refunds', { definition: 'refund' }));
      const refunds = await take('refunds', { definitions: [{ name: 'refund', versions: ['1'] }] });
      await commit(refunds, { notes: [goal('g0')] });
      const parent = await running('p');
      await commit(parent, { notes: [todo('t2')], children: [newChild('c', 'p')] });
      await commit(await take('c'), { notes: [goal('g2')] });

      assert.deepEqual(await told(store), ['g2', 't2', 'g0', 't1', 'g1']);
      assert.deepEqual(await told(store, { session: 'talk' }), ['t1', 'g1']);
      assert.deepEqual(await told(store, { run: 'c' }), ['g2']);
      assert.deepEqual(await told(store, { kind: ['goal'] }), ['g2', 'g0', 'g1']);
      assert.deepEqual(await told(store, { kind: ['goal', 'todo'] }), ['g2', 't2', 'g0', 't1', 'g1']);
      assert.deepEqual(await told(store, { kind: [] }), []);
      assert.deepEqual(await told(store, { definition: 'order' }), ['g2', 't2', 't1', 'g1']);
      assert.deepEqual(await told(store, { definition: 'refund' }), ['g0']);
      assert.deepEqual(await told(store, { session: 'talk', run: 'first', kind: ['goal'], definition: 'order' }), [
        'g1',
      ]);
      for (const nobody of [{ tenant: 'other' }, { session: 'nobody' }, { run: 'nobody' }])
        assert.deepEqual(await told(store, nobody), []);
    },
  },
  {
    title: 'SES-11: pages of notes join without a gap or a repeat, also when notes are written meanwhile',
    async run({ store, running, commit }) {
      const held = await running('r');
      const written = Array.from({ length: 7 }, (_, n) => `n${n}`);
      await commit(held, { notes: written.map(goal) });

      const found: unknown[] = [];
      let after: string | undefined;
      do {
        const page = await store.listNotes({ tenant: 'acme', limit: 3, ...(after === undefined ? {} : { after }) });
        found.push(...page.items.map(({ data }) => data));
        after = page.next;
        await commit(held, { notes: [goal('later')] });
      } while (after !== undefined && found.length < 100);

      assert.deepEqual(found, written.toReversed());
    },
  },
  {
    title: 'SES-11, I1: a commit that is refused, or comes too late, leaves no note',
    async run({ store, clock, running, tryCommit, take }) {
      const held = await running('r');
      const refused = await tryCommit(held, { notes: [goal('g')], messages: { from: 9, items: [message('m')] } });
      assert.equal(refused.outcome, 'refused');
      clock.advance(60_000);
      await take('r');
      assert.equal((await tryCommit(held, { notes: [goal('g')] })).outcome, 'stale');

      assert.deepEqual(await told(store), []);
    },
  },
  {
    title: 'SES-11: a note that cannot be one is a TypeError, and the commit writes nothing',
    async run({ store, running, tryCommit }) {
      const held = await running('r');
      const wrong: readonly object[] = [
        { key: 'k', data: 1 },
        { kind: '', key: 'k', data: 1 },
        { kind: 'x'.repeat(65), key: 'k', data: 1 },
        { kind: 'goal', key: '', data: 1 },
        { kind: 'goal', key: 'k' },
      ];
      for (const note of wrong) {
        const notes = [goal('g'), note as NewNote];
        await assert.rejects(tryCommit(held, { notes }), TypeError, JSON.stringify(note));
      }
      assert.deepEqual(await told(store), []);
    },
  },
  {
    title: 'SES-11, REC-4: notes of a run in no session are removed and counted with it',
    async run(bed) {
      const { store } = bed;
      await ended(bed, 'r', {}, goal('g'));
      await ended(bed, 'stays', {}, goal('stays'));

      const answer = await store.remove({ tenant: 'acme', run: 'r' });

      assert.ok(answer.outcome === 'removed');
      assert.equal(answer.removed.notes, 1);
      assert.deepEqual(await told(store), ['stays']);
      await ended(bed, 'r', {}, goal('again'));
      assert.deepEqual(await told(store, { run: 'r' }), ['again']);
    },
  },
  {
    title:
      'SES-11, REC-4: notes of a run in a session stay when it is removed, and are no notes of another run of that id',
    async run(bed) {
      const { store } = bed;
      await ended(bed, 'r', inSession('talk'), goal('g'));

      const answer = await store.remove({ tenant: 'acme', run: 'r' });

      assert.ok(answer.outcome === 'removed');
      assert.equal(answer.removed.notes, 0);
      assert.deepEqual(await told(store, { session: 'talk' }), ['g']);
      assert.deepEqual(await told(store, { run: 'r' }), []);
      await ended(bed, 'r', inSession('talk'), goal('again'));
      assert.deepEqual(await told(store, { run: 'r' }), ['again']);
    },
  },
  {
    title: 'SES-11, REC-4: notes of a session are removed and counted with it',
    async run(bed) {
      const { store } = bed;
      await ended(bed, 'r', inSession('talk'), goal('g'));
      await ended(bed, 'other', inSession('other'), goal('stays'));
      const talk = { tenant: 'acme', session: 'talk' };
      for (const life of ['closing', 'closed'] as const) await store.moveSession(talk, life);

      const answer = await store.remove(talk);

      assert.ok(answer.outcome === 'removed');
      assert.equal(answer.removed.notes, 1);
      assert.deepEqual(await told(store), ['stays']);
      await ended(bed, 'r', inSession('talk'), goal('again'));
      assert.deepEqual(await told(store, { session: 'talk' }), ['again']);
    },
  },
  {
    title: 'SES-11: notes are there when the store is opened again, and later ones come after them',
    needs: 'durable',
    async run({ store, open, running, commit }) {
      const held = await running('r');
      await commit(held, { notes: [goal('g1')] });
      await store[Symbol.asyncDispose]();

      const again = await open();
      await again.commit({ run: held.run, epoch: held.epoch, entries: [], progress: false, notes: [goal('g2')] });

      assert.deepEqual(await told(again, { run: 'r' }), ['g2', 'g1']);
    },
  },
];
