import assert from 'node:assert/strict';
import { newRequest, newRun, key, LEASE_MS } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

export const STORE_HEALTH_TESTS: readonly StoreTest[] = [
  {
    title:
      'TEL-4: health() counts the runs of all tenants by what they are doing, and says for how long they have waited',
    async run({ store, clock, start, running, park, end, commit }) {
      const empty = await store.health();
      assert.deepEqual(
        [empty.isWhole, empty.queue, empty.requests],
        [true, { ready: 0, inSessions: 0, oldestMs: null }, { open: 0, oldestMs: null }],
      );
      await start('ready-1');
      clock.advance(2_000);
      await store.start(newRun('foreign', { key: key('foreign', 'other'), priority: 9 }));
      await running('held', { session: { id: 's', whenBusy: 'refuse' } });
      await start('behind', { session: { id: 's', whenBusy: 'queue' } });
      await park(await running('timer'), clock.now() + 60_000);
      await park(await running('due'), clock.now() + 500);
      await park(await running('parked'));
      await end(await running('done'));
      await end(await running('broken'), 'failed');
      await commit(await running('stuck'), {
        requests: [newRequest('help', { kind: 'intervention' })],
        seen: 0,
        transition: { type: 'block', code: 'STEP_IN_DOUBT', request: 'help' },
      });
      clock.advance(1_000);

      const health = await store.health();
      assert.equal(health.at, clock.now());
      assert.deepEqual(health.runs, {
        queued: 3,
        running: 1,
        waiting: 3,
        blocked: 1,
        completed: 1,
        failed: 1,
        cancelled: 0,
      });
      assert.deepEqual(health.queue, { ready: 2, inSessions: 1, oldestMs: 3_000 });
      assert.deepEqual(health.leases, { held: 1, past: 0 });
      assert.deepEqual(health.timers, { due: 1, nextAt: clock.now() - 1_000 + 60_000 });
      assert.deepEqual(health.blocked, { STEP_IN_DOUBT: 1 });
    },
  },
  {
    title: 'TEL-4: health() tells open requests and not those whose time is past, and what blobs take',
    async run({ store, clock, running, commit }) {
      const held = await running('r');
      await commit(held, { requests: [newRequest('soon', { expiresAt: clock.now() + 1_000 }), newRequest('asked')] });
      clock.advance(1_500);
      await commit(held, { requests: [newRequest('later')] });
      await store.decide({ run: key('r'), request: 'later', decision: { status: 'answered', value: 1 } });
      assert.deepEqual((await store.health()).requests, { open: 1, oldestMs: 1_500 });

      await store.putBlob('acme', bytes('rope'));
      await store.putBlob('other', bytes('rope'));
      await store.putBlob('acme', bytes('thread'));
      assert.deepEqual((await store.health()).blobs, { count: 2, bytes: 10 });
    },
  },
  {
    title:
      'TEL-4: health() tells leases that are past, and counts each run that was taken over from a lost worker, once',
    async run({ store, clock, running, claim, end }) {
      for (const id of ['a', 'b', 'c']) await running(id);
      assert.deepEqual((await store.health()).recoveries, { count: 0, lastAt: null });
      clock.advance(LEASE_MS);
      assert.deepEqual((await store.health()).leases, { held: 0, past: 3 });
      const { claims } = await claim({ suspects: { room: 1, alone: 30 }, limit: 2 });
      assert.equal(claims.length, 2);
      assert.deepEqual((await store.health()).recoveries, { count: 2, lastAt: clock.now() });
      for (const one of claims) await end({ run: one.run.key, epoch: one.run.epoch });
      clock.advance(1_000);
      await end({ run: key('c'), epoch: 1 });
      await running('d');
      assert.deepEqual((await store.health()).recoveries, { count: 2, lastAt: clock.now() - 1_000 });
    },
  },
  {
    title: 'TEL-4: how often runs were taken over is known to whoever opens the store later',
    needs: 'durable',
    async run({ store, clock, running, take, open }) {
      await running('a');
      clock.advance(LEASE_MS);
      await take('a');
      await store[Symbol.asyncDispose]();
      const again = await open();
      assert.equal((await again.health()).recoveries.count, 1);
    },
  },
  {
    title: 'DUR-10: wake() makes a waiting run ready, once and without a signal, and says where it finds another one',
    async run({ store, clock, start, running, park, end, take, claim, inboxOf, run }) {
      assert.deepEqual(await store.wake(key('nobody')), { outcome: 'unknown' });
      await start('queued');
      assert.equal((await store.wake(key('queued'))).outcome, 'nothing');
      const held = await running('r');
      assert.equal((await store.wake(key('r'))).outcome, 'nothing');
      await park(held, clock.now() + 60_000);
      clock.advance(10);

      const woken = await store.wake(key('r'));
      assert.deepEqual(woken, { outcome: 'woken', run: await run('r') });
      assert.deepEqual([woken.outcome === 'woken' && woken.run.status, (await run('r')).wakeAt], ['queued', null]);
      assert.equal((await store.wake(key('r'))).outcome, 'nothing');
      assert.deepEqual(await inboxOf('r'), []);
      const { claims } = await claim({ only: { run: key('r') } });
      assert.deepEqual(
        claims.map((one) => one.run.key.run),
        ['r'],
      );
      const again = { run: key('r'), epoch: claims[0]?.run.epoch ?? 0 };
      await park(again);
      assert.equal((await store.wake(key('r'))).outcome, 'woken');
      await end(await take('r'));
      assert.deepEqual(await store.wake(key('r')), { outcome: 'nothing', run: await run('r') });
    },
  },
  {
    title:
      'DUR-10: wake() leaves a blocked run to whoever decides about it, and one in the queue of a session in its turn',
    async run({ store, start, running, commit, run, claim }) {
      await commit(await running('stuck'), {
        requests: [newRequest('help', { kind: 'intervention' })],
        seen: 0,
        transition: { type: 'block', code: 'STEP_IN_DOUBT', request: 'help' },
      });
      const refused = await store.wake(key('stuck'));
      assert.deepEqual(refused, { outcome: 'refused', code: 'RUN_BLOCKED', run: await run('stuck') });
      assert.deepEqual((await run('stuck')).blocked, { code: 'STEP_IN_DOUBT', request: 'help' });
      await running('holder', { session: { id: 's', whenBusy: 'refuse' } });
      await start('behind', { session: { id: 's', whenBusy: 'queue' } });
      assert.equal((await store.wake(key('behind'))).outcome, 'nothing');
      assert.deepEqual((await claim({ limit: 9 })).claims, []);
    },
  },
  {
    title: 'DUR-10: wake() is told to whoever watches the queue and the run',
    async run({ store, running, park }) {
      await park(await running('r'));
      const told: string[] = [];
      const queue = store.watchQueue(() => told.push('queue'));
      const watch = store.watchRun(key('r'), (why) => told.push(why));
      await store.wake(key('r'));
      await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(told.toSorted(), ['queue', 'signal']);
      await store.wake(key('r'));
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(told.length, 2);
      queue[Symbol.dispose]();
      watch[Symbol.dispose]();
    },
  },
  {
    title:
      'REC-1: tenants() names each tenant that has a run or a session, page after page, and none whose runs are all removed',
    async run({ store, running, end }) {
      for (const tenant of ['zoo', 'bee', 'acme-2', 'über']) await store.start(newRun('r', { key: key('r', tenant) }));
      await end(await running('r', { session: { id: 's', whenBusy: 'refuse' } }));
      const found: string[] = [];
      let after: string | undefined;
      do {
        const page = await store.tenants({ limit: 2, ...(after === undefined ? {} : { after }) });
        assert.ok(page.items.length === 2 || page.next === undefined);
        found.push(...page.items);
        after = page.next;
      } while (after !== undefined && found.length < 20);
      assert.deepEqual(found, ['acme', 'acme-2', 'bee', 'zoo', 'über']);

      await store.remove({ tenant: 'acme', run: 'r' });
      assert.deepEqual((await store.tenants({ limit: 1 })).items, ['acme']);
      await store.moveSession({ tenant: 'acme', session: 's' }, 'closed');
      await store.remove({ tenant: 'acme', session: 's' });
      assert.deepEqual((await store.tenants({ limit: 9 })).items, ['acme-2', 'bee', 'zoo', 'über']);
      await assert.rejects(store.tenants({ limit: 0 }), TypeError);
      await assert.rejects(store.tenants({ limit: 1, after: '' }), TypeError);
    },
  },
  {
    title: 'REC-2: blobsOf() tells the blobs that a run uses, and those of its session, by hash, page after page',
    async run({ store, running, commit, clock }) {
      const infos = await Promise.all(['a', 'b', 'c', 'd'].map((text) => store.putBlob('acme', bytes(text))));
      const hashes = infos.map(({ hash }) => hash).toSorted();
      const [first = '', second = '', third = ''] = hashes;
      await running('r', { blobs: [first], session: { id: 's', whenBusy: 'queue' } });
      const of = { tenant: 'acme', of: 'run', id: 'r' } as const;
      await commit({ run: key('r'), epoch: 1 }, { blobs: [third, second] });

      const page = await store.blobsOf(of, { limit: 2 });
      assert.deepEqual(
        page.items,
        [first, second].map((hash) => ({ hash, size: 1, storedAt: clock.now() })),
      );
      const rest = await store.blobsOf(of, { limit: 2, after: page.next ?? '' });
      assert.deepEqual([rest.items.map(({ hash }) => hash), rest.next], [[third], undefined]);
      const session = await store.blobsOf({ tenant: 'acme', of: 'session', id: 's' }, { limit: 9 });
      assert.deepEqual(
        session.items.map(({ hash }) => hash),
        [first, second, third],
      );
      assert.deepEqual(await store.blobsOf({ ...of, id: 'nobody' }, { limit: 9 }), { items: [] });
      assert.deepEqual(await store.blobsOf({ ...of, tenant: 'other' }, { limit: 9 }), { items: [] });
      await assert.rejects(store.blobsOf(of, { limit: 1, after: 'x' }), TypeError);
    },
  },
];
