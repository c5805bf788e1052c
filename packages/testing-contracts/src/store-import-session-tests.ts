import assert from 'node:assert/strict';
import type { ThreadKey } from '@prusik/core';
import { at, AWAY, DIGEST, OTHER_DIGEST, session, sessionRecord, smallRun, stored } from './store-import-records.ts';
import { grantsOf, HOME, imported, page } from './store-import-scenario.ts';
import type { StoreTest } from './store-test.ts';

export const STORE_IMPORT_SESSION_TESTS: readonly StoreTest[] = [
  {
    title: 'REC-1: a session is imported closed with its conversation, and its runs come after it',
    async run({ store, clock }) {
      clock.advance(10_000);
      const answer = await store.importSession(sessionRecord(AWAY));
      assert.equal(answer.outcome, 'imported');
      await imported(
        store,
        smallRun('r', { session: 'talk' }, { notes: [{ kind: 'goal', key: 'plan', data: 'rest', at: 1_050 }] }),
      );

      assert.deepEqual(await store.session(session(AWAY)), {
        key: session(AWAY),
        state: 'closed',
        queue: [],
        createdAt: 1_000,
        cuts: [{ from: 4, to: 4 }],
        forkedFrom: { session: 'before', n: 7 },
        imported: { at: clock.now(), digest: DIGEST },
      });
      const thread: ThreadKey = { tenant: AWAY, of: 'session', id: 'talk' };
      assert.deepEqual(
        (await store.messages(thread, page)).map(({ n }) => n),
        [3, 5],
      );
      assert.deepEqual(await store.messages(thread, { ...page, hidden: true }), [stored(3), stored(4), stored(5)]);
      assert.equal((await store.message(thread, 'm5'))?.n, 5);
      assert.equal(await store.threadHead(thread), 5);
      assert.deepEqual(await store.slots(thread), [{ name: 'basket', value: 1 }]);
      assert.deepEqual(await grantsOf(store, AWAY, 'session', 'talk'), sessionRecord(AWAY).grants);
      const notes = await store.listNotes({ tenant: AWAY, session: 'talk', limit: 10 });
      assert.deepEqual(
        notes.items.map(({ data, run, at: written }) => [data, run.run, written]),
        [
          ['rest', 'r', 1_050],
          ['climb', 'gone', 1_400],
        ],
      );
      assert.equal((await store.listNotes({ tenant: AWAY, run: 'gone', limit: 10 })).items.length, 0);
      assert.equal((await store.run(at('r')))?.session, 'talk');
      assert.deepEqual(
        (await store.listRuns({ tenant: AWAY, session: 'talk', limit: 10 })).items.map(({ key }) => key.run),
        ['r'],
      );
    },
  },
  {
    title:
      'REC-1: a session that is there already is existing where it is the same, and SESSION_EXISTS where it is not',
    async run({ store, clock, running, end, start }) {
      clock.advance(10_000);
      await store.importSession(sessionRecord(AWAY));
      const before = await store.session(session(AWAY));

      assert.equal((await store.importSession(sessionRecord(AWAY))).outcome, 'existing');
      const other = await store.importSession(sessionRecord(AWAY, { imported: { digest: OTHER_DIGEST } }));
      assert.ok(other.outcome === 'refused' && other.code === 'SESSION_EXISTS');
      assert.deepEqual(await store.session(session(AWAY)), before);

      await end(await running('first', { session: { id: 'talk', whenBusy: 'refuse' } }));
      await start('second', { session: { id: 'talk', whenBusy: 'refuse' } });
      const lives = await store.importSession(sessionRecord(HOME));
      assert.ok(lives.outcome === 'refused' && lives.code === 'SESSION_EXISTS');
    },
  },
  {
    title: 'REC-1: of a session that was imported without its content no conversation is made',
    async run({ store, clock }) {
      clock.advance(10_000);
      await store.importSession(sessionRecord(AWAY, { imported: { digest: DIGEST, redacted: true } }));
      const whole = sessionRecord(AWAY);
      const other = { ...whole, session: { ...whole.session, key: session(AWAY, 'whole') } };
      await store.importSession(other);

      assert.deepEqual(await store.forkSession(session(AWAY), 'copy', 5), { outcome: 'redacted' });
      assert.equal(await store.session(session(AWAY, 'copy')), undefined);
      assert.equal((await store.forkSession(session(AWAY, 'whole'), 'copy', 5)).outcome, 'forked');
    },
  },
];
