import assert from 'node:assert/strict';
import type { ClaimResult } from '@prusik/core';
import { key, LEASE_MS, message, newChild, NO_SUSPECTS, note } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

const ids = ({ claims }: ClaimResult): readonly string[] => claims.map(({ run }) => run.key.run);

export const STORE_CLAIM_TESTS: readonly StoreTest[] = [
  {
    title: 'DUR-2: claim() makes a ready run running, raises its epoch and tells the thread and the time',
    async run({ clock, start, claim }) {
      await start('r', { messages: [message('m1')] });

      const result = await claim();

      assert.equal(result.now, clock.now());
      assert.equal(result.claims.length, 1);
      const [taken] = result.claims;
      assert.deepEqual([taken?.run.status, taken?.run.epoch, taken?.lost, taken?.threadHead], ['running', 1, 0, 1]);
    },
  },
  {
    title: 'DUR-2: a run that is held is not claimed again, by the same worker id either',
    async run({ running, claim }) {
      await running('r');
      assert.deepEqual(ids(await claim()), []);
    },
  },
  {
    title: 'DUR-2: of many that claim at once, one gets the run',
    async run({ start, claim }) {
      await start('r');
      const results = await Promise.all(Array.from({ length: 10 }, (_, n) => claim({ worker: `worker-${n}` })));
      assert.equal(results.flatMap(ids).length, 1);
    },
  },
  {
    title: 'DUR-11: claim() takes the highest priority first, then the longest ready',
    async run({ clock, start, claim }) {
      for (const [id, priority] of [
        ['low', -1],
        ['first', 0],
        ['second', 0],
        ['high', 5],
      ] as const) {
        await start(id, { priority });
        clock.advance(1);
      }
      assert.deepEqual(ids(await claim({ limit: 1 })), ['high']);
      assert.deepEqual(ids(await claim()), ['first', 'second', 'low']);
    },
  },
  {
    title: 'DUR-11: claim() takes at most `limit`, and nothing with limit 0',
    async run({ start, claim }) {
      await start('a');
      await start('b');
      await start('c');

      assert.deepEqual(ids(await claim({ limit: 0 })), []);
      assert.deepEqual(ids(await claim({ limit: 2 })), ['a', 'b']);
      assert.deepEqual(ids(await claim({ limit: 2 })), ['c']);
    },
  },
  {
    title: 'DUR-12, DUR-15: claim() leaves runs of other definitions and versions for workers that have them',
    async run({ start, claim }) {
      await start('v1');
      await start('v2', { version: '2' });
      await start('other', { definition: 'refund' });

      assert.deepEqual(ids(await claim({ definitions: [] })), []);
      assert.deepEqual(ids(await claim({ definitions: [{ name: 'order', versions: ['2', '3'] }] })), ['v2']);
      assert.deepEqual(ids(await claim({ definitions: [{ name: 'refund', versions: ['1'] }] })), ['other']);
    },
  },
  {
    title: 'I7: a run that is asked to cancel is claimed by a worker without its definition',
    async run({ start, signal, claim }) {
      await start('r');
      await signal('r', 'cancel');

      const { claims } = await claim({ definitions: [] });

      assert.deepEqual(
        claims.map(({ run }) => [run.key.run, run.cancelRequested]),
        [['r', true]],
      );
    },
  },
  {
    title: 'DUR-11: claim() can be held to one run',
    async run({ start, claim }) {
      await start('a');
      await start('b');
      assert.deepEqual(ids(await claim({ only: { run: key('b') } })), ['b']);
      assert.deepEqual(ids(await claim({ only: { run: key('b') } })), []);
      assert.deepEqual(ids(await claim({ only: { run: key('nobody') } })), []);
    },
  },
  {
    title: 'DUR-2: a claim that names a tree twice takes each of its runs once',
    async run({ start, claim }) {
      await start('r');
      const { claims } = await claim({ only: { roots: [key('r'), key('other'), key('r')] } });
      assert.deepEqual(
        claims.map(({ run }) => run.epoch),
        [1],
      );
    },
  },
  {
    title: 'DUR-11: claim() can be held to trees, and takes from all of them in one order',
    async run({ running, start, commit, claim }) {
      const parent = await running('p');
      await start('other', { priority: 1 });
      await start('third');
      await start('fourth');
      await commit(parent, { children: [newChild('c1', 'p'), newChild('c2', 'p')] });

      assert.deepEqual(ids(await claim({ only: { roots: [key('p')] } })), ['c1', 'c2']);
      const roots = [key('nobody'), key('fourth'), key('p'), key('other')];
      assert.deepEqual(ids(await claim({ only: { roots } })), ['other', 'fourth']);
      assert.deepEqual(ids(await claim({ only: { roots: [] } })), []);
      await assert.rejects(claim({ only: { roots: Array.from({ length: 1_001 }, () => key('p')) } }), TypeError);
    },
  },
  {
    title: 'DUR-2: a lease is past exactly from `leaseUntil` on',
    async run({ clock, running, claim }) {
      await running('r');

      clock.advance(LEASE_MS - 1);
      assert.deepEqual(ids(await claim()), []);

      clock.advance(1);
      const { claims } = await claim();
      assert.deepEqual(
        claims.map(({ run, lost }) => [run.epoch, lost]),
        [[2, 1]],
      );
    },
  },
  {
    title: 'DUR-12: leases that are lost count until a step is committed',
    async run({ clock, running, take, commit }) {
      await running('r');
      clock.advance(LEASE_MS);
      const second = await take('r');
      clock.advance(LEASE_MS);
      const third = await take('r');
      assert.deepEqual([second.claim.lost, third.claim.lost], [1, 2]);

      await commit(third, { entries: [note('only a note')] });
      clock.advance(LEASE_MS);
      const fourth = await take('r');
      assert.equal(fourth.claim.lost, 3);

      await commit(fourth, { progress: true });
      clock.advance(LEASE_MS);
      assert.equal((await take('r')).claim.lost, 1);
    },
  },
  {
    title:
      'DUR-12: claim() takes runs that lost a worker as far as there is room for suspects, and innocent ones beside them',
    async run({ clock, running, start, claim }) {
      await running('poison-1');
      await running('poison-2');
      clock.advance(LEASE_MS);
      await start('innocent-1');
      await start('innocent-2');

      const none = await claim({ suspects: NO_SUSPECTS });
      const one = await claim({ suspects: { room: 1, alone: 1 } });

      assert.deepEqual(ids(none), ['innocent-1', 'innocent-2']);
      assert.deepEqual(ids(one), ['poison-1']);
    },
  },
  {
    title:
      'DUR-12: the more workers a run has lost, the more room it takes among suspects, and lighter ones wait behind it',
    async run({ clock, running, claim }) {
      for (const id of ['a', 'b', 'c', 'd', 'e']) {
        await running(id);
        clock.advance(1);
      }
      clock.advance(LEASE_MS);
      const lostOnce = ids(await claim({ suspects: { room: 1, alone: 3 } }));
      await running('light');
      clock.advance(LEASE_MS);

      const lostTwice = ids(await claim({ suspects: { room: 1, alone: 3 } }));
      const nextIsTooHeavy = ids(await claim({ suspects: { room: 0.25, alone: 3 } }));
      clock.advance(LEASE_MS);
      const alone = ids(await claim({ suspects: { room: 1, alone: 2 } }));

      assert.deepEqual(lostOnce, ['a', 'b', 'c', 'd']);
      assert.deepEqual(lostTwice, ['e', 'a']);
      assert.deepEqual(nextIsTooHeavy, []);
      assert.deepEqual(alone, ['b']);
    },
  },
  {
    title: 'DUR-12: a suspect that has no room takes nobody’s place, with limit 1 and beside other suspects neither',
    async run({ clock, running, take, commit, start, claim }) {
      for (const id of ['s-1', 's-2']) {
        await running(id);
        clock.advance(LEASE_MS);
        await commit(await take(id), { transition: { type: 'release' } });
      }
      await start('innocent-1');
      await start('innocent-2');

      assert.deepEqual(ids(await claim({ limit: 1, suspects: { room: 0.5, alone: 1 } })), ['innocent-1']);
      assert.deepEqual(ids(await claim({ limit: 2, suspects: { room: 1, alone: 1 } })), ['s-1', 'innocent-2']);
    },
  },
  {
    title:
      'DUR-2: a claim leaves the past leases alone that its worker says it still drives, until somebody else has taken them',
    async run({ clock, running, take, claim }) {
      const held = await running('r');
      await running('other');
      clock.advance(LEASE_MS);
      const except = [{ run: held.run, epoch: held.epoch }];

      assert.deepEqual(ids(await claim({ except })), ['other']);
      await take('r', { worker: 'worker-2' });
      clock.advance(LEASE_MS);
      assert.deepEqual(ids(await claim({ except })), ['r', 'other']);
    },
  },
  {
    title: 'DUR-12: a run that lost a worker stays a suspect when it is given back without progress',
    async run({ clock, running, take, commit, claim }) {
      await running('r');
      clock.advance(LEASE_MS);
      await commit(await take('r'), { transition: { type: 'release' } });

      assert.deepEqual(ids(await claim({ suspects: NO_SUSPECTS })), []);
      const { claims } = await claim({ suspects: { room: 1, alone: 1 } });
      assert.deepEqual(
        claims.map(({ lost }) => lost),
        [1],
      );
    },
  },
  {
    title: 'DUR-11: timers and orphans are not starved by a stream of new runs',
    async run({ clock, running, park, start, claim }) {
      await park(await running('parked'), clock.now() + 10);
      await running('orphan');
      clock.advance(LEASE_MS);
      for (const id of ['new-1', 'new-2', 'new-3']) await start(id);

      assert.deepEqual(ids(await claim({ limit: 3 })), ['parked', 'orphan', 'new-1']);
    },
  },
  {
    title: 'DUR-7: `nextAt` is the next timer or lease, without those that this worker could not take',
    async run({ clock, running, park, claim, start }) {
      assert.equal((await claim()).nextAt, null);
      const now = clock.now();
      await park(await running('later'), now + 5_000);
      await park(await running('sooner'), now + 1_000);
      await running('held');

      assert.equal((await claim()).nextAt, now + 1_000);
      assert.equal((await claim({ only: { run: key('later') } })).nextAt, now + 5_000);
      assert.equal((await claim({ only: { run: key('held') } })).nextAt, now + LEASE_MS);
      assert.equal((await claim({ only: { run: key('held') }, suspects: NO_SUSPECTS })).nextAt, null);
      assert.equal((await claim({ definitions: [] })).nextAt, null);
      await start('ready');
      assert.equal((await claim()).nextAt, now + 1_000);
    },
  },
  {
    title: 'DUR-12: a run that was lost, taken over and ended is never claimed again',
    async run({ clock, running, take, end, claim, run }) {
      await running('r');
      clock.advance(LEASE_MS);
      await end(await take('r'), 'failed');

      clock.advance(10 * LEASE_MS);
      assert.deepEqual(ids(await claim()), []);
      assert.equal((await run('r')).epoch, 2);
    },
  },
  {
    title: 'DUR-2: the store’s clock does not go back, whatever the machine’s does',
    async run({ start, clock, running, claim, commit }) {
      const held = await running('r');
      clock.advance(1_000);
      const before = await commit(held, { entries: [note('a')] });

      clock.jump(-3_600_000);
      const after = await commit(held, { entries: [note('b')] });

      assert.equal(after.at, before.at);
      assert.equal((await claim()).now, before.at);
      assert.equal((await start('later')).createdAt, before.at);
    },
  },
  {
    title: 'DUR-2: a jump forward lets a run be taken over, and the fence holds against the one who had it',
    async run({ clock, running, take, tryCommit }) {
      const held = await running('r');

      clock.jump(3_600_000);
      await take('r', { worker: 'worker-2' });

      assert.deepEqual(await tryCommit(held, { entries: [note('late')] }), { outcome: 'stale' });
    },
  },
];
