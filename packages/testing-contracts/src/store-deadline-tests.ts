import assert from 'node:assert/strict';
import type { ClaimResult } from '@prusik/core';
import { key, LEASE_MS, newChild, newRequest, NO_SUSPECTS } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

const ids = ({ claims }: ClaimResult): readonly string[] => claims.map(({ run }) => run.key.run);
const STRANGE = { definitions: [] };

export const STORE_DEADLINE_TESTS: readonly StoreTest[] = [
  {
    title:
      'WFL-4, DUR-20: what a run may do is kept with it, and a time it is given becomes a deadline by the store’s clock',
    async run({ clock, start, running, commit, run }) {
      const now = clock.now();
      const rights = { levels: 2, deadlineAt: now + 5_000 };
      await start('plain');
      await start('said', { rights });
      await start('timed', { timeoutMs: 1_000 });
      await start('both', { rights, timeoutMs: 1_000 });
      await start('later', { rights, timeoutMs: 9_000 });
      clock.advance(10);
      await commit(await running('p'), { children: [newChild('c', 'p', { rights: { levels: 0 }, timeoutMs: 0 })] });

      assert.equal((await run('plain')).rights, undefined);
      assert.deepEqual((await run('said')).rights, rights);
      assert.deepEqual((await run('timed')).rights, { deadlineAt: now + 1_000 });
      assert.deepEqual((await run('both')).rights, { levels: 2, deadlineAt: now + 1_000 });
      assert.deepEqual((await run('later')).rights, rights);
      assert.deepEqual((await run('c')).rights, { levels: 0, deadlineAt: now + 10 });
      await assert.rejects(start('wrong', { rights: { levels: -1 } }), TypeError);
      await assert.rejects(start('wrong', { rights: { deadlineAt: Number.NaN } }), TypeError);
      await assert.rejects(start('wrong', { timeoutMs: -1 }), TypeError);
    },
  },
  {
    title: 'WFL-8: the workspace that a child is given is kept with it, and a root is given none',
    async run({ start, running, commit, run }) {
      await commit(await running('p'), {
        children: [newChild('with', 'p', { workspace: 'default:run:with' }), newChild('without', 'p')],
      });

      assert.equal((await run('with')).workspace, 'default:run:with');
      assert.equal((await run('without')).workspace, undefined);
      assert.equal((await run('p')).workspace, undefined);
      await assert.rejects(start('root', { workspace: 'default:run:root' }), TypeError);
      for (const [n, workspace] of ['', 'a\nb', 7].entries())
        await assert.rejects(
          commit(await running(`bad ${n}`), {
            children: [newChild('c', `bad ${n}`, { workspace: workspace as string })],
          }),
          TypeError,
        );
    },
  },
  {
    title: 'DUR-20: a run that waits is claimed at its deadline, whatever it waits for',
    async run({ clock, running, park, claim }) {
      const now = clock.now();
      await park(await running('for-a-signal', { timeoutMs: 1_000 }));
      await park(await running('for-a-timer', { timeoutMs: 2_000 }), now + 60_000);

      assert.equal((await claim()).nextAt, now + 1_000);
      clock.advance(999);
      assert.deepEqual(ids(await claim()), []);
      clock.advance(1);
      assert.deepEqual(ids(await claim()), ['for-a-signal']);
      clock.advance(1_000);
      assert.deepEqual(ids(await claim()), ['for-a-timer']);
    },
  },
  {
    title: 'DUR-20: a lease after its deadline a run is claimed by any worker, though none knows its definition',
    async run({ clock, start, running, park, claim }) {
      const now = clock.now();
      await start('queued', { timeoutMs: 1_000 });
      await park(await running('parked', { timeoutMs: 1_000 }));
      await start('endless');

      clock.advance(1_000);
      const early = await claim(STRANGE);
      assert.deepEqual([ids(early), early.nextAt], [[], now + 1_000 + LEASE_MS]);
      clock.advance(LEASE_MS - 1);
      assert.deepEqual(ids(await claim(STRANGE)), []);
      clock.advance(1);
      const { claims } = await claim(STRANGE);
      assert.deepEqual(
        claims.map(({ run, lost }) => [run.key.run, run.status, lost]),
        [
          ['queued', 'running', 0],
          ['parked', 'running', 0],
        ],
      );
      clock.advance(100 * LEASE_MS);
      assert.deepEqual(ids(await claim({ ...STRANGE, suspects: NO_SUSPECTS })), []);
    },
  },
  {
    title: 'DUR-20, DUR-2: who holds a run keeps it past its deadline, as long as its lease holds',
    async run({ clock, running, claim }) {
      await running('held', { timeoutMs: 1_000 });
      const until = clock.now() + LEASE_MS;

      clock.advance(LEASE_MS - 1);
      const held = await claim();
      assert.deepEqual([ids(held), held.nextAt], [[], until]);
      assert.deepEqual(ids(await claim(STRANGE)), []);
      clock.advance(1_001);
      const { claims } = await claim(STRANGE);
      assert.deepEqual(
        claims.map(({ run, lost }) => [run.key.run, run.epoch, lost]),
        [['held', 2, 1]],
      );
    },
  },
  {
    title: 'DUR-20: a run that is blocked or stands in the queue of its session is left there by its deadline',
    async run({ clock, running, start, commit, claim }) {
      const session = { id: 's', whenBusy: 'queue' } as const;
      await running('holder', { session });
      await start('next', { session, timeoutMs: 1_000 });
      await commit(await running('blocked', { timeoutMs: 1_000 }), {
        requests: [newRequest('help', { kind: 'intervention' })],
        seen: 0,
        transition: { type: 'block', code: 'STEP_IN_DOUBT', request: 'help' },
      });

      clock.advance(1_000 + LEASE_MS);
      assert.deepEqual(ids(await claim({ suspects: NO_SUSPECTS })), []);
      assert.deepEqual(ids(await claim({ ...STRANGE, suspects: NO_SUSPECTS })), []);
    },
  },
  {
    title: 'DUR-20: a run that is ready and past its deadline is claimed once, and an ended one never',
    async run({ clock, start, running, end, claim }) {
      await start('ready', { timeoutMs: 1_000 });
      await end(await running('ended', { timeoutMs: 1_000 }));

      clock.advance(2_000);
      const { claims, nextAt } = await claim();
      assert.deepEqual(
        claims.map(({ run }) => [run.key.run, run.epoch]),
        [['ready', 1]],
      );
      assert.equal(nextAt, null);
    },
  },
  {
    title: 'DUR-20, DUR-11: a claim for one run or some trees takes the deadlines of those alone',
    async run({ clock, running, park, commit, claim }) {
      const parent = await running('p');
      await commit(parent, { children: [newChild('c', 'p', { timeoutMs: 1_000, definition: 'strange' })] });
      await park(await running('other', { timeoutMs: 1_000 }));

      clock.advance(1_000 + LEASE_MS - 1);
      assert.deepEqual(ids(await claim({ only: { run: key('p') }, suspects: NO_SUSPECTS })), []);
      clock.advance(1);
      assert.deepEqual(ids(await claim({ only: { roots: [key('p')] }, suspects: NO_SUSPECTS })), ['c']);
      assert.deepEqual(ids(await claim({ only: { run: key('other') } })), ['other']);
    },
  },
  {
    title:
      'DUR-20: a run that was parked past its deadline, with no timer, waits for its children and is not claimed by it again',
    async run({ clock, running, commit, end, claim }) {
      const parent = await running('p', { timeoutMs: 1_000 });
      await commit(parent, { children: [newChild('c', 'p')] });
      const child = (await claim()).claims[0];
      clock.advance(1_000);
      const entries = [{ type: 'run-park', waits: ['c'], wakeAt: null }] as const;
      await commit(parent, { entries, seen: 0, transition: { type: 'park', wakeAt: null } });

      const waiting = await claim();
      assert.deepEqual([ids(waiting), waiting.nextAt], [[], clock.now() - 1_000 + LEASE_MS]);
      clock.advance(LEASE_MS - 1_001);
      assert.deepEqual(ids(await claim(STRANGE)), []);
      assert.ok(child);
      await end({ run: child.run.key, epoch: child.run.epoch });
      assert.deepEqual(ids(await claim()), ['p']);
    },
  },
];
