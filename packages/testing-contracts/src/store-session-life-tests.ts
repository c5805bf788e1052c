import assert from 'node:assert/strict';
import type { Message, NewRun, PageAfter, PageBefore, Session, SessionKey, SessionQuery, Store } from '@prusik/core';
import { key, message, newRun } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

const s1 = { tenant: 'acme', session: 's1' } as const;
const thread = { tenant: 'acme', of: 'session', id: 's1' } as const;
const inSession = (id: string, whenBusy: 'refuse' | 'queue' = 'refuse'): Pick<NewRun, 'session'> => ({
  session: { id, whenBusy },
});

const stateOf = async (store: Store, session: SessionKey = s1): Promise<string | undefined> =>
  (await store.session(session))?.state;

async function stored(store: Store, page: PageAfter | PageBefore = { after: 0, limit: 100 }): Promise<unknown[]> {
  return (await store.messages(thread, page)).map((one) => [one.n, one.message.id]);
}

const items = (...ids: readonly string[]): readonly Message[] => ids.map((id) => message(id));

async function listed(store: Store, query: Partial<SessionQuery> = {}): Promise<readonly string[]> {
  const page = await store.listSessions({ tenant: 'acme', limit: 100, ...query });
  return page.items.map((session) => session.key.session);
}

export const STORE_SESSION_LIFE_TESTS: readonly StoreTest[] = [
  {
    title: 'SES-8: a session is open, closing, closed, in this order and never back',
    async run({ store, start, take, end }) {
      assert.deepEqual(await store.moveSession(s1, 'closing'), { outcome: 'unknown' });
      assert.equal(await store.session(s1), undefined);
      await start('r', inSession('s1'));
      await end(await take('r'));
      assert.equal(await stateOf(store), 'open');

      const seen: unknown[] = [];
      for (const to of ['closing', 'closing', 'closed', 'closing', 'closed'] as const) {
        const moved = await store.moveSession(s1, to);
        seen.push([moved.outcome, moved.outcome === 'unknown' ? undefined : moved.session.state]);
      }

      assert.deepEqual(seen, [
        ['moved', 'closing'],
        ['already', 'closing'],
        ['moved', 'closed'],
        ['already', 'closed'],
        ['already', 'closed'],
      ]);
      assert.equal(await stateOf(store), 'closed');
    },
  },
  {
    title: 'SES-8: a session that is closing or closed refuses new runs with SESSION_CLOSED, also for its queue',
    async run({ store, start, take, end }) {
      await start('r', inSession('s1'));
      await store.moveSession(s1, 'closing');

      for (const whenBusy of ['refuse', 'queue'] as const) {
        const refused = await store.start(newRun('late', { ...inSession('s1', whenBusy), messages: items('m') }));
        assert.deepEqual(refused, { outcome: 'refused', code: 'SESSION_CLOSED', session: await store.session(s1) });
      }
      await end(await take('r'));
      await store.moveSession(s1, 'closed');
      const refused = await store.start(newRun('later', inSession('s1', 'queue')));

      assert.deepEqual(refused, { outcome: 'refused', code: 'SESSION_CLOSED', session: await store.session(s1) });
      assert.equal((await store.listRuns({ tenant: 'acme', limit: 10 })).items.length, 1);
      assert.deepEqual(await stored(store), []);
    },
  },
  {
    title: 'SES-7: a start that names a run finds it, also when its session is closed',
    async run({ store, start, take, end }) {
      await start('r', inSession('s1'));
      await end(await take('r'));
      await store.moveSession(s1, 'closed');
      assert.equal((await store.start(newRun('r', inSession('s1')))).outcome, 'existing');
    },
  },
  {
    title: 'SES-8: a session is not closed while a run holds it, be it one that waits',
    async run({ store, start, take, park, end, signal }) {
      await start('r', inSession('s1'));
      await park(await take('r'));
      await store.moveSession(s1, 'closing');

      const busy = await store.moveSession(s1, 'closed');

      assert.deepEqual(busy, { outcome: 'busy', session: await store.session(s1) });
      assert.equal(await stateOf(store), 'closing');
      await signal('r', 'cancel');
      await end(await take('r'), 'cancelled');
      assert.equal((await store.moveSession(s1, 'closed')).outcome, 'moved');
    },
  },
  {
    title: 'SES-8: a session is not closed while a cancelled run still stands in its queue',
    async run({ store, start, take, end, signal }) {
      await start('r', inSession('s1'));
      await start('queued', inSession('s1', 'queue'));
      await signal('queued', 'cancel');
      await end(await take('r'));
      assert.equal((await store.session(s1))?.activeRun, undefined);

      assert.equal((await store.moveSession(s1, 'closed')).outcome, 'busy');
      await end(await take('queued'), 'cancelled');
      assert.equal((await store.moveSession(s1, 'closed')).outcome, 'moved');
    },
  },
  {
    title: 'SES-8: what stood in the queue of a session that closes has its turn, with its messages',
    async run({ store, start, take, end }) {
      await start('a', inSession('s1'));
      await start('b', { ...inSession('s1', 'queue'), messages: items('ask-b') });
      await store.moveSession(s1, 'closing');

      await end(await take('a'));

      assert.equal((await store.session(s1))?.activeRun, 'b');
      assert.equal(await stateOf(store), 'closing');
      assert.deepEqual(await stored(store), [[1, 'ask-b']]);
    },
  },
  {
    title: 'SES-3: messages that replace a thread are numbered on, and are all that it has',
    async run({ store, start, take, end }) {
      await start('r', { ...inSession('s1'), messages: items('a', 'b', 'c') });
      await end(await take('r'));

      assert.deepEqual(await store.replaceMessages(s1, items('x', 'y'), 3), { outcome: 'replaced', head: 5 });

      assert.deepEqual(await stored(store), [
        [4, 'x'],
        [5, 'y'],
      ]);
      assert.deepEqual(await stored(store, { before: 6, limit: 100 }), [
        [4, 'x'],
        [5, 'y'],
      ]);
      assert.deepEqual(await stored(store, { after: 4, limit: 100 }), [[5, 'y']]);
      assert.deepEqual(await stored(store, { before: 5, limit: 1 }), [[4, 'x']]);
      assert.deepEqual(await stored(store, { before: 4, limit: 1 }), []);
      assert.equal(await store.threadHead(thread), 5);
    },
  },
  {
    title: 'SES-3: a thread that is cleared is empty and goes on counting',
    async run({ store, start, take, commit, end }) {
      await start('r', { ...inSession('s1'), messages: items('a', 'b') });
      await end(await take('r'));

      assert.deepEqual(await store.replaceMessages(s1, [], 2), { outcome: 'replaced', head: 2 });
      assert.deepEqual([await stored(store), await store.threadHead(thread)], [[], 2]);
      assert.deepEqual(await store.replaceMessages(s1, [], 2), { outcome: 'replaced', head: 2 });
      await start('next', { ...inSession('s1'), messages: items('c') });
      const held = await take('next');
      assert.equal(held.claim.threadHead, 3);
      await commit(held, { messages: { from: 4, items: items('d') } });

      assert.deepEqual(await stored(store), [
        [3, 'c'],
        [4, 'd'],
      ]);
    },
  },
  {
    title: 'SES-3: a thread is replaced again and again, and no number is given twice',
    async run({ store, start, take, end }) {
      await start('r', { ...inSession('s1'), messages: items('a') });
      await end(await take('r'));
      await store.replaceMessages(s1, items('b', 'c'), 1);
      assert.deepEqual(await store.replaceMessages(s1, items('d'), 3), { outcome: 'replaced', head: 4 });
      assert.deepEqual(await stored(store), [[4, 'd']]);
    },
  },
  {
    title: 'SES-3: a replacement that expects another head, or of a session that is not there, writes nothing',
    async run({ store, start, take, end }) {
      assert.deepEqual(await store.replaceMessages(s1, items('x'), 0), { outcome: 'unknown' });
      assert.equal(await store.session(s1), undefined);
      await start('r', { ...inSession('s1'), messages: items('a', 'b') });
      await end(await take('r'));

      for (const expected of [0, 1, 3])
        assert.deepEqual(await store.replaceMessages(s1, items('x'), expected), { outcome: 'moved', head: 2 });

      assert.deepEqual(await stored(store), [
        [1, 'a'],
        [2, 'b'],
      ]);
    },
  },
  {
    title: 'SES-3: a thread is not replaced under a run that holds it or stands in its queue',
    async run({ store, start, take, park, end, signal, run }) {
      await start('r', { ...inSession('s1'), messages: items('a') });
      await park(await take('r'));
      await start('queued', inSession('s1', 'queue'));
      assert.deepEqual(await store.replaceMessages(s1, [], 1), { outcome: 'busy', run: await run('r') });

      await signal('queued', 'cancel');
      await signal('r', 'cancel');
      await end(await take('r'), 'cancelled');
      assert.deepEqual(await store.replaceMessages(s1, [], 1), { outcome: 'busy', run: await run('queued') });

      assert.deepEqual(await stored(store), [[1, 'a']]);
    },
  },
  {
    title: 'SES-8: a thread is not replaced once its session closes',
    async run({ store, start, take, end }) {
      await start('r', { ...inSession('s1'), messages: items('a') });
      await end(await take('r'));
      for (const to of ['closing', 'closed'] as const) {
        await store.moveSession(s1, to);
        assert.deepEqual(await store.replaceMessages(s1, items('x'), 1), { outcome: 'closed' });
      }
      assert.deepEqual(await stored(store), [[1, 'a']]);
    },
  },
  {
    title: 'SES-12: a session uses the blobs of the messages that it has now, and none of those that were replaced',
    async run({ store, start, take, commit, end }) {
      const put = async (text: string): Promise<string> =>
        (await store.putBlob('acme', new TextEncoder().encode(text))).hash;
      const [old, kept] = [await put('old'), await put('kept')];
      const showing = (id: string, blob: string): Message => ({
        ...message(id),
        content: [{ type: 'file', mediaType: 'text/plain', data: { blob } }],
      });
      await start('r', inSession('s1'));
      const held = await take('r');
      const messages = { from: 1, items: [showing('a', old), showing('b', kept)] };
      await commit(held, { messages, blobs: [old, kept] });
      await end(held);
      await store.remove({ tenant: 'acme', run: 'r' });

      const nowhere = `sha256:${'0'.repeat(64)}`;
      const refused = await store.replaceMessages(s1, [showing('x', kept), showing('y', nowhere)], 2);
      assert.deepEqual(refused, { outcome: 'blob-unknown', blob: nowhere });
      assert.deepEqual((await stored(store)).length, 2);
      assert.equal((await store.sweepBlobs({ graceMs: 0 })).blobs, 0);

      assert.deepEqual(await store.replaceMessages(s1, [showing('x', kept)], 2), { outcome: 'replaced', head: 3 });
      await store.sweepBlobs({ graceMs: 0 });
      assert.equal(await store.blob('acme', old), undefined);
      assert.equal((await store.blob('acme', kept))?.size, 4);
    },
  },
  {
    title: 'SES-12: what is no message is not put into a thread, and the thread stays as it was',
    async run({ store, start, take, end }) {
      await start('r', { ...inSession('s1'), messages: [message('kept')] });
      await end(await take('r'));
      const head = await store.threadHead(thread);
      const damaged: readonly unknown[] = [
        { v: 1, id: 'm', role: 'user', kind: 'user' },
        { ...message('m'), role: 'robot' },
        { ...message('m'), content: [{ type: 'hologram' }] },
        { ...message('m'), content: [{ type: 'file', mediaType: 'a/b', data: { blob: '../x' } }] },
      ];

      for (const item of damaged) {
        const replacing = async () => store.replaceMessages(s1, [message('a'), item as Message], head);
        await assert.rejects(replacing, { code: 'MESSAGE_INVALID' });
      }

      assert.deepEqual(await stored(store), [[1, 'kept']]);
    },
  },
  {
    title: 'SES-3: what is put into a thread is a copy of what was given',
    async run({ store, start, take, end }) {
      await start('r', inSession('s1'));
      await end(await take('r'));
      const content = [{ type: 'text' as const, text: 'as it was' }];
      const given = [{ ...message('m'), content }];

      const replaced = store.replaceMessages(s1, given, 0);
      content[0] = { type: 'text', text: 'changed' };
      await replaced;

      const [kept] = await store.messages(thread, { after: 0, limit: 1 });
      assert.deepEqual(kept?.message.content, [{ type: 'text', text: 'as it was' }]);
    },
  },
  {
    title: 'REC-1: listSessions() shows a tenant’s sessions, newest first, as session() shows them, by state',
    async run({ store, start, take, end }) {
      for (const id of ['a', 'b', 'c']) await start(`run-${id}`, inSession(id));
      await start('queued', inSession('c', 'queue'));
      await store.start(newRun('foreign', { key: key('foreign', 'other'), ...inSession('d') }));
      await end(await take('run-b'));
      await store.moveSession({ tenant: 'acme', session: 'a' }, 'closing');
      await store.moveSession({ tenant: 'acme', session: 'b' }, 'closed');

      assert.deepEqual(await listed(store), ['c', 'b', 'a']);
      const { items: sessions } = await store.listSessions({ tenant: 'acme', limit: 1 });
      assert.deepEqual(sessions, [await store.session({ tenant: 'acme', session: 'c' })]);
      assert.deepEqual(sessions[0]?.queue, ['queued']);
      assert.deepEqual(await listed(store, { state: ['open'] }), ['c']);
      assert.deepEqual(await listed(store, { state: ['closing', 'closed'] }), ['b', 'a']);
      assert.deepEqual(await listed(store, { state: [] }), []);
      assert.deepEqual(await listed(store, { tenant: 'nobody' }), []);
    },
  },
  {
    title: 'REC-1: pages of sessions join without a gap or a repeat, also when sessions are opened meanwhile',
    async run({ store, start }) {
      for (let n = 0; n < 7; n += 1) await start(`r${n}`, inSession(`s${n}`));
      const found: Session[] = [];
      let after: string | undefined;
      do {
        const page = await store.listSessions({ tenant: 'acme', limit: 3, ...(after ? { after } : {}) });
        found.push(...page.items);
        after = page.next;
        await start(`later-${found.length}`, inSession(`later-${found.length}`));
      } while (after !== undefined && found.length < 50);

      assert.deepEqual(
        found.map((session) => session.key.session),
        ['s6', 's5', 's4', 's3', 's2', 's1', 's0'],
      );
    },
  },
  {
    title:
      'I9: a state that no session moves to, a head that is no number and a session without a name are wrong arguments',
    async run({ store }) {
      await assert.rejects(store.moveSession(s1, 'open' as 'closed'), TypeError);
      await assert.rejects(store.moveSession({ tenant: 'acme', session: '' }, 'closed'), TypeError);
      await assert.rejects(store.replaceMessages(s1, [], -1), TypeError);
      await assert.rejects(store.replaceMessages(s1, [undefined as unknown as Message], 0), TypeError);
      await assert.rejects(store.listSessions({ tenant: 'acme', limit: 0 }), TypeError);
      await assert.rejects(store.listSessions({ tenant: 'acme', limit: 1, after: 'x' }), TypeError);
    },
  },
];
