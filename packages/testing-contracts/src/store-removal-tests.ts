import assert from 'node:assert/strict';
import { PLAIN_TEXT, REMOVAL_LIMIT, type NewRun, type RemovedRows, type RemoveResult, type Store } from '@prusik/core';
import { key, LEASE_MS, message, newChild, newRequest, newRun, note } from './store-scenario.ts';
import type { StoreTest, StoreTestBed } from './store-test.ts';

const inSession = (id: string): Pick<NewRun, 'session'> => ({ session: { id, whenBusy: 'refuse' } });
const session = (id: string) => ({ tenant: 'acme', session: id }) as const;
const tree = (run: string) => ({ tenant: 'acme', run }) as const;

const counts = (more: Partial<RemovedRows>): RemovedRows => ({
  sessions: 0,
  runs: 0,
  entries: 0,
  messages: 0,
  notes: 0,
  slots: 0,
  signals: 0,
  requests: 0,
  ledgers: 0,
  ...more,
});

const removed = (rows: Partial<RemovedRows>, more = false): unknown => ({
  outcome: 'removed',
  removed: counts(rows),
  more,
});

/** The numbers of an answer, and whether there may be more. */
function counted(answer: RemoveResult): unknown {
  if (answer.outcome !== 'removed') return answer;
  const { trees: _, next, ...rest } = answer;
  return { ...rest, more: next !== undefined };
}

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

/** Every way of finding a run of that id, or something of it. */
async function traces(store: Store, id: string): Promise<unknown> {
  return {
    run: await store.run(key(id)),
    entries: await store.entries(key(id), { after: 0, limit: 10 }),
    inbox: await store.inbox(key(id), { after: 0, limit: 10 }),
    messages: await store.messages({ tenant: 'acme', of: 'run', id }, { after: 0, limit: 10 }),
    head: await store.threadHead({ tenant: 'acme', of: 'run', id }),
    ledger: await store.ledger(key(id)),
    signal: (await store.signal({ run: key(id), kind: 'user', key: 'late', body: null })).outcome,
    decide: (await store.decide({ run: key(id), request: `ask-${id}`, decision: { status: 'answered', value: 1 } }))
      .outcome,
    tree: (await store.listRuns({ tenant: 'acme', root: id, limit: 10 })).items,
    ofRun: (await store.listRequests({ tenant: 'acme', run: id, limit: 10 })).items,
    ofTree: (await store.listRequests({ tenant: 'acme', root: id, limit: 10 })).items,
  };
}

const NO_TRACE = {
  run: undefined,
  entries: [],
  inbox: [],
  messages: [],
  head: 0,
  ledger: undefined,
  signal: 'unknown',
  decide: 'unknown',
  tree: [],
  ofRun: [],
  ofTree: [],
};

const runs = async (store: Store): Promise<readonly string[]> =>
  (await store.listRuns({ tenant: 'acme', limit: 100 })).items.map((run) => run.key.run);

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
    title:
      'REC-4: by age, the trees that ended longest ago go first, so many at a time, and none that ended at that time',
    async run({ store, clock, running, end }) {
      const begin = clock.now();
      const held = [];
      for (const id of ['c', 'a', 'b', 'd']) held.push([id, await running(id)] as const);
      for (const [, lease] of held.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
        clock.advance(10);
        await end(lease);
      }
      const endedBefore = begin + 40;

      const before = async (limit: number) => store.remove({ tenant: 'acme', endedBefore, limit });
      assert.deepEqual(counted(await store.remove({ tenant: 'other', endedBefore, limit: 10 })), removed({}));
      assert.deepEqual(counted(await before(2)), removed({ runs: 2, entries: 4 }, true));
      assert.deepEqual(await runs(store), ['d', 'c']);
      assert.deepEqual(counted(await before(2)), removed({ runs: 1, entries: 2 }));
      assert.deepEqual(counted(await before(2)), removed({}));
      assert.deepEqual(await runs(store), ['d']);
    },
  },
  {
    title: 'REC-4: a removal by age that takes all there are says that there are no more',
    async run({ store, clock, running, end }) {
      for (const id of ['a', 'b']) await end(await running(id));
      clock.advance(1);
      const answer = await store.remove({ tenant: 'acme', endedBefore: clock.now(), limit: 2 });
      assert.deepEqual(counted(answer), removed({ runs: 2, entries: 4 }));
    },
  },
  {
    title: 'I9: a removal by age takes 1,000 runs at most, but a larger tree whole',
    async run({ store, clock, running, commit, claim, end }) {
      const root = await running('large');
      await commit(root, { children: Array.from({ length: REMOVAL_LIMIT }, (_, n) => newChild(`c${n}`, 'large')) });
      const { claims } = await claim({ limit: REMOVAL_LIMIT });
      await Promise.all(claims.map(({ run: { key: child, epoch } }) => end({ run: child, epoch })));
      await end(root);
      clock.advance(1);
      await end(await running('small'));
      clock.advance(1);
      const removal = { tenant: 'acme', endedBefore: clock.now(), limit: 10 } as const;

      const [first, second] = [await store.remove(removal), await store.remove(removal)];

      const entries = 2 * REMOVAL_LIMIT + 2;
      assert.deepEqual(counted(first), removed({ runs: REMOVAL_LIMIT + 1, entries, signals: REMOVAL_LIMIT }, true));
      assert.deepEqual(counted(second), removed({ runs: 1, entries: 2 }));
    },
  },
  {
    title: 'REC-4: by age, a tree in which a run is live is passed over, and one behind it is not',
    async run({ store, clock, running, commit, end, start, take, park }) {
      const root = await running('root');
      await commit(root, { children: [newChild('child', 'root')] });
      await end(root);
      await start('waits');
      await park(await take('waits'));
      clock.advance(1);
      await end(await running('ended'));
      clock.advance(1);

      const answer = await store.remove({ tenant: 'acme', endedBefore: clock.now(), limit: 1 });

      assert.deepEqual(counted(answer), removed({ runs: 1, entries: 2 }));
      assert.deepEqual(await runs(store), ['waits', 'child', 'root']);
    },
  },
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
  {
    title: 'REC-1: a cursor goes on where it was, whatever was removed meanwhile',
    async run({ store, running, commit, end }) {
      for (let n = 0; n < 6; n += 1) {
        const held = await running(`r${n}`);
        await commit(held, { requests: [newRequest(`q${n}`)] });
        await end(held);
      }
      const list = { tenant: 'acme', limit: 2 } as const;
      const newest = await store.listRuns(list);
      const oldest = await store.listRequests(list);
      for (const id of ['r5', 'r4', 'r1']) await store.remove(tree(id));

      const older = await store.listRuns({ ...list, after: newest.next ?? '' });
      const newer = await store.listRequests({ ...list, after: oldest.next ?? '' });

      assert.deepEqual(
        older.items.map((run) => run.key.run),
        ['r3', 'r2'],
      );
      assert.deepEqual(
        newer.items.map(({ id }) => id),
        ['q2', 'q3'],
      );
    },
  },
  {
    title: 'REC-1: what comes after a cursor was taken stands after it, also when all that stood before it is gone',
    async run({ store, running, commit, end }) {
      const asking = async (id: string): Promise<void> => {
        const held = await running(id, inSession(`s-${id}`));
        await commit(held, { requests: [newRequest(`of-${id}`)] });
        await end(held);
      };
      for (const id of ['a', 'b', 'c']) await asking(id);
      const list = { tenant: 'acme', limit: 2 } as const;
      const [runPage, requestPage, sessionPage] = [
        await store.listRuns(list),
        await store.listRequests(list),
        await store.listSessions(list),
      ];
      for (const id of ['a', 'b', 'c']) {
        await store.moveSession(session(`s-${id}`), 'closed');
        await store.remove(session(`s-${id}`));
      }
      await asking('new');

      assert.deepEqual((await store.listRuns({ ...list, after: runPage.next ?? '' })).items, []);
      assert.deepEqual((await store.listSessions({ ...list, after: sessionPage.next ?? '' })).items, []);
      assert.deepEqual(
        (await store.listRequests({ ...list, after: requestPage.next ?? '' })).items.map(({ id }) => id),
        ['of-new'],
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
