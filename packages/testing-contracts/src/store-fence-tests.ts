import assert from 'node:assert/strict';
import { ending, key, LEASE_MS, message, newChild, newRequest, note } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

const ledgerOf = { limits: { calls: 5 }, used: { calls: 0, tokens: 0, costMicros: 0, runs: 0 } } as const;

export const STORE_FENCE_TESTS: readonly StoreTest[] = [
  {
    title: 'I1: after a takeover nothing of the former holder’s commit is written',
    async run({ store, clock, start, take, tryCommit, commit, run, journal }) {
      await start('r', { budget: { calls: 5 } });
      const zombie = await take('r');
      await commit(zombie, { requests: [newRequest('q')] });
      clock.advance(LEASE_MS);
      await take('r', { worker: 'worker-2' });
      const before = await run('r');

      const late = await tryCommit(zombie, {
        entries: [note('late')],
        messages: { from: 1, items: [message('late')] },
        children: [newChild('late-child', 'r')],
        requests: [newRequest('late-request')],
        closeRequests: [{ id: 'q' }],
        ledger: { reserve: { calls: 1 } },
      });

      assert.deepEqual(late, { outcome: 'stale' });
      assert.deepEqual(await run('r'), before);
      assert.deepEqual(await journal('r'), ['run-start']);
      assert.equal(await store.threadHead({ tenant: 'acme', of: 'run', id: 'r' }), 0);
      assert.equal(await store.run(key('late-child')), undefined);
      assert.deepEqual(await store.ledger(key('r')), {
        ...ledgerOf,
        reserved: { calls: 0, tokens: 0, costMicros: 0, runs: 0 },
      });
      const { items } = await store.listRequests({ tenant: 'acme', limit: 10 });
      assert.deepEqual(
        items.map(({ id, status }) => [id, status]),
        [['q', 'open']],
      );
    },
  },
  {
    title: 'I1, I2: a zombie cannot end the run that another holds',
    async run({ clock, running, take, tryCommit, run }) {
      const zombie = await running('r');
      clock.advance(LEASE_MS);
      await take('r', { worker: 'worker-2' });

      assert.deepEqual(await tryCommit(zombie, ending('failed')), { outcome: 'stale' });
      assert.equal((await run('r')).status, 'running');
    },
  },
  {
    title: 'DUR-2: a second claim under the same worker id makes the first one stale',
    async run({ clock, running, take, tryCommit, commit }) {
      const first = await running('r');
      clock.advance(LEASE_MS);
      const second = await take('r');

      assert.deepEqual(await tryCommit(first, { entries: [note('first')] }), { outcome: 'stale' });
      await commit(second, { entries: [note('second')] });
    },
  },
  {
    title: 'DUR-2: a lease that is past but that nobody took may still commit what happened',
    async run({ clock, running, commit, journal }) {
      const held = await running('r');
      clock.advance(10 * LEASE_MS);
      await commit(held, { entries: [note('it happened')] });
      assert.deepEqual(await journal('r'), ['run-start', 'it happened']);
    },
  },
  {
    title: 'I1: nothing is written under the epoch of a run that was parked, given back or blocked',
    async run({ running, commit, tryCommit, journal }) {
      const parked = await running('parked');
      await commit(parked, { seen: 0, transition: { type: 'park', wakeAt: null } });
      const released = await running('released');
      await commit(released, { transition: { type: 'release' } });
      const blocked = await running('blocked');
      await commit(blocked, {
        seen: 0,
        requests: [newRequest('q')],
        transition: { type: 'block', code: 'RUN_DIVERGED', request: 'q' },
      });

      for (const lease of [parked, released, blocked]) {
        assert.deepEqual(await tryCommit(lease, { entries: [note('late')] }), { outcome: 'stale' });
        assert.deepEqual(await journal(lease.run.run), ['run-start']);
      }
    },
  },
  {
    title: 'DUR-2: an epoch that was never given, and a run that is not there, are stale',
    async run({ running, tryCommit }) {
      const held = await running('r');
      assert.deepEqual(await tryCommit({ ...held, epoch: 2 }), { outcome: 'stale' });
      assert.deepEqual(await tryCommit({ ...held, epoch: 0 }), { outcome: 'stale' });
      assert.deepEqual(await tryCommit({ run: key('nobody'), epoch: 1 }), { outcome: 'stale' });
    },
  },
  {
    title: 'SES-7: a lease of one tenant is none of another’s run of the same id',
    async run({ store, running, tryCommit }) {
      const held = await running('r');
      const foreign = { run: key('r', 'other'), epoch: held.epoch };
      assert.deepEqual(await tryCommit(foreign, { entries: [note('x')] }), { outcome: 'stale' });
      assert.deepEqual(await store.renew([foreign], LEASE_MS), []);
    },
  },
  {
    title: 'DUR-2: renew() extends a lease from now on, and says what its holder should know',
    async run({ store, clock, running, claim, signal }) {
      const held = await running('r');
      clock.advance(LEASE_MS - 1);
      await signal('r', 'cancel');

      const renewed = await store.renew([held], LEASE_MS);

      assert.deepEqual(renewed, [{ run: key('r'), epoch: 1, inbox: 1, cancelRequested: true }]);
      clock.advance(LEASE_MS - 1);
      assert.deepEqual((await claim()).claims, []);
      clock.advance(1);
      assert.equal((await claim()).claims.length, 1);
    },
  },
  {
    title: 'DUR-2: nobody renews a lease that is past, at the very moment either',
    async run({ store, clock, running, take }) {
      const held = await running('r');
      clock.advance(LEASE_MS);
      assert.deepEqual(await store.renew([held], LEASE_MS), []);
      assert.equal((await take('r', { worker: 'worker-2' })).epoch, 2);
    },
  },
  {
    title: 'DUR-2: who is not the holder renews nothing, and extends nobody’s lease',
    async run({ store, clock, running, take, claim }) {
      const former = await running('r');
      clock.advance(LEASE_MS);
      await take('r', { worker: 'worker-2' });
      clock.advance(LEASE_MS - 1);

      assert.deepEqual(await store.renew([former], 10 * LEASE_MS), []);

      clock.advance(1);
      assert.equal((await claim()).claims.length, 1);
    },
  },
  {
    title: 'DUR-2: a renewal that meets the end of its run does not bring the lease back',
    async run({ store, clock, running, end, claim, run }) {
      const held = await running('r');
      await end(held);

      assert.deepEqual(await store.renew([held], LEASE_MS), []);
      assert.equal((await run('r')).status, 'completed');
      clock.advance(LEASE_MS);
      assert.deepEqual((await claim()).claims, []);
    },
  },
  {
    title: 'DUR-2: renew() answers for those that are still held, and only for those',
    async run({ store, running, park }) {
      const kept = await running('kept');
      const parked = await running('parked');
      await park(parked);

      const renewed = await store.renew([parked, kept, { run: key('nobody'), epoch: 1 }], LEASE_MS);

      assert.deepEqual(
        renewed.map(({ run }) => run.run),
        ['kept'],
      );
    },
  },
  {
    title: 'DUR-2: a renewal never makes a lease shorter',
    async run({ store, clock, running, claim }) {
      const held = await running('r');
      await store.renew([held], 1);
      clock.advance(LEASE_MS - 1);
      assert.deepEqual((await claim()).claims, []);
    },
  },
];
