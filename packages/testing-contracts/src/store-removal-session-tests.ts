import assert from 'node:assert/strict';
import { counted, inSession, NO_TRACE, removed, runs, session, traces, tree } from './store-removal-scenario.ts';
import { message, newChild } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

export const STORE_REMOVAL_SESSION_TESTS: readonly StoreTest[] = [
  {
    title: 'REC-4: a run of a session goes without the session’s messages, and the session goes on',
    async run({ store, start, take, end }) {
      await start('first', { ...inSession('s'), messages: [message('ask')] });
      await end(await take('first'));

      assert.deepEqual(counted(await store.remove(tree('first'))), removed({ runs: 1, entries: 2 }));

      const stored = await store.messages({ tenant: 'acme', of: 'session', id: 's' }, { after: 0, limit: 5 });
      assert.deepEqual(
        stored.map((one) => [one.n, one.message.id]),
        [[1, 'ask']],
      );
      await start('second', { ...inSession('s'), messages: [message('again')] });
      assert.equal((await take('second')).claim.threadHead, 2);
      assert.equal((await store.session(session('s')))?.activeRun, 'second');
    },
  },
  {
    title: 'SES-8: a session is removed when it is closed, and refused with SESSION_NOT_CLOSED before',
    async run({ store, start, take, end }) {
      await start('r', { ...inSession('s'), messages: [message('ask')] });
      await end(await take('r'));
      for (const to of ['closing', 'closed'] as const) {
        const refused = { outcome: 'refused', code: 'SESSION_NOT_CLOSED', session: await store.session(session('s')) };
        assert.deepEqual(await store.remove(session('s')), refused);
        await store.moveSession(session('s'), to);
      }
      assert.deepEqual(
        counted(await store.remove(session('s'))),
        removed({ sessions: 1, runs: 1, entries: 2, messages: 1 }),
      );
    },
  },
  {
    title: 'SES-8: a session goes with its runs, their trees and its messages, and the answer counts them',
    async run(bed) {
      const { store, start, take, commit, end } = bed;
      await start('a', { ...inSession('s'), messages: [message('1'), message('2'), message('3')] });
      const held = await take('a');
      await commit(held, { children: [newChild('child', 'a', { messages: [message('own')] })] });
      await end(await take('child'));
      await end(held);
      await start('other', { ...inSession('other'), messages: [message('stays')] });
      await store.replaceMessages(session('s'), [message('4')], 3);
      await start('b', { ...inSession('s'), messages: [message('5')] });
      await end(await take('b'));
      await store.moveSession(session('s'), 'closed');

      const answer = await store.remove(session('s'));

      // The end of the child is a signal to its parent; what was replaced is gone before.
      assert.deepEqual(counted(answer), removed({ sessions: 1, runs: 3, entries: 6, messages: 3, signals: 1 }));
      assert.equal(await store.session(session('s')), undefined);
      assert.deepEqual(await runs(store), ['other']);
      assert.deepEqual((await store.listSessions({ tenant: 'acme', limit: 5 })).items.length, 1);
      for (const id of ['a', 'child', 'b']) assert.deepEqual(await traces(store, id), NO_TRACE);
      const thread = { tenant: 'acme', of: 'session', id: 's' } as const;
      assert.deepEqual(await store.messages(thread, { after: 0, limit: 5 }), []);
      assert.equal(await store.threadHead(thread), 0);
      assert.equal(await store.threadHead({ ...thread, id: 'other' }), 1);
    },
  },
  {
    title: 'SES-8: a session of the same name begins anew after it was removed',
    async run({ store, clock, start, take, end }) {
      await start('a', { ...inSession('s'), messages: [message('old')] });
      await end(await take('a'));
      await store.moveSession(session('s'), 'closed');
      await store.remove(session('s'));
      clock.advance(5);

      await start('b', { ...inSession('s'), messages: [message('new')] });

      const stored = await store.messages({ tenant: 'acme', of: 'session', id: 's' }, { after: 0, limit: 5 });
      assert.deepEqual(
        stored.map(({ n, message: { id } }) => [n, id]),
        [[1, 'new']],
      );
      const expected = {
        key: session('s'),
        state: 'open',
        activeRun: 'b',
        queue: [],
        createdAt: clock.now(),
        cuts: [],
      };
      assert.deepEqual(await store.session(session('s')), expected);
      const { items } = await store.listRuns({ tenant: 'acme', session: 's', limit: 5 });
      assert.deepEqual(
        items.map((run) => run.key.run),
        ['b'],
      );
    },
  },
  {
    title: 'SES-8: a session is not removed while a child of one of its runs is live',
    async run({ store, start, take, commit, end, run }) {
      await start('r', inSession('s'));
      const held = await take('r');
      await commit(held, { children: [newChild('child', 'r')] });
      await end(held);
      await store.moveSession(session('s'), 'closed');

      const refused = await store.remove(session('s'));

      assert.deepEqual(refused, { outcome: 'refused', code: 'RUN_LIVE', run: await run('child') });
      assert.equal((await store.session(session('s')))?.state, 'closed');
    },
  },
];
