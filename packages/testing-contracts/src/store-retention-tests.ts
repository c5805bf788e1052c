import assert from 'node:assert/strict';
import type { EndedTrees, Removal, RemoveResult, Store } from '@prusik/core';
import { key, message, newChild, newRequest, type StoreScenario } from './store-scenario.ts';
import type { StoreTest, StoreTestBed } from './store-test.ts';

const session = (id: string) => ({ tenant: 'acme', session: id }) as const;

const runs = async (store: Store): Promise<readonly string[]> =>
  (await store.listRuns({ tenant: 'acme', limit: 100 })).items.map((run) => run.key.run).toSorted();

/** Everything that a test can ask for and that a removal takes. */
const everything = async (store: Store): Promise<unknown> => ({
  runs: await store.listRuns({ tenant: 'acme', limit: 100 }),
  sessions: await store.listSessions({ tenant: 'acme', limit: 100 }),
  requests: await store.listRequests({ tenant: 'acme', limit: 100 }),
  entries: await store.entries(key('root'), { after: 0, limit: 100 }),
  messages: await store.messages({ tenant: 'acme', of: 'session', id: 'closed' }, { after: 0, limit: 100 }),
});

/** Trees that end one after the other, each a millisecond later. */
async function ended(
  { clock, running, end }: StoreTestBed,
  ids: readonly string[],
  more: Parameters<StoreScenario['running']>[1] & { readonly status?: 'failed' } = {},
): Promise<void> {
  const { status = 'completed', ...run } = more;
  for (const id of ids) {
    clock.advance(1);
    const held = await running(id, run);
    await end(held, status);
  }
  clock.advance(1);
}

const take = (store: Store, more: Partial<EndedTrees> & { readonly dryRun?: boolean }): Promise<RemoveResult> =>
  store.remove({ tenant: 'acme', limit: 100, ...more } as Removal);

function rootsOf(answer: RemoveResult): readonly string[] {
  assert.equal(answer.outcome, 'removed');
  return answer.outcome === 'removed' ? answer.trees.map(({ root }) => root.run) : [];
}

export const STORE_RETENTION_TESTS: readonly StoreTest[] = [
  {
    title: 'REC-4: a dry run answers what the same removal takes, whatever it is of, and writes nothing',
    async run(bed) {
      const { store, clock, running, take: claimed, commit, end, start } = bed;
      const root = await running('root', { messages: [message('m')], budget: { calls: 9 } });
      await commit(root, { children: [newChild('child', 'root')], requests: [newRequest('q')] });
      await end(await claimed('child'));
      await end(root);
      await start('said', { session: { id: 'closed', whenBusy: 'refuse' }, messages: [message('said')] });
      await end(await claimed('said'));
      await store.moveSession(session('closed'), 'closed');
      await ended(bed, ['old']);
      clock.advance(1);
      const removals: readonly Removal[] = [
        { tenant: 'acme', run: 'root' },
        { tenant: 'acme', session: 'closed' },
        { tenant: 'acme', endedBefore: clock.now(), limit: 10 },
      ];

      for (const removal of removals) {
        const before = await everything(store);
        const planned = await store.remove({ ...removal, dryRun: true });
        assert.deepEqual(await everything(store), before);
        assert.deepEqual(await store.remove(removal), planned);
        assert.notDeepEqual(await everything(store), before);
      }
      assert.deepEqual(await runs(store), []);
    },
  },
  {
    title: 'REC-4: a dry run is refused as the removal is',
    async run({ store, start, run }) {
      await start('queued');
      const refused = await store.remove({ tenant: 'acme', run: 'queued', dryRun: true });
      assert.deepEqual(refused, { outcome: 'refused', code: 'RUN_LIVE', run: await run('queued') });
      assert.deepEqual(await store.remove({ tenant: 'acme', session: 's', dryRun: true }), { outcome: 'unknown' });
    },
  },
  {
    title: 'REC-4: the answer names the trees, each with the end of its root and how many runs it had',
    async run(bed) {
      const { store, clock, running, take: claimed, commit, end } = bed;
      const root = await running('root');
      await commit(root, { children: [newChild('child', 'root')] });
      await end(await claimed('child'));
      clock.advance(7);
      await end(root, 'failed');
      const tree = { root: key('root'), definition: 'order', status: 'failed', endedAt: clock.now(), runs: 2 };

      for (const removal of [
        { run: 'root', dryRun: true },
        { keep: 0, limit: 1 },
      ]) {
        const answer = await store.remove({ tenant: 'acme', ...removal } as Removal);
        assert.deepEqual(answer.outcome === 'removed' && answer.trees, [tree]);
      }
    },
  },
  {
    title: 'REC-4: by number, the trees that ended last stay, whenever they were started',
    async run({ store, clock, running, end }) {
      const held = [];
      for (const id of ['c', 'a', 'd', 'b']) held.push([id, await running(id)] as const);
      for (const [, lease] of held.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
        clock.advance(1);
        await end(lease);
      }

      assert.deepEqual(rootsOf(await take(store, { keep: 4 })), []);
      assert.deepEqual(rootsOf(await take(store, { keep: 9 })), []);
      assert.deepEqual(rootsOf(await take(store, { keep: 2 })), ['a', 'b']);
      assert.deepEqual(await runs(store), ['c', 'd']);
      assert.deepEqual(rootsOf(await take(store, { keep: 0 })), ['c', 'd']);
    },
  },
  {
    title: 'REC-4: of trees that ended at one time those that were started first go first',
    async run({ store, running, end }) {
      const held = [];
      for (const id of ['a', 'b', 'c']) held.push(await running(id));
      for (const lease of held.toReversed()) await end(lease);

      assert.deepEqual(rootsOf(await take(store, { keep: 1, limit: 1 })), ['a']);
      assert.deepEqual(rootsOf(await take(store, { keep: 1 })), ['b']);
    },
  },
  {
    title: 'REC-4: age and number together take what is past one of them',
    async run(bed) {
      const { store, clock } = bed;
      await ended(bed, ['a', 'b', 'c']);
      const endedBefore = clock.now();
      await ended(bed, ['d', 'e']);

      assert.deepEqual(rootsOf(await take(store, { endedBefore, keep: 9, dryRun: true })), ['a', 'b', 'c']);
      assert.deepEqual(rootsOf(await take(store, { endedBefore, keep: 1, dryRun: true })), ['a', 'b', 'c', 'd']);
    },
  },
  {
    title:
      'REC-4: by size, the trees that ended last and together are no larger stay, of the bytes that the call would take',
    async run(bed) {
      const { store, clock, running, commit, end } = bed;
      const large = 'x'.repeat(10_000);
      for (const id of ['a', 'b', 'c', 'd']) {
        clock.advance(1);
        const held = await running(id, { input: large });
        await commit(held, { entries: [{ type: 'note', name: 'n', data: large }] });
        await end(held);
      }
      const gone = async (keepBytes: number): Promise<readonly string[]> =>
        rootsOf(await take(store, { keepBytes, dryRun: true }));

      assert.deepEqual(await gone(0), ['a', 'b', 'c', 'd']);
      assert.deepEqual(await gone(19_000), ['a', 'b', 'c', 'd']);
      assert.deepEqual(await gone(50_000), ['a', 'b']);
      assert.deepEqual(await gone(100_000), []);
      const compacted = await store.compact({ tenant: 'acme', keepBytes: 25_000, limit: 9, dryRun: true });
      assert.deepEqual(compacted.outcome === 'compacted' && compacted.trees.map(({ root }) => root.run), ['a', 'b']);
    },
  },
  {
    title: 'REC-4: only trees of the definition and of the statuses that are named go, and only they are counted',
    async run(bed) {
      const { store } = bed;
      await ended(bed, ['a1', 'a2', 'a3']);
      await ended(bed, ['f1', 'f2'], { status: 'failed' });
      const other = { definition: 'refund' };
      for (const id of ['r1', 'r2']) {
        await bed.start(id, other);
        await bed.end(await bed.take(id, { definitions: [{ name: 'refund', versions: ['1'] }] }));
      }
      const planned = async (more: Partial<EndedTrees>): Promise<readonly string[]> =>
        rootsOf(await take(store, { dryRun: true, keep: 0, ...more }));

      assert.deepEqual(await planned({ definition: 'refund' }), ['r1', 'r2']);
      assert.deepEqual(await planned({ definition: 'refund', keep: 1 }), ['r1']);
      assert.deepEqual(await planned({ status: ['failed'] }), ['f1', 'f2']);
      assert.deepEqual(await planned({ status: ['completed'], definition: 'order', keep: 1 }), ['a1', 'a2']);
      assert.deepEqual(await planned({ status: [] }), []);
    },
  },
  {
    title: 'REC-4, SES-5: the run that an open session would go on from is passed over, and not once it is closed',
    async run(bed) {
      const { store, start, take: claimed, commit, end, clock } = bed;
      const saying = (id: string) => ({ session: { id: 's', whenBusy: 'steer' as const }, messages: [message(id)] });
      await ended(bed, ['first'], saying('first'));
      await start('holder', saying('holder'));
      await start('absorbed', saying('absorbed'));
      const holder = await claimed('holder');
      const head = await store.threadHead({ tenant: 'acme', of: 'session', id: 's' });
      await commit(holder, { absorb: ['absorbed'], messages: { from: head + 1, items: [message('absorbed')] } });
      await end(holder);
      clock.advance(1);

      assert.deepEqual(rootsOf(await take(store, { endedBefore: clock.now() })), ['first', 'absorbed']);
      assert.deepEqual(rootsOf(await take(store, { keep: 0 })), []);
      await store.moveSession(session('s'), 'closed');
      assert.deepEqual(rootsOf(await take(store, { keep: 0 })), ['holder']);
    },
  },
  {
    title: 'REC-4: a walk goes on behind its cursor, past what it has passed over, and names each tree once',
    async run(bed) {
      const { store, running, commit, end, clock } = bed;
      await ended(bed, ['a', 'b']);
      const undead = await running('undead');
      await commit(undead, { children: [newChild('live', 'undead')] });
      await end(undead);
      await ended(bed, ['c', 'd', 'e']);
      const pages: (readonly string[])[] = [];
      let after: string | undefined;
      do {
        const more = after === undefined ? {} : { after };
        const answer = await take(store, { endedBefore: clock.now(), dryRun: true, limit: 2, ...more });
        pages.push(rootsOf(answer));
        after = answer.outcome === 'removed' ? answer.next : undefined;
      } while (after !== undefined && pages.length < 9);

      assert.deepEqual(pages, [['a', 'b'], ['c', 'd'], ['e']]);
    },
  },
  {
    title: 'REC-4: of two that remove ended trees at once each tree is answered to one',
    async run(bed) {
      const { store } = bed;
      const ids = Array.from({ length: 20 }, (_, n) => `r${String(n).padStart(2, '0')}`);
      await ended(bed, ids);

      const answers = await Promise.all([take(store, { keep: 0 }), take(store, { keep: 0 })]);

      assert.deepEqual(answers.flatMap(rootsOf).toSorted(), ids);
      assert.deepEqual(await runs(store), []);
    },
  },
  {
    title:
      'I9: ended trees without an age or a number, with a wrong filter or another list’s cursor are a wrong argument',
    async run({ store }) {
      const wrong = [
        {},
        { keep: -1 },
        { keep: 1.5 },
        { keepBytes: -1 },
        { keep: 1, status: ['queued'] },
        { keep: 1, status: 'failed' },
        { keep: 1, definition: '' },
        { keep: 1, after: '17' },
        { keep: 1, after: 'x/1' },
        { keep: 1, dryRun: 'yes' },
        { keep: 1, run: 'r' },
      ];
      for (const removal of wrong)
        await assert.rejects(store.remove({ tenant: 'acme', limit: 1, ...removal } as Removal), TypeError);
    },
  },
];
