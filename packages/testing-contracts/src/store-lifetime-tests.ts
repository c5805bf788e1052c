import assert from 'node:assert/strict';
import type { NewRun, SessionKey } from '@prusik/core';
import { fakeClock } from './fake-clock.ts';
import {
  anyDefinition,
  ending,
  key,
  LEASE_MS,
  message,
  newRequest,
  newRun,
  note,
  storeScenario,
} from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

export const STORE_LIFETIME_TESTS: readonly StoreTest[] = [
  {
    title: 'DEF-5: after disposal every method refuses with STORE_CLOSED, and a second disposal does nothing',
    async run({ store, running }) {
      const held = await running('r');
      await store[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();

      const closed = { code: 'STORE_CLOSED' };
      const page = { after: 0, limit: 1 };
      await assert.rejects(store.start(newRun('x')), closed);
      await assert.rejects(storeScenario(store).claim(), closed);
      await assert.rejects(store.renew([held], LEASE_MS), closed);
      await assert.rejects(storeScenario(store).tryCommit(held), closed);
      await assert.rejects(store.signal({ run: key('r'), kind: 'user', key: 'x', body: null }), closed);
      await assert.rejects(store.decide({ run: key('r'), request: 'q', decision: { status: 'approved' } }), closed);
      await assert.rejects(store.run(key('r')), closed);
      await assert.rejects(store.entries(key('r'), page), closed);
      await assert.rejects(store.inbox(key('r'), page), closed);
      await assert.rejects(store.messages({ tenant: 'acme', of: 'run', id: 'r' }, page), closed);
      await assert.rejects(store.threadHead({ tenant: 'acme', of: 'run', id: 'r' }), closed);
      await assert.rejects(store.ledger(key('r')), closed);
      await assert.rejects(store.session({ tenant: 'acme', session: 's' }), closed);
      await assert.rejects(store.listRuns({ tenant: 'acme', limit: 1 }), closed);
      await assert.rejects(store.listRequests({ tenant: 'acme', limit: 1 }), closed);
      await assert.rejects(store.writeLiveText([]), closed);
      await assert.rejects(store.liveText(key('r'), []), closed);
      assert.throws(() => store.watchLiveText(key('r'), () => undefined), closed);
      assert.throws(() => store.watchRun(key('r'), () => undefined), closed);
      assert.throws(() => store.watchQueue(() => undefined), closed);
    },
  },
  {
    title: 'DEF-5: disposal waits for the writes that were accepted before it',
    async run({ store, running, tryCommit }) {
      const held = await running('r');
      const writes = Array.from({ length: 50 }, () => tryCommit(held, { entries: [note('x')] }));
      let settled = 0;
      const settle = (): void => {
        settled += 1;
      };
      for (const write of writes) void write.then(settle, settle);

      await store[Symbol.asyncDispose]();

      assert.equal(settled, 50);
      assert.deepEqual(
        (await Promise.all(writes)).map(({ outcome }) => outcome),
        writes.map(() => 'committed'),
      );
    },
  },
  {
    title: 'I8: a watcher may be disposed after its store',
    async run({ store }) {
      const watchers = [store.watchRun(key('r'), () => undefined), store.watchQueue(() => undefined)];
      await store[Symbol.asyncDispose]();
      for (const watcher of watchers) assert.doesNotThrow(() => watcher[Symbol.dispose]());
    },
  },
  {
    title: 'I1: everything is there again after the store was disposed and opened',
    needs: 'durable',
    async run({ store, clock, open, start, take, commit, signal, run, inboxOf }) {
      await start('r', {
        session: { id: 's', whenBusy: 'queue' },
        budget: { calls: 5 },
        messages: [message('m1')],
        context: { user: 'ann' },
      });
      await start('queued', { session: { id: 's', whenBusy: 'queue' }, messages: [message('m2')] });
      const held = await take('r');
      await signal('r', 'user', 'x', { y: 1 });
      await commit(held, {
        entries: [note('a', { b: [1] })],
        requests: [newRequest('q')],
        ledger: { reserve: { calls: 2 } },
        seen: 1,
        transition: { type: 'park', wakeAt: clock.now() + 500 },
      });
      const thread = { tenant: 'acme', of: 'session', id: 's' } as const;
      const look = async (at: typeof store): Promise<unknown> => [
        await at.run(key('r')),
        await at.entries(key('r'), { after: 0, limit: 10 }),
        await at.inbox(key('r'), { after: 0, limit: 10 }),
        await at.messages(thread, { after: 0, limit: 10 }),
        await at.ledger(key('r')),
        await at.session({ tenant: 'acme', session: 's' }),
        await at.listRuns({ tenant: 'acme', limit: 10 }),
        await at.listRequests({ tenant: 'acme', limit: 10 }),
      ];
      const before = await look(store);
      assert.equal((await run('r')).status, 'waiting');
      assert.equal((await inboxOf('r')).length, 1);

      await store[Symbol.asyncDispose]();
      const again = await open();

      assert.deepEqual(await look(again), before);
      clock.advance(500);
      const scenario = storeScenario(again);
      await scenario.end(await scenario.take('r'));
      assert.deepEqual(
        (await again.messages(thread, { after: 0, limit: 10 })).map(({ n }) => n),
        [1, 2],
      );
    },
  },
  {
    title:
      'I1: what was ended, decided, handed over, replaced and removed stays so after the store was disposed and opened',
    needs: 'durable',
    async run({ store, clock, open, start, take, commit, run, running, end }) {
      const inSession = (id: string): Partial<NewRun> => ({ session: { id, whenBusy: 'queue' } });
      const session = (id: string): SessionKey => ({ tenant: 'acme', session: id });
      const [old, kept, unused] = await Promise.all(
        ['old', 'kept', 'unused'].map((text) => store.putBlob('acme', Buffer.from(text))),
      );
      await start('ended', inSession('s'));
      await start('next', { ...inSession('s'), messages: [message('m')] });
      const held = await take('ended');
      await commit(held, { entries: [note('a')], requests: [newRequest('q'), newRequest('open')] });
      await store.decide({ run: held.run, request: 'q', decision: { status: 'answered', value: 'red' } });
      await commit(held, {
        entries: [{ type: 'run-end', status: 'completed', output: { rope: 1 } }],
        transition: { type: 'end', status: 'completed', output: { rope: 1 } },
      });
      const file = { type: 'file', mediaType: 'text/plain', data: { blob: kept?.hash ?? '' } } as const;
      await end(
        await running('writer', { ...inSession('replaced'), messages: [message('1')], blobs: [old?.hash ?? ''] }),
      );
      await store.replaceMessages(session('replaced'), [{ ...message('2'), content: [file] }], 1);
      await end(await running('gone', { ...inSession('gone'), messages: [message('1')] }));
      await store.moveSession(session('gone'), 'closed');
      await store.remove(session('gone'));
      await end(await running('closed', inSession('closed')));
      await store.moveSession(session('closed'), 'closed');
      clock.advance(1);
      await store.sweepBlobs({ graceMs: 0 });
      const look = async (at: typeof store): Promise<unknown> => [
        await at.run(key('ended')),
        await at.listRequests({ tenant: 'acme', limit: 10 }),
        await at.listRuns({ tenant: 'acme', limit: 10 }),
        await at.listSessions({ tenant: 'acme', limit: 10 }),
        await at.session(session('s')),
        await at.session(session('gone')),
        await at.messages({ tenant: 'acme', of: 'session', id: 'replaced' }, { after: 0, limit: 10 }),
        await at.messages({ tenant: 'acme', of: 'session', id: 'gone' }, { after: 0, limit: 10 }),
        await at.messages({ tenant: 'acme', of: 'session', id: 's' }, { after: 0, limit: 10 }),
        await at.blob('acme', unused?.hash ?? ''),
      ];
      const before = await look(store);
      assert.deepEqual((await run('ended')).output, { rope: 1 });

      await store[Symbol.asyncDispose]();
      const again = await open();

      assert.deepEqual(await look(again), before);
      // The session uses what its new message names, and the bytes of the old one go with the run that brought them.
      await again.remove({ tenant: 'acme', run: 'writer' });
      await again.sweepBlobs({ graceMs: 0 });
      assert.equal((await again.blob('acme', kept?.hash ?? ''))?.size, 4);
      assert.equal(await again.blob('acme', old?.hash ?? ''), undefined);
    },
  },
  {
    title: 'DUR-2: the store’s clock does not go back from one opening to the next',
    needs: 'durable',
    async run({ store, clock, open, running, commit }) {
      const held = await running('r');
      clock.advance(5_000);
      const { at } = await commit(held, { entries: [note('a')] });
      await store[Symbol.asyncDispose]();

      const again = await open(fakeClock(clock.now() - 3_600_000));

      assert.equal((await storeScenario(again).claim({ limit: 0 })).now, at);
    },
  },
  {
    title: 'DUR-2: nor after a transaction that wrote no entry',
    needs: 'durable',
    async run({ store, clock, open, start, claim }) {
      await start('r');
      clock.advance(5_000);
      const { now } = await claim();
      await store[Symbol.asyncDispose]();

      const again = await open(fakeClock(clock.now() - 3_600_000));

      assert.equal((await storeScenario(again).claim({ limit: 0 })).now, now);
    },
  },
  {
    title: 'DUR-12: leases of a store that was disposed are not waited for',
    needs: 'durable',
    async run({ store, open, running }) {
      await running('r');
      await store[Symbol.asyncDispose]();
      const again = storeScenario(await open());
      const { claims } = await again.claim();
      assert.deepEqual(
        claims.map(({ run, lost }) => [run.epoch, lost]),
        [[2, 1]],
      );
    },
  },
  {
    title: 'DUR-2: of two handles that claim at once, one gets the run, and the other is fenced off',
    needs: 'multiProcess',
    async run({ open, start, claim, clock }) {
      const other = storeScenario(await open());
      for (let n = 0; n < 20; n += 1) await start(`r${n}`);

      const [mine, theirs] = await Promise.all([claim({ limit: 20 }), other.claim({ limit: 20, worker: 'worker-2' })]);

      const ids = [...mine.claims, ...theirs.claims].map(({ run }) => run.key.run);
      assert.equal(ids.length, 20);
      assert.equal(new Set(ids).size, 20);
      clock.advance(LEASE_MS);
      const lost = [...mine.claims, ...theirs.claims].map(({ run }) => ({ run: run.key, epoch: run.epoch }));
      await other.claim({ limit: 20, suspects: { room: 1, alone: 30 } });
      for (const lease of lost) assert.equal((await other.tryCommit(lease, ending('failed'))).outcome, 'stale');
    },
  },
  {
    title: 'I1: two handles that write at once lose nothing',
    needs: 'multiProcess',
    async run({ store, open, running, commit }) {
      const other = await open();
      const mine = await running('mine');
      const second = storeScenario(other);
      const theirs = await second.running('theirs');

      await Promise.all(
        Array.from({ length: 100 }, (_, n) => [
          commit(mine, { entries: [note(`m${n}`)] }),
          second.commit(theirs, { entries: [note(`t${n}`)] }),
        ]).flat(),
      );

      for (const [reader, id] of [
        [store, 'theirs'],
        [other, 'mine'],
      ] as const) {
        const entries = await reader.entries(key(id), { after: 1, limit: 1_000 });
        assert.deepEqual(
          entries.map((entry) => (entry.type === 'note' ? entry.name : '')),
          Array.from({ length: 100 }, (_, n) => `${id.charAt(0)}${n}`),
        );
      }
    },
  },
  {
    title: 'DUR-2: a handle whose clock is behind lives in the time of the one that is ahead',
    needs: 'multiProcess',
    async run({ clock, open, start, running, claim }) {
      await start('r');
      const slow = await open(fakeClock(clock.now() - 3_600_000));
      const behind = await storeScenario(slow).claim({ definitions: anyDefinition });

      assert.equal(behind.now, clock.now());
      assert.equal(behind.claims.length, 1);
      clock.advance(LEASE_MS - 1);
      assert.deepEqual((await claim()).claims, []);
      await running('other');
    },
  },
];
