import assert from 'node:assert/strict';
import type { Page, Request, RequestQuery, RunQuery, RunSummary, Store } from '@prusik/core';
import { PAGE_LIMIT } from '@prusik/core';
import { key, newChild, newRequest, newRun, note } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

const runs = async (store: Store, query: Partial<RunQuery> = {}): Promise<readonly string[]> =>
  (await store.listRuns({ tenant: 'acme', limit: 100, ...query })).items.map((run) => run.key.run);

const requests = async (store: Store, query: Partial<RequestQuery> = {}): Promise<readonly string[]> =>
  (await store.listRequests({ tenant: 'acme', limit: 100, ...query })).items.map(({ id }) => id);

/** Reads every page, and checks that each is full but the last. */
async function all<T>(limit: number, read: (after?: string) => Promise<Page<T>>): Promise<readonly T[]> {
  const found: T[] = [];
  let after: string | undefined;
  do {
    const page: Page<T> = await read(after);
    found.push(...page.items);
    if (page.next !== undefined) assert.equal(page.items.length, limit);
    after = page.next;
  } while (after !== undefined && found.length < 1_000);
  return found;
}

export const STORE_LIST_TESTS: readonly StoreTest[] = [
  {
    title:
      'REC-1: listRuns() shows a tenant’s runs as run() does, but for inputs, contexts, outputs and messages of errors, newest first',
    async run({ store, start, running, commit, run }) {
      for (const id of ['a', 'b']) await start(id);
      const error = { code: 'STEP_FAILED', message: 'It was the rope' };
      const held = await running('c', { attended: false, rights: { deadlineAt: 1_800_000_000_000 } });
      await commit(held, {
        entries: [{ type: 'run-end', status: 'failed', error }],
        transition: { type: 'end', status: 'failed', output: { left: 1 }, error },
      });
      await store.start(newRun('foreign', { key: key('foreign', 'other') }));

      assert.deepEqual(await runs(store), ['c', 'b', 'a']);
      const { items } = await store.listRuns({ tenant: 'acme', limit: 1 });
      const { input, context, output, error: whole, ...summary } = await run('c');
      assert.deepEqual([input, context, output, whole], [{ item: 'rope' }, null, { left: 1 }, error]);
      assert.deepEqual(items, [{ ...summary, error: { code: 'STEP_FAILED' } }]);
      assert.deepEqual(await runs(store, { tenant: 'nobody' }), []);
    },
  },
  {
    title: 'REC-1: listRuns() filters by status, definition, session, root and parent, and by all of them together',
    async run({ store, running, start, commit, end }) {
      await end(await running('ended'));
      await start('refund', { definition: 'refund' });
      await start('talk', { session: { id: 's', whenBusy: 'refuse' } });
      const parent = await running('p');
      await commit(parent, { children: [newChild('c1', 'p'), newChild('c2', 'p', { definition: 'refund' })] });

      assert.deepEqual(await runs(store, { status: ['completed'] }), ['ended']);
      assert.deepEqual(await runs(store, { status: ['completed', 'running'] }), ['p', 'ended']);
      assert.deepEqual(await runs(store, { status: [] }), []);
      assert.deepEqual(await runs(store, { definition: ['refund'] }), ['c2', 'refund']);
      assert.deepEqual(await runs(store, { session: 's' }), ['talk']);
      assert.deepEqual(await runs(store, { root: 'p' }), ['c2', 'c1', 'p']);
      assert.deepEqual(await runs(store, { parent: 'p' }), ['c2', 'c1']);
      assert.deepEqual(await runs(store, { definition: ['refund', 'nobody', 'order', 'refund'] }), [
        'c2',
        'c1',
        'p',
        'talk',
        'refund',
        'ended',
      ]);
      assert.deepEqual(await runs(store, { definition: [] }), []);
      assert.deepEqual(await runs(store, { root: 'p', definition: ['refund'], status: ['queued'] }), ['c2']);
    },
  },
  {
    title: 'REC-1: pages of runs join without a gap or a repeat, also when runs are started meanwhile',
    async run({ store, start }) {
      const ids = Array.from({ length: 7 }, (_, n) => `r${n}`);
      for (const id of ids) await start(id, { priority: ids.length });
      await start('filtered-out', { definition: 'refund' });

      let more = 0;
      const found = await all<RunSummary>(3, async (after) => {
        if (after !== undefined) await start(`later-${(more += 1)}`);
        return store.listRuns({ tenant: 'acme', definition: ['order'], limit: 3, ...(after ? { after } : {}) });
      });

      assert.deepEqual(
        found.map((run) => run.key.run),
        ids.toReversed(),
      );
    },
  },
  {
    title: 'REC-1: a last page that is full has no next',
    async run({ store, start }) {
      await start('a');
      await start('b');
      const page = await store.listRuns({ tenant: 'acme', limit: 2 });
      assert.deepEqual([page.items.length, page.next], [2, undefined]);
    },
  },
  {
    title: 'REQ-8: listRequests() shows a tenant’s requests over all runs, oldest first, by status, kind, run and root',
    async run({ store, running, commit, take }) {
      const parent = await running('p');
      await commit(parent, { children: [newChild('c', 'p')], requests: [newRequest('of-parent')] });
      await commit(await take('c'), { requests: [newRequest('of-child', { kind: 'approval' })] });
      await commit(await running('other'), { requests: [newRequest('of-other')] });
      await store.decide({ run: key('p'), request: 'of-parent', decision: { status: 'answered', value: 1 } });

      assert.deepEqual(await requests(store), ['of-parent', 'of-child', 'of-other']);
      assert.deepEqual(await requests(store, { status: ['open'] }), ['of-child', 'of-other']);
      assert.deepEqual(await requests(store, { status: ['answered', 'rejected'] }), ['of-parent']);
      assert.deepEqual(await requests(store, { kind: ['approval'] }), ['of-child']);
      assert.deepEqual(await requests(store, { run: 'p' }), ['of-parent']);
      assert.deepEqual(await requests(store, { root: 'p' }), ['of-parent', 'of-child']);
      assert.deepEqual(await requests(store, { root: 'p', status: ['open'] }), ['of-child']);
      assert.deepEqual(await requests(store, { tenant: 'other' }), []);
    },
  },
  {
    title:
      'REQ-8: listRequests() filters by the session of the tree, by definition, by who decided, and by all of them together',
    async run({ store, running, commit, take }) {
      const parent = await running('p', { session: { id: 's', whenBusy: 'refuse' } });
      await commit(parent, {
        children: [newChild('c', 'p', { definition: 'refund' })],
        requests: [newRequest('of-parent')],
      });
      await commit(await take('c', { definitions: [{ name: 'refund', versions: ['1'] }] }), {
        requests: [newRequest('of-child'), newRequest('of-child-too')],
      });
      await commit(await running('other'), { requests: [newRequest('of-other')] });
      for (const [run, request, by] of [
        ['c', 'of-child', 'ann'],
        ['other', 'of-other', 'ann'],
        ['c', 'of-child-too', 'bob'],
      ] as const)
        await store.decide({ run: key(run), request, decision: { status: 'answered', value: 1, by } });

      assert.deepEqual(await requests(store, { session: 's' }), ['of-parent', 'of-child', 'of-child-too']);
      assert.deepEqual(await requests(store, { definition: 'refund' }), ['of-child', 'of-child-too']);
      assert.deepEqual(await requests(store, { by: 'ann' }), ['of-child', 'of-other']);
      assert.deepEqual(await requests(store, { session: 's', definition: 'refund', by: 'ann' }), ['of-child']);
      const { items } = await store.listRequests({ tenant: 'acme', limit: 9 });
      assert.deepEqual(
        items.map(({ session }) => session),
        ['s', 's', 's', undefined],
      );
    },
  },
  {
    title: 'REQ-8: pages of requests join without a gap or a repeat',
    async run({ store, running, commit }) {
      const held = await running('r');
      const ids = Array.from({ length: 7 }, (_, n) => `q${n}`);
      await commit(held, { requests: ids.map((id) => newRequest(id)) });
      const found = await all<Request>(3, (after) =>
        store.listRequests({ tenant: 'acme', limit: 3, ...(after ? { after } : {}) }),
      );
      assert.deepEqual(
        found.map(({ id }) => id),
        ids,
      );
    },
  },
  {
    title: 'I9: no page is larger than 1,000, whatever is asked for',
    async run({ store, running, commit }) {
      const held = await running('r');
      await commit(held, { entries: Array.from({ length: PAGE_LIMIT }, () => note('x')) });
      assert.equal((await store.entries(key('r'), { after: 0, limit: 1_000_000 })).length, PAGE_LIMIT);
    },
  },
  {
    title: 'EVT-2: entries() reads in pages after a number, and nothing of a run that is not there',
    async run({ store, running, commit }) {
      const held = await running('r');
      await commit(held, { entries: ['a', 'b', 'c'].map((name) => note(name)) });
      const page = await store.entries(key('r'), { after: 1, limit: 2 });
      assert.deepEqual(
        page.map(({ seq }) => seq),
        [2, 3],
      );
      assert.deepEqual(await store.entries(key('r'), { after: 4, limit: 2 }), []);
      assert.deepEqual(await store.entries(key('r', 'other'), { after: 0, limit: 2 }), []);
    },
  },
];
