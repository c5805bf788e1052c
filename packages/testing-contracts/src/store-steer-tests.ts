import assert from 'node:assert/strict';
import { SESSION_QUEUE_LIMIT, STEERED_LIMIT, SUPERSEDED, type NewRun, type Store, type WhenBusy } from '@prusik/core';
import { key, message, newChild, newRequest, newRun, type StoreScenario } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

const s1 = { tenant: 'acme', session: 's1' } as const;
const thread = { tenant: 'acme', of: 'session', id: 's1' } as const;
const saying = (id: string, whenBusy: WhenBusy = 'steer'): Pick<NewRun, 'session' | 'messages'> => ({
  session: { id: 's1', whenBusy },
  messages: [message(`${id} says`)],
});

const waiting = async (store: Store, holder: string): Promise<readonly string[]> =>
  (await store.steered(key(holder))).map(({ run }) => run);

const stored = async (store: Store): Promise<readonly string[]> =>
  (await store.messages(thread, { after: 0, limit: 100 })).map((one) => one.message.id);

/** A holder that has taken over what was steered to it. */
async function absorbed({ start, take, commit }: StoreScenario): Promise<Awaited<ReturnType<StoreScenario['take']>>> {
  await start('holder', saying('holder'));
  await start('steered', saying('steered'));
  const held = await take('holder');
  await commit(held, {
    absorb: ['steered'],
    messages: { from: 2, items: [message('steered says'), message('answer')] },
  });
  return held;
}

export const STORE_STEER_TESTS: readonly StoreTest[] = [
  {
    title: 'SES-1: a run that is steered stands in the queue, and one signal tells the holder, which wakes it',
    async run({ store, start, take, park, run, inboxOf }) {
      await start('holder', saying('holder'));
      await park(await take('holder'));

      await start('steered', saying('steered'));
      await store.start(newRun('steered', saying('steered')));

      assert.deepEqual((await store.session(s1))?.queue, ['steered']);
      const told = (await inboxOf('holder')).map((signal) => [signal.kind, signal.key]);
      assert.deepEqual(told, [['steer', 'steered']]);
      assert.equal((await run('holder')).status, 'queued');
    },
  },
  {
    title: 'SES-1: a run that is steered to a free session holds it',
    async run({ store, start }) {
      await start('first', saying('first', 'withdraw'));

      assert.equal((await store.session(s1))?.activeRun, 'first');
      assert.deepEqual(await stored(store), ['first says']);
    },
  },
  {
    title: 'SES-1: the holder is shown what was steered to it, the oldest first, and not what only queues',
    async run({ store, start }) {
      await start('holder', saying('holder'));
      await start('queued', saying('queued', 'queue'));
      for (const id of ['b', 'a', 'c']) await start(id, saying(id, id === 'c' ? 'withdraw' : 'steer'));

      assert.deepEqual(await store.steered(key('holder')), [
        { run: 'b', messages: [message('b says')] },
        { run: 'a', messages: [message('a says')] },
        { run: 'c', messages: [message('c says')] },
      ]);
    },
  },
  {
    title: 'SES-1: what was steered is shown to nobody but the run that holds the session',
    async run({ store, start, take, end }) {
      await start('holder', saying('holder'));
      await start('steered', saying('steered'));
      await start('later', saying('later'));
      const other = { session: { id: 's2', whenBusy: 'refuse' } } as const;
      await start('stranger', other);
      assert.deepEqual([await waiting(store, 'stranger'), await waiting(store, 'steered')], [[], []]);

      await end(await take('holder'));

      assert.deepEqual([await waiting(store, 'holder'), await waiting(store, 'steered')], [[], ['later']]);
    },
  },
  {
    title:
      'SES-1: a message for another definition, another context or a turn that ends otherwise is not steered into a run',
    async run({ store, start, take, tryCommit }) {
      await start('holder', { ...saying('holder'), context: { user: 'ann' } });
      await start('other', { ...saying('other'), context: { user: 'ann' }, definition: 'refund' });
      await start('bob', { ...saying('bob'), context: { user: 'bob' } });
      await start('task', { ...saying('task'), context: { user: 'ann' }, turn: { mode: 'task' } });
      await start('ann', { ...saying('ann'), context: { user: 'ann' } });

      assert.deepEqual(await waiting(store, 'holder'), ['ann']);
      const held = await take('holder');
      for (const id of ['other', 'bob', 'task'])
        assert.equal((await tryCommit(held, { absorb: [id] })).outcome, 'refused', `${id} was absorbed`);
    },
  },
  {
    title: 'SES-1: a run without messages has nothing to steer, and waits for its turn',
    async run({ store, start, inboxOf }) {
      await start('holder', saying('holder'));
      await start('silent', { ...saying('silent'), messages: [] });

      assert.deepEqual([await waiting(store, 'holder'), await inboxOf('holder')], [[], []]);
      assert.deepEqual((await store.session(s1))?.queue, ['silent']);
    },
  },
  {
    title: 'SES-1: what is absorbed enters the thread once, in the holder’s commit, and its run ends as absorbed',
    async run({ store, run, journal, ...bed }) {
      await absorbed({ run, journal, ...bed });

      assert.deepEqual(await stored(store), ['holder says', 'steered says', 'answer']);
      const { status, absorbedBy, endedAt } = await run('steered');
      assert.deepEqual([status, absorbedBy, endedAt], ['completed', 'holder', bed.clock.now()]);
      assert.deepEqual(await journal('steered'), ['run-start', 'run-end']);
      assert.deepEqual([(await store.session(s1))?.queue, await waiting(store, 'holder')], [[], []]);
    },
  },
  {
    title: 'SES-1: a run that was absorbed has no turn of its own',
    async run({ store, end, claim, ...bed }) {
      await end(await absorbed({ end, claim, ...bed }));

      assert.equal((await store.session(s1))?.activeRun, undefined);
      assert.deepEqual((await claim()).claims, []);
      assert.deepEqual(await stored(store), ['holder says', 'steered says', 'answer']);
    },
  },
  {
    title: 'SES-1: whoever watches a run is told when it is absorbed',
    async run({ store, ...bed }) {
      const told: string[] = [];
      store.watchRun(key('steered'), (why) => told.push(why));

      await absorbed(bed);

      assert.equal(told.at(-1), 'end');
    },
  },
  {
    title: 'I1: a message that is withdrawn before its commit refuses the commit whole, with STEER_WITHDRAWN',
    async run({ store, start, take, tryCommit, signal, journal, run }) {
      await start('holder', saying('holder'));
      await start('kept', saying('kept'));
      await start('cancelled', saying('cancelled'));
      const held = await take('holder');
      await signal('cancelled', 'cancel');

      const messages = { from: 2, items: [message('kept says'), message('cancelled says')] };
      const refused = await tryCommit(held, { absorb: ['kept', 'cancelled'], messages });

      assert.equal('code' in refused && refused.code, 'STEER_WITHDRAWN');
      assert.deepEqual([await stored(store), await waiting(store, 'holder')], [['holder says'], ['kept']]);
      assert.deepEqual([(await run('kept')).status, await journal('kept')], ['queued', ['run-start']]);
    },
  },
  {
    title: 'I1: a run is absorbed once: twice in a commit, in two commits, or none of this session is refused',
    async run({ start, tryCommit, ...bed }) {
      const held = await absorbed({ start, tryCommit, ...bed });
      await start('next', saying('next'));

      for (const absorb of [['next', 'next'], ['steered'], ['nobody'], ['holder']]) {
        const answer = await tryCommit(held, { absorb });
        assert.equal('code' in answer && answer.code, 'STEER_WITHDRAWN', absorb.join());
      }
    },
  },
  {
    title: 'SES-1: what nobody absorbs has its turn, and its messages enter the thread once',
    async run({ store, start, take, end }) {
      await start('holder', saying('holder'));
      await start('steered', saying('steered'));

      await end(await take('holder'));

      assert.equal((await store.session(s1))?.activeRun, 'steered');
      await end(await take('steered'));
      assert.deepEqual(await stored(store), ['holder says', 'steered says']);
    },
  },
  {
    title: 'SES-1: a message may withdraw what the holder and its children ask, but no intervention',
    async run({ store, start, take, commit, inboxOf }) {
      await start('holder', saying('holder'));
      const held = await take('holder');
      await commit(held, {
        requests: [newRequest('own'), newRequest('help', { kind: 'intervention' })],
        children: [newChild('child', 'holder')],
      });
      await commit(await take('child'), { requests: [newRequest('childs', { kind: 'approval' })] });

      await start('steered', saying('steered', 'withdraw'));
      await store.start(newRun('steered', saying('steered', 'withdraw')));

      const { items } = await store.listRequests({ tenant: 'acme', root: 'holder', limit: 10 });
      const reasons = items.map(({ id, status, decision }) => [id, status, decision?.reason]);
      assert.deepEqual(reasons, [
        ['own', 'withdrawn', SUPERSEDED],
        ['help', 'open', undefined],
        ['childs', 'withdrawn', SUPERSEDED],
      ]);
      const told = (await inboxOf('holder')).map((signal) => [signal.kind, signal.key]);
      assert.deepEqual(told, [
        ['decision', 'own'],
        ['steer', 'steered'],
      ]);
      assert.deepEqual(
        (await inboxOf('child')).map((signal) => signal.kind),
        ['decision'],
      );
    },
  },
  {
    title: 'I9: of a flood of steered messages 32 wait, and no more are shown at once than a step can record',
    async run({ store, start, run }) {
      await start('holder', saying('holder'));
      const half = 'x'.repeat(STEERED_LIMIT.bytes / 2 - 1_000);
      for (let n = 0; n < SESSION_QUEUE_LIMIT; n += 1)
        await start(`q${n}`, { ...saying('q'), messages: [message(`q${n}`, n < 3 ? half : 'short')] });

      const refused = await store.start(newRun('too many', saying('too many', 'withdraw')));

      const expected = { outcome: 'refused', code: 'SESSION_QUEUE_FULL', run: await run('holder'), requestIds: [] };
      assert.deepEqual(refused, expected);
      // What comes behind the first that does not fit waits with it: the order of messages is that of their coming.
      assert.deepEqual(await waiting(store, 'holder'), ['q0', 'q1']);
    },
  },
  {
    title: 'SES-1: what was steered and what was absorbed is so after the store was disposed and opened',
    needs: 'durable',
    async run({ store, open, start, ...bed }) {
      await absorbed({ start, ...bed });
      await start('later', saying('later'));
      await store[Symbol.asyncDispose]();

      const opened = await open();

      assert.deepEqual(await opened.steered(key('holder')), [{ run: 'later', messages: [message('later says')] }]);
      assert.equal((await opened.run(key('steered')))?.absorbedBy, 'holder');
    },
  },
];
