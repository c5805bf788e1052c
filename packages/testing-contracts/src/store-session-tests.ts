import assert from 'node:assert/strict';
import { SESSION_QUEUE_LIMIT, type NewRun } from '@prusik/core';
import { key, message, newRequest, newRun } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

const s1 = { tenant: 'acme', session: 's1' } as const;
const thread = { tenant: 'acme', of: 'session', id: 's1' } as const;
const refusing: Pick<NewRun, 'session'> = { session: { id: 's1', whenBusy: 'refuse' } };
const queueing: Pick<NewRun, 'session'> = { session: { id: 's1', whenBusy: 'queue' } };

export const STORE_SESSION_TESTS: readonly StoreTest[] = [
  {
    title: 'SES-1: the first run of a session opens it and is its active one',
    async run({ store, clock, start }) {
      assert.equal(await store.session(s1), undefined);
      await start('r', refusing);
      assert.deepEqual(await store.session(s1), {
        key: s1,
        state: 'open',
        activeRun: 'r',
        queue: [],
        createdAt: clock.now(),
        cuts: [],
      });
    },
  },
  {
    title: 'SES-1: a second run is refused with SESSION_BUSY, and told who holds the session and what it asks',
    async run({ store, start, take, commit, run }) {
      await start('holder', refusing);
      await commit(await take('holder'), { requests: [newRequest('q1'), newRequest('q2')] });

      const refused = await store.start(newRun('second', refusing));

      const expected = { outcome: 'refused', code: 'SESSION_BUSY', run: await run('holder'), requestIds: ['q1', 'q2'] };
      assert.deepEqual(refused, expected);
      assert.equal(await store.run(key('second')), undefined);
    },
  },
  {
    title: 'SES-1: a waiting and a blocked run hold their session',
    async run({ store, start, take, park, commit }) {
      await start('waits', refusing);
      await park(await take('waits'));
      const other: Pick<NewRun, 'session'> = { session: { id: 's2', whenBusy: 'refuse' } };
      await start('blocked', other);
      const requests = [newRequest('fix')];
      const transition = { type: 'block', code: 'X', request: 'fix' } as const;
      await commit(await take('blocked'), { seen: 0, requests, transition });

      assert.equal((await store.start(newRun('a', refusing))).outcome, 'refused');
      assert.equal((await store.start(newRun('b', other))).outcome, 'refused');
    },
  },
  {
    title: 'SES-1: the end of its run frees a session',
    async run({ store, start, take, end }) {
      await start('first', refusing);
      await end(await take('first'));
      assert.equal((await store.session(s1))?.activeRun, undefined);

      await start('second', refusing);
      assert.equal((await store.session(s1))?.activeRun, 'second');
    },
  },
  {
    title: 'SES-1: of many that start in one session at once, one is active and the others stand in the queue in order',
    async run({ store, claim }) {
      await Promise.all(Array.from({ length: 6 }, (_, n) => store.start(newRun(`r${n}`, queueing))));

      assert.deepEqual(await store.session(s1).then((session) => [session?.activeRun, session?.queue]), [
        'r0',
        ['r1', 'r2', 'r3', 'r4', 'r5'],
      ]);
      const { claims } = await claim();
      assert.deepEqual(
        claims.map(({ run }) => run.key.run),
        ['r0'],
      );
    },
  },
  {
    title: 'SES-1: the queue is worked off in order, one run at a time',
    async run({ store, clock, start, take, end, claim }) {
      await start('a', queueing);
      await start('b', queueing);
      await start('c', queueing);

      await end(await take('a'));
      clock.advance(1);
      const { claims } = await claim();

      assert.deepEqual(
        claims.map(({ run }) => run.key.run),
        ['b'],
      );
      const session = await store.session(s1);
      assert.deepEqual([session?.activeRun, session?.queue], ['b', ['c']]);
    },
  },
  {
    title: 'I9: a session’s queue holds 32 runs; the next is refused with SESSION_QUEUE_FULL',
    async run({ store, start, run }) {
      await start('active', queueing);
      for (let n = 0; n < SESSION_QUEUE_LIMIT; n += 1) await start(`q${n}`, queueing);

      const refused = await store.start(newRun('too many', queueing));

      const expected = { outcome: 'refused', code: 'SESSION_QUEUE_FULL', run: await run('active'), requestIds: [] };
      assert.deepEqual(refused, expected);
      assert.equal((await store.session(s1))?.queue.length, SESSION_QUEUE_LIMIT);
    },
  },
  {
    title: 'SES-1: the messages of a queued run enter the thread when its turn comes, not before',
    async run({ store, start, take, commit, end }) {
      await start('a', { ...queueing, messages: [message('ask-a')] });
      await start('b', { ...queueing, messages: [message('ask-b1'), message('ask-b2')] });
      const held = await take('a');
      assert.equal(await store.threadHead(thread), 1);

      await commit(held, { messages: { from: 2, items: [message('answer-a')] } });
      await end(held);

      const messages = await store.messages(thread, { after: 0, limit: 10 });
      assert.deepEqual(
        messages.map((m) => [m.n, m.message.id]),
        [
          [1, 'ask-a'],
          [2, 'answer-a'],
          [3, 'ask-b1'],
          [4, 'ask-b2'],
        ],
      );
      assert.equal((await take('b')).claim.threadHead, 4);
    },
  },
  {
    title: 'SES-1: the messages of a queued run enter the thread once',
    async run({ store, start, take, end }) {
      await start('a', queueing);
      await start('b', { ...queueing, messages: [message('ask-b')] });
      await end(await take('a'));
      await end(await take('b'));
      await start('c', { ...queueing, messages: [message('ask-c')] });

      const messages = await store.messages(thread, { after: 0, limit: 10 });
      assert.deepEqual(
        messages.map((m) => m.message.id),
        ['ask-b', 'ask-c'],
      );
      const [entry] = await store.entries(key('b'), { after: 0, limit: 1 });
      assert.equal(entry !== undefined && 'messages' in entry, false);
    },
  },
  {
    title: 'I7: a queued run that is asked to cancel is claimed before its turn, and ends without its messages',
    async run({ store, start, take, end, signal, claim }) {
      await start('active', { ...queueing, messages: [message('ask-active')] });
      await take('active');
      await start('queued', { ...queueing, messages: [message('never')] });
      await signal('queued', 'cancel');

      const { claims } = await claim({ definitions: [] });
      assert.deepEqual(
        claims.map(({ run }) => run.key.run),
        ['queued'],
      );
      await end({ run: key('queued'), epoch: 1 }, 'cancelled');

      const session = await store.session(s1);
      assert.deepEqual([session?.activeRun, session?.queue], ['active', []]);
      assert.equal(await store.threadHead(thread), 1);
    },
  },
  {
    title: 'I7: the hand-over passes over a run that is asked to cancel',
    async run({ store, start, take, end, signal }) {
      await start('active', queueing);
      await start('cancelled', { ...queueing, messages: [message('never')] });
      await start('next', { ...queueing, messages: [message('ask-next')] });
      await signal('cancelled', 'cancel');

      await end(await take('active'));

      const session = await store.session(s1);
      assert.deepEqual([session?.activeRun, session?.queue], ['next', ['cancelled']]);
      const messages = await store.messages(thread, { after: 0, limit: 10 });
      assert.deepEqual(
        messages.map((m) => m.message.id),
        ['ask-next'],
      );
    },
  },
  {
    title: 'SES-7: sessions of different tenants are different sessions',
    async run({ store, start }) {
      await start('r', refusing);
      const other = await store.start(newRun('r', { key: key('r', 'other'), ...refusing }));
      assert.equal(other.outcome, 'created');
      assert.equal((await store.session({ tenant: 'other', session: 's1' }))?.activeRun, 'r');
      assert.equal(await store.session({ tenant: 'third', session: 's1' }), undefined);
    },
  },
  {
    title: 'SES-1: ten thousand refusals leave nothing behind',
    async run({ store, start, claim }) {
      await start('r', refusing);
      for (let n = 0; n < 10_000; n += 100)
        await Promise.all(
          Array.from({ length: 100 }, (_, index) =>
            store.start(newRun(`refused-${n + index}`, { ...refusing, messages: [message('m')] })),
          ),
        );

      assert.equal((await store.listRuns({ tenant: 'acme', limit: 10 })).items.length, 1);
      assert.deepEqual((await store.session(s1))?.queue, []);
      assert.equal(await store.threadHead(thread), 0);
      assert.equal((await claim()).claims.length, 1);
    },
  },
];
