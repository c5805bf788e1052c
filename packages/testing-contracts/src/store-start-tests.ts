import assert from 'node:assert/strict';
import type { TraceContext } from '@prusik/core';
import { key, message, newChild, newRun } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

export const STORE_START_TESTS: readonly StoreTest[] = [
  {
    title: 'DUR-1: start() keeps everything of a new run, queued and not held by anybody',
    async run({ store, clock }) {
      const started = newRun('r', { context: { user: 'ann' }, priority: 3, kind: 'agent', version: '2' });

      const result = await store.start(started);

      const expected = {
        key: key('r'),
        kind: 'agent',
        definition: 'order',
        version: '2',
        status: 'queued',
        input: { item: 'rope' },
        inputHash: 'sha256:rope',
        context: { user: 'ann' },
        root: 'r',
        depth: 0,
        priority: 3,
        createdAt: clock.now(),
        epoch: 0,
        seq: 1,
        inbox: 0,
        attended: true,
        cancelRequested: false,
        wakeAt: null,
      };
      assert.deepEqual(result, { outcome: 'created', run: expected });
      assert.deepEqual(await store.run(key('r')), expected);
    },
  },
  {
    title: 'EVT-1: start() writes entry 1, which names the definition and the messages that entered the thread',
    async run({ store, start, clock }) {
      await start('r', { messages: [message('m1'), message('m2')] });

      const entries = await store.entries(key('r'), { after: 0, limit: 10 });

      const body = { type: 'run-start', definition: 'order', version: '1', messages: { from: 1, count: 2 } };
      assert.deepEqual(entries, [{ ...body, seq: 1, at: clock.now() }]);
      const messages = await store.messages({ tenant: 'acme', of: 'run', id: 'r' }, { after: 0, limit: 10 });
      assert.deepEqual(
        messages.map(({ n, message: { id } }) => [n, id]),
        [
          [1, 'm1'],
          [2, 'm2'],
        ],
      );
    },
  },
  {
    title:
      'TEL-2: entry 1 tells where in a trace the caller of start() stood, and that of a child where its parent did',
    async run({ store, running, commit }) {
      const trace = {
        traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
        tracestate: 'us=1,them=2',
      };
      const ofChild = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-b7ad6b7169203331-00' };
      const held = await running('p', { trace });
      await commit(held, { children: [newChild('c', 'p', { trace: ofChild }), newChild('plain', 'p')] });

      const traces = await Promise.all(
        ['p', 'c', 'plain'].map(async (run) => {
          const [entry] = await store.entries(key(run), { after: 0, limit: 1 });
          return entry?.type === 'run-start' ? entry.trace : entry;
        }),
      );

      assert.deepEqual(traces, [trace, ofChild, undefined]);
      const again = await store.start(newRun('p', { trace: ofChild }));
      assert.equal(again.outcome, 'existing');
    },
  },
  {
    title: 'TEL-2: what is no place in a trace by W3C Trace Context is refused, at a start, of a child and of a drive',
    async run({ store, running, tryCommit }) {
      const held = await running('p');
      const id = '4bf92f3577b34da6a3ce929d0e0e4736';
      const span = '00f067aa0ba902b7';
      const bad = [
        {},
        { traceparent: `00-${id}-${span}` },
        { traceparent: `ff-${id}-${span}-01` },
        { traceparent: `00-${id.toUpperCase()}-${span}-01` },
        { traceparent: `00-${'0'.repeat(32)}-${span}-01` },
        { traceparent: `00-${id}-${'0'.repeat(16)}-01` },
        { traceparent: `00-${id}-${span}-01-more` },
        { traceparent: `00-${id}-${span}-01`, tracestate: 'x'.repeat(513) },
        { traceparent: `00-${id}-${span}-01`, tracestate: 'a=ä' },
        { traceparent: `00-${id}-${span}-01`, tracestate: 'a=1\nb=2' },
      ] as unknown as readonly TraceContext[];
      for (const trace of bad) {
        await assert.rejects(store.start(newRun('r', { trace })), TypeError);
        await assert.rejects(tryCommit(held, { children: [newChild('c', 'p', { trace })] }), TypeError);
        const claim = {
          type: 'run-claim',
          worker: 'w',
          epoch: held.epoch,
          attempt: 1,
          definitionHash: '',
          trace,
        } as const;
        await assert.rejects(tryCommit(held, { entries: [claim] }), TypeError);
      }
      assert.equal(await store.run(key('r')), undefined);
    },
  },
  {
    title: 'DUR-1: the same start again is the same run, and writes nothing',
    async run({ store, running, end, journal }) {
      const held = await running('r', { messages: [message('m1')] });
      await end(held);

      const again = await store.start(newRun('r', { messages: [message('m1')] }));

      assert.equal(again.outcome, 'existing');
      assert.equal(again.run.status, 'completed');
      assert.deepEqual(await journal('r'), ['run-start', 'run-end']);
      assert.equal(await store.threadHead({ tenant: 'acme', of: 'run', id: 'r' }), 1);
    },
  },
  {
    title: 'DUR-1: the same id with another input is refused with RUN_INPUT_MISMATCH and changes nothing',
    async run({ store, start }) {
      const first = await start('r');

      const other = await store.start(newRun('r', { input: { item: 'axe' }, inputHash: 'sha256:axe' }));

      assert.deepEqual(other, { outcome: 'refused', code: 'RUN_INPUT_MISMATCH', run: first });
      assert.deepEqual(await store.run(key('r')), first);
    },
  },
  {
    title: 'DUR-1: the same id and input under another definition is refused',
    async run({ store, start }) {
      await start('r');
      const other = await store.start(newRun('r', { definition: 'refund' }));
      assert.equal(other.outcome === 'refused' && other.code, 'RUN_INPUT_MISMATCH');
    },
  },
  {
    title: 'SES-7: the same id and input in another session, or in none, is refused',
    async run({ store, start }) {
      await start('r', { session: { id: 's1', whenBusy: 'refuse' } });

      const elsewhere = await store.start(newRun('r', { session: { id: 's2', whenBusy: 'refuse' } }));
      const nowhere = await store.start(newRun('r'));

      assert.equal(elsewhere.outcome === 'refused' && elsewhere.code, 'RUN_INPUT_MISMATCH');
      assert.equal(nowhere.outcome === 'refused' && nowhere.code, 'RUN_INPUT_MISMATCH');
      assert.equal(await store.session({ tenant: 'acme', session: 's2' }), undefined);
    },
  },
  {
    title: 'WFL-6: the id of a child is not a root, whatever its input',
    async run({ store, running, commit }) {
      await commit(await running('p'), { children: [newChild('c', 'p')] });
      const root = await store.start(newRun('c'));
      assert.equal(root.outcome === 'refused' && root.code, 'RUN_INPUT_MISMATCH');
    },
  },
  {
    title: 'DUR-1: of many that start one run at once, one creates it and the others get it',
    async run({ store, journal }) {
      const results = await Promise.all(Array.from({ length: 20 }, () => store.start(newRun('r'))));

      assert.equal(results.filter(({ outcome }) => outcome === 'created').length, 1);
      assert.equal(results.filter(({ outcome }) => outcome === 'existing').length, 19);
      assert.deepEqual(await journal('r'), ['run-start']);
    },
  },
  {
    title: 'SES-7: ids of different tenants and of joined strings name different runs',
    async run({ store }) {
      const a = await store.start(newRun('c', { key: key('c', 'a:b') }));
      const b = await store.start(newRun('b:c', { key: key('b:c', 'a') }));
      const c = await store.start(newRun('c', { key: key('c', 'a') }));

      assert.deepEqual([a.outcome, b.outcome, c.outcome], ['created', 'created', 'created']);
      assert.deepEqual((await store.run(key('b:c', 'a')))?.key, key('b:c', 'a'));
      assert.equal(await store.run(key('b:c', 'a:b')), undefined);
    },
  },
];
