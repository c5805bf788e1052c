import assert from 'node:assert/strict';
import { key, newChild, newRequest, NO_SUSPECTS, note } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

export const STORE_PARK_TESTS: readonly StoreTest[] = [
  {
    title: 'DUR-10: a parked run waits, is held by nobody and is not claimed',
    async run({ running, park, claim, run }) {
      await park(await running('r'));
      const parked = await run('r');
      assert.deepEqual([parked.status, parked.wakeAt], ['waiting', null]);
      assert.deepEqual((await claim()).claims, []);
    },
  },
  {
    title: 'DUR-7: a parked run is claimed from its timer on, not earlier, and has not lost a worker',
    async run({ clock, running, park, claim, run }) {
      const due = clock.now() + 60_000;
      await park(await running('r'), due);
      assert.equal((await run('r')).wakeAt, due);

      clock.advance(59_999);
      assert.deepEqual((await claim()).claims, []);
      clock.advance(1);

      const { claims } = await claim({ suspects: NO_SUSPECTS });
      assert.deepEqual(
        claims.map(({ run: { epoch, wakeAt }, lost }) => [epoch, wakeAt, lost]),
        [[2, null, 0]],
      );
    },
  },
  {
    title: 'DUR-9: a park that has not seen the last signal is ready at once',
    async run({ running, park, signal, claim, run }) {
      const held = await running('r');
      await signal('r', 'user', 'hello');

      await park(held, null, 0);

      assert.equal((await run('r')).status, 'queued');
      assert.equal((await claim()).claims.length, 1);
    },
  },
  {
    title: 'DUR-9: a park that has seen the last signal waits for the next one',
    async run({ running, park, signal, claim }) {
      const held = await running('r');
      await signal('r', 'user', 'first');
      await park(held, null, 1);
      assert.deepEqual((await claim()).claims, []);

      await signal('r', 'user', 'second');
      assert.equal((await claim()).claims.length, 1);
    },
  },
  {
    title: 'I7: a park is ready at once when a cancel came that the claim had not told, though its signal was read',
    async run({ running, park, signal, claim }) {
      const held = await running('r');
      await signal('r', 'cancel');

      await park(held, null, 1);

      const { claims } = await claim();
      assert.equal(claims[0]?.run.cancelRequested, true);
    },
  },
  {
    title: 'I7: a holder that was told of the cancel may park, to wait for its children to end',
    async run({ running, park, signal, start, take, claim, run }) {
      await start('r');
      await signal('r', 'cancel');
      await park(await take('r'), null, 1);

      assert.equal((await run('r')).status, 'waiting');
      assert.deepEqual((await claim()).claims, []);
      await running('other');
    },
  },
  {
    title: 'DUR-10: a run that is given back is ready, and stands behind those that were ready before',
    async run({ clock, running, start, commit, claim }) {
      const held = await running('r');
      clock.advance(1);
      await start('before');
      clock.advance(1);
      await commit(held, { transition: { type: 'release' } });

      const { claims } = await claim({ suspects: NO_SUSPECTS });
      assert.deepEqual(
        claims.map(({ run, lost }) => [run.key.run, lost]),
        [
          ['before', 0],
          ['r', 0],
        ],
      );
    },
  },
  {
    title: 'DUR-5: a blocked run says why, holds no lease and is not claimed',
    async run({ running, commit, claim, run }) {
      const held = await running('r');
      await commit(held, {
        entries: [note('x')],
        seen: 0,
        requests: [newRequest('fix', { kind: 'intervention' })],
        transition: { type: 'block', code: 'STEP_IN_DOUBT', request: 'fix' },
      });

      const blocked = await run('r');
      assert.deepEqual([blocked.status, blocked.blocked], ['blocked', { code: 'STEP_IN_DOUBT', request: 'fix' }]);
      assert.deepEqual((await claim()).claims, []);
    },
  },
  {
    title: 'DUR-5: a blocked run is woken by a decision and by a cancel, not by other signals',
    async run({ store, running, commit, signal, run }) {
      const block = async (id: string): Promise<void> => {
        const held = await running(id);
        await commit(held, {
          seen: 0,
          requests: [newRequest('fix')],
          transition: { type: 'block', code: 'RUN_POISONED', request: 'fix' },
        });
      };
      await block('decided');
      await block('cancelled');

      await signal('decided', 'user', 'hello');
      assert.equal((await run('decided')).status, 'blocked');
      await store.decide({ run: key('decided'), request: 'fix', decision: { status: 'answered', value: 'retry' } });
      await signal('cancelled', 'cancel');

      const woken = [await run('decided'), await run('cancelled')];
      assert.deepEqual(
        woken.map(({ status, blocked }) => [status, blocked]),
        [
          ['queued', undefined],
          ['queued', undefined],
        ],
      );
    },
  },
  {
    title: 'DUR-9, DUR-5: a block is ready at once when a decision came past `seen`, and not for another signal',
    async run({ store, running, commit, signal, run }) {
      const blockAfter = async (id: string, meanwhile: () => Promise<unknown>): Promise<string> => {
        const held = await running(id);
        await commit(held, { requests: [newRequest('fix')] });
        await meanwhile();
        await commit(held, { seen: 0, transition: { type: 'block', code: 'RUN_DIVERGED', request: 'fix' } });
        return (await run(id)).status;
      };
      const decision = { status: 'answered', value: 'retry' } as const;

      const decided = await blockAfter('a', () => store.decide({ run: key('a'), request: 'fix', decision }));
      const signalled = await blockAfter('b', () => signal('b', 'user', 'hello'));
      const cancelled = await blockAfter('c', () => signal('c', 'cancel'));

      assert.deepEqual([decided, signalled, cancelled], ['queued', 'blocked', 'queued']);
    },
  },
  {
    title: 'I12: a run cannot be blocked by a request that it does not have',
    async run({ running, tryCommit, run }) {
      const held = await running('r');
      await assert.rejects(
        tryCommit(held, { entries: [note('x')], seen: 0, transition: { type: 'block', code: 'X', request: 'none' } }),
        TypeError,
      );
      assert.deepEqual([(await run('r')).status, (await run('r')).seq], ['running', 1]);
    },
  },
  {
    title: 'DUR-10: the end of a child wakes a parked parent',
    async run({ running, take, commit, end, run, claim }) {
      const parent = await running('p');
      await commit(parent, { children: [newChild('c', 'p')], seen: 0, transition: { type: 'park', wakeAt: null } });
      await end(await take('c'));

      assert.equal((await run('p')).status, 'queued');
      assert.equal((await claim({ only: { run: key('p') } })).claims.length, 1);
    },
  },
];
