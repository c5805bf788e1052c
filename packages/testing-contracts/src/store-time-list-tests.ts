import assert from 'node:assert/strict';
import { LIST_NAMES_LIMIT, type RunQuery, type RunSummary, type SessionQuery, type Store } from '@prusik/core';
import { key, message, newChild, newRequest, newRun } from './store-scenario.ts';
import type { StoreTest, StoreTestBed } from './store-test.ts';

const runs = async (store: Store, query: Partial<RunQuery> = {}): Promise<readonly string[]> =>
  (await store.listRuns({ tenant: 'acme', limit: 100, ...query })).items.map((run) => run.key.run);

const sessions = async (store: Store, query: Partial<SessionQuery> = {}): Promise<readonly string[]> =>
  (await store.listSessions({ tenant: 'acme', limit: 100, ...query })).items.map((session) => session.key.session);

/** Every page, three runs each. */
async function paged(store: Store, query: Partial<RunQuery>): Promise<readonly string[]> {
  const found: RunSummary[] = [];
  let after: string | undefined;
  do {
    const page = await store.listRuns({ tenant: 'acme', limit: 3, ...query, ...(after ? { after } : {}) });
    found.push(...page.items);
    after = page.next;
  } while (after !== undefined && found.length < 100);
  return found.map((run) => run.key.run);
}

/** Ten runs, a second apart; each second one ends, the last of them first. Answers the time of the first. */
async function tenRuns({ start, take, end, clock }: StoreTestBed): Promise<number> {
  const first = clock.now();
  for (let n = 0; n < 10; n += 1) {
    await start(`r${n}`, n % 3 === 0 ? { definition: 'refund' } : {});
    clock.advance(1_000);
  }
  for (const n of [8, 6, 4, 2, 0]) {
    await end(await take(`r${n}`, n % 3 === 0 ? { definitions: [{ name: 'refund', versions: ['1'] }] } : {}));
    clock.advance(1_000);
  }
  return first;
}

export const STORE_TIME_LIST_TESTS: readonly StoreTest[] = [
  {
    title: 'REC-1: listRuns() filters by kind, by roots and by the code of a block',
    async run({ store, running, start, commit }) {
      await start('agent', { kind: 'agent' });
      await start('function', { kind: 'function', definition: 'refund' });
      for (const [id, code] of [
        ['doubt', 'STEP_IN_DOUBT'],
        ['poison', 'RUN_POISONED'],
      ] as const)
        await commit(await running(id), {
          requests: [newRequest('help', { kind: 'intervention' })],
          seen: 0,
          transition: { type: 'block', code, request: 'help' },
        });
      await commit(await running('p'), { children: [newChild('c', 'p', { kind: 'agent' })] });

      assert.deepEqual(await runs(store, { kind: ['agent'] }), ['c', 'agent']);
      assert.deepEqual(await runs(store, { kind: ['agent', 'function'] }), ['c', 'function', 'agent']);
      assert.deepEqual(await runs(store, { kind: [] }), []);
      assert.deepEqual(await runs(store, { kind: ['function'], definition: ['order'] }), []);
      assert.deepEqual(await runs(store, { roots: true }), ['p', 'poison', 'doubt', 'function', 'agent']);
      assert.deepEqual(await runs(store, { roots: true, kind: ['agent'] }), ['agent']);
      assert.deepEqual(await runs(store, { roots: true, root: 'p' }), ['p']);
      assert.deepEqual(await runs(store, { roots: false, root: 'p' }), ['c', 'p']);
      assert.deepEqual(await runs(store, { status: ['blocked'] }), ['poison', 'doubt']);
      assert.deepEqual(await runs(store, { blocked: 'STEP_IN_DOUBT' }), ['doubt']);
      assert.deepEqual(await runs(store, { blocked: 'OTHER' }), []);
      assert.deepEqual(await runs(store, { blocked: 'STEP_IN_DOUBT', status: ['failed'] }), []);
      assert.deepEqual(await runs(store, { blocked: 'RUN_POISONED', definition: ['order'], kind: ['workflow'] }), [
        'poison',
      ]);
    },
  },
  {
    title: 'REC-1: listRuns() shows what is worked at: held, ready, or behind another run of its session',
    async run({ store, start, running, park, end }) {
      await park(await running('parked'));
      await end(await running('done'));
      await start('ready', { priority: 9 });
      await running('held', { session: { id: 's', whenBusy: 'refuse' } });
      await start('behind', { session: { id: 's', whenBusy: 'queue' } });
      await store.start(newRun('foreign', { key: key('foreign', 'other') }));
      assert.deepEqual(await runs(store, { status: ['queued'] }), ['behind', 'ready']);
      assert.deepEqual(await runs(store, { status: ['running'] }), ['held']);
      assert.deepEqual(await runs(store, { status: ['running', 'queued'], order: 'oldest' }), [
        'ready',
        'held',
        'behind',
      ]);
      assert.deepEqual(await runs(store, { status: ['queued', 'completed'], limit: 2 }), ['behind', 'ready']);
      assert.deepEqual(await runs(store, { status: ['running', 'waiting'] }), ['held', 'parked']);
      assert.deepEqual(await paged(store, { status: ['queued', 'running', 'completed'] }), [
        'behind',
        'held',
        'ready',
        'done',
      ]);
    },
  },
  {
    title: 'REC-1: listRuns() goes by the time of creation: from a time on, before a time, and either way',
    async run(bed) {
      const { store } = bed;
      const first = await tenRuns(bed);
      assert.deepEqual(await runs(store, { since: first + 7_000 }), ['r9', 'r8', 'r7']);
      assert.deepEqual(await runs(store, { before: first + 2_000 }), ['r1', 'r0']);
      assert.deepEqual(await runs(store, { since: first + 2_000, before: first + 4_000 }), ['r3', 'r2']);
      assert.deepEqual(await runs(store, { since: first + 4_000, before: first + 4_000 }), []);
      assert.deepEqual(await runs(store, { before: first + 3_000, order: 'oldest' }), ['r0', 'r1', 'r2']);
      assert.deepEqual(await runs(store, { since: first + 3_000, definition: ['refund'], order: 'oldest' }), [
        'r3',
        'r6',
        'r9',
      ]);
      assert.deepEqual(await runs(store, { since: first + 3_000, status: ['queued'] }), ['r9', 'r7', 'r5', 'r3']);
    },
  },
  {
    title: 'REC-1: listRuns() by the time of the end shows what has ended, the last first or last',
    async run(bed) {
      const { store, clock } = bed;
      await tenRuns(bed);
      const last = clock.now() - 1_000;
      assert.deepEqual(await runs(store, { time: 'ended' }), ['r0', 'r2', 'r4', 'r6', 'r8']);
      assert.deepEqual(await runs(store, { time: 'ended', order: 'oldest' }), ['r8', 'r6', 'r4', 'r2', 'r0']);
      assert.deepEqual(await runs(store, { time: 'ended', since: last - 1_000 }), ['r0', 'r2']);
      assert.deepEqual(await runs(store, { time: 'ended', before: last - 2_000 }), ['r6', 'r8']);
      assert.deepEqual(await runs(store, { time: 'ended', definition: ['refund'] }), ['r0', 'r6']);
      assert.deepEqual(await runs(store, { time: 'ended', status: ['queued'] }), []);
      assert.deepEqual(await runs(store, { time: 'ended', status: ['queued', 'completed'], roots: true, limit: 2 }), [
        'r0',
        'r2',
      ]);
    },
  },
  {
    title: 'REC-1: pages of every order and time join without a gap or a repeat, also where times are the same',
    async run(bed) {
      const { store, start, take, end } = bed;
      await tenRuns(bed);
      for (const id of ['x', 'y', 'z']) await start(id);
      for (const id of ['z', 'y', 'x']) await end(await take(id));

      const all = Array.from({ length: 10 }, (_, n) => `r${n}`).concat('x', 'y', 'z');
      assert.deepEqual(await paged(store, {}), all.toReversed());
      assert.deepEqual(await paged(store, { order: 'oldest' }), all);
      assert.deepEqual(await paged(store, { time: 'ended' }), ['z', 'y', 'x', 'r0', 'r2', 'r4', 'r6', 'r8']);
      assert.deepEqual(await paged(store, { time: 'ended', order: 'oldest' }), [
        'r8',
        'r6',
        'r4',
        'r2',
        'r0',
        'x',
        'y',
        'z',
      ]);
      assert.deepEqual(await paged(store, { definition: ['order', 'refund'], order: 'oldest' }), all);
      assert.deepEqual(await paged(store, { status: ['queued', 'completed'], kind: ['workflow'] }), all.toReversed());
    },
  },
  {
    title: 'REC-1: a run that ends or is started between two pages moves nothing in a list by creation',
    async run({ store, start, take, end }) {
      for (let n = 0; n < 6; n += 1) await start(`r${n}`);
      const page = await store.listRuns({ tenant: 'acme', limit: 2 });
      await end(await take('r4'));
      await end(await take('r2'));
      await start('later');
      const more = await store.listRuns({ tenant: 'acme', limit: 9, after: page.next ?? '' });
      assert.deepEqual(
        [...page.items, ...more.items].map((run) => run.key.run),
        ['r5', 'r4', 'r3', 'r2', 'r1', 'r0'],
      );
    },
  },
  {
    title: 'REC-1: listRuns() says who took the messages of a run over',
    async run({ store, running, start, commit }) {
      const held = await running('holder', { session: { id: 's', whenBusy: 'queue' } });
      await start('steered', { session: { id: 's', whenBusy: 'steer' }, messages: [message('more')] });
      await commit(held, { absorb: ['steered'] });
      const { items } = await store.listRuns({ tenant: 'acme', session: 's', limit: 5 });
      assert.deepEqual(
        items.map((run) => [run.key.run, run.absorbedBy]),
        [
          ['steered', 'holder'],
          ['holder', undefined],
        ],
      );
    },
  },
  {
    title: 'REC-1: listSessions() goes by the time of creation: from a time on, before a time, and either way',
    async run({ store, start, clock }) {
      const first = clock.now();
      for (let n = 0; n < 5; n += 1) {
        await start(`r${n}`, { session: { id: `s${n}`, whenBusy: 'refuse' } });
        clock.advance(1_000);
      }
      await store.moveSession({ tenant: 'acme', session: 's2' }, 'closing');
      assert.deepEqual(await sessions(store, { since: first + 3_000 }), ['s4', 's3']);
      assert.deepEqual(await sessions(store, { before: first + 2_000 }), ['s1', 's0']);
      assert.deepEqual(await sessions(store, { order: 'oldest' }), ['s0', 's1', 's2', 's3', 's4']);
      assert.deepEqual(await sessions(store, { order: 'oldest', limit: 2, state: ['closing', 'open'] }), ['s0', 's1']);
    },
  },
  {
    title: 'REQ-8: listRequests() shows the newest first, if asked, page after page',
    async run({ store, running, commit }) {
      const ids = Array.from({ length: 5 }, (_, n) => `q${n}`);
      await commit(await running('r'), { requests: ids.map((id) => newRequest(id)) });
      const found: string[] = [];
      let after: string | undefined;
      do {
        const page = await store.listRequests({
          tenant: 'acme',
          order: 'newest',
          limit: 2,
          ...(after ? { after } : {}),
        });
        found.push(...page.items.map(({ id }) => id));
        after = page.next;
      } while (after !== undefined && found.length < 20);
      assert.deepEqual(found, ids.toReversed());
    },
  },
  {
    title: 'I9: times, orders and names of a list that make no sense are a wrong argument',
    async run({ store, start }) {
      await start('r');
      const many = Array.from({ length: LIST_NAMES_LIMIT + 1 }, (_, n) => `d${n}`);
      for (const bad of [
        { since: Number.NaN },
        { before: Infinity },
        { order: 'sideways' },
        { time: 'started' },
        { definition: 'order' },
        { definition: [''] },
        { definition: many },
        { kind: 'agent' },
        { roots: 1 },
        { blocked: 7 },
        { after: '7' },
        { after: '1_0' },
        { after: 'x_1' },
      ])
        // The cast is what a caller in JavaScript may do.
        await assert.rejects(store.listRuns({ tenant: 'acme', limit: 1, ...(bad as Partial<RunQuery>) }), TypeError);
      for (const bad of [{ since: Number.NaN }, { order: 'sideways' }, { after: '7' }])
        await assert.rejects(
          store.listSessions({ tenant: 'acme', limit: 1, ...(bad as Partial<SessionQuery>) }),
          TypeError,
        );
      await assert.rejects(store.listRequests({ tenant: 'acme', limit: 1, order: 'sideways' as 'newest' }), TypeError);
      assert.deepEqual(await runs(store, { definition: many.slice(1) }), []);
      assert.deepEqual(await runs(store), ['r']);
    },
  },
];
