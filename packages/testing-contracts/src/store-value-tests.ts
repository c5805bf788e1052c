import assert from 'node:assert/strict';
import { WRITE_ITEMS_LIMIT, WRITE_LIMIT, type Commit, type Decision, type Json } from '@prusik/core';
import { key, message, newRequest, newRun, note } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

/** Values that a careless store bends: as JSON text, in SQL, as keys of an object, in UTF-8. */
const AWKWARD: Json = {
  'quotes \' " ` ; -- %': "'; drop table runs; --",
  'NUL \0 and controls \u0001\u001f': 'a\0b',
  unpaired: '\ud800 \udfff',
  emoji: '👩‍🚀',
  empty: ['', [], {}, null],
  numbers: [0, -1, 1.5, 1e300, 5e-324, 2 ** 53, Number.MIN_SAFE_INTEGER],
  constructor: 'own',
  long: 'x'.repeat(100_000),
  // Written as a literal it would set the prototype.
  ...(JSON.parse('{"nested":{"__proto__":{"polluted":true}}}') as { nested: Json }),
};

const AWKWARD_IDS = [
  "o'hare",
  'a"b',
  '..',
  '../../etc/passwd',
  '__proto__',
  'constructor',
  '%s',
  'ünï 👩‍🚀',
  'x'.repeat(200),
];

export const STORE_VALUE_TESTS: readonly StoreTest[] = [
  {
    title: 'DUR-1: JSON comes back as it went in, wherever it is kept',
    async run({ store, start, take, commit, run, signal, inboxOf }) {
      await start('r', { input: AWKWARD, context: AWKWARD, messages: [message('m', JSON.stringify(AWKWARD))] });
      const held = await take('r');
      await commit(held, { entries: [note('n', AWKWARD)], requests: [newRequest('q', { body: AWKWARD })] });
      await signal('r', 'user', 's', AWKWARD);
      await store.decide({ run: key('r'), request: 'q', decision: { status: 'answered', value: AWKWARD } });
      await commit(held, {
        entries: [{ type: 'run-end', status: 'completed', output: AWKWARD }],
        transition: { type: 'end', status: 'completed', output: AWKWARD },
      });

      const { input, context, output } = await run('r');
      assert.deepEqual([input, context, output], [AWKWARD, AWKWARD, AWKWARD]);
      const [, entry] = await store.entries(key('r'), { after: 0, limit: 10 });
      assert.deepEqual(entry?.type === 'note' && entry.data, AWKWARD);
      const { items } = await store.listRequests({ tenant: 'acme', limit: 1 });
      assert.deepEqual([items[0]?.body, items[0]?.decision?.value], [AWKWARD, AWKWARD]);
      assert.deepEqual((await inboxOf('r'))[0]?.body, AWKWARD);
      const [stored] = await store.messages({ tenant: 'acme', of: 'run', id: 'r' }, { after: 0, limit: 1 });
      assert.deepEqual(stored?.message, message('m', JSON.stringify(AWKWARD)));
      assert.equal(({} as { polluted?: boolean }).polluted, undefined);
    },
  },
  {
    title: 'SES-7: ids with quotes, dots, other scripts and names of JavaScript name what they say',
    async run({ store, running, commit }) {
      for (const id of AWKWARD_IDS) {
        const run = await running(id, { session: { id, whenBusy: 'refuse' } });
        await commit(run, { entries: [note(id.slice(0, 64))], requests: [newRequest(id)] });
        await store.signal({ run: key(id), kind: 'user', key: id, body: id });
      }
      for (const id of AWKWARD_IDS) {
        assert.equal((await store.run(key(id)))?.key.run, id);
        assert.equal((await store.session({ tenant: 'acme', session: id }))?.activeRun, id);
        assert.deepEqual(
          (await store.listRequests({ tenant: 'acme', run: id, limit: 5 })).items.map((q) => q.id),
          [id],
        );
        assert.deepEqual(
          (await store.inbox(key(id), { after: 0, limit: 5 })).map((s) => s.key),
          [id],
        );
      }
      assert.equal((await store.listRuns({ tenant: 'acme', limit: 100 })).items.length, AWKWARD_IDS.length);
    },
  },
  {
    title: 'I9: ids that name nothing are a wrong argument, for writes and for reads',
    async run({ store, start }) {
      await start('r');
      for (const bad of ['', 'a\0b', 'line\nbreak', '\ud800', 'x'.repeat(201), 7 as unknown as string]) {
        await assert.rejects(store.start(newRun(bad)), TypeError);
        await assert.rejects(store.start(newRun('r', { key: key('r', bad) })), TypeError);
        await assert.rejects(store.start(newRun('r', { session: { id: bad, whenBusy: 'queue' } })), TypeError);
        await assert.rejects(store.run(key(bad)), TypeError);
        await assert.rejects(store.entries(key('r', bad), { after: 0, limit: 1 }), TypeError);
        await assert.rejects(store.signal({ run: key('r'), kind: 'user', key: bad, body: null }), TypeError);
        await assert.rejects(store.session({ tenant: 'acme', session: bad }), TypeError);
        await assert.rejects(store.listRuns({ tenant: bad, limit: 1 }), TypeError);
      }
      assert.equal((await store.listRuns({ tenant: 'acme', limit: 10 })).items.length, 1);
    },
  },
  {
    title: 'I9: limits, positions, cursors and lease times that make no sense are a wrong argument',
    async run({ store, claim, running }) {
      const held = await running('r');
      for (const bad of [0, -1, 0.5, Number.NaN]) {
        await assert.rejects(store.entries(key('r'), { after: 0, limit: bad }), TypeError);
        await assert.rejects(store.listRuns({ tenant: 'acme', limit: bad }), TypeError);
        await assert.rejects(claim({ leaseMs: bad }), TypeError);
        await assert.rejects(store.renew([held], bad), TypeError);
      }
      await assert.rejects(store.entries(key('r'), { after: -1, limit: 1 }), TypeError);
      await assert.rejects(claim({ limit: -1 }), TypeError);
      for (const after of ['', '0', 'abc', '1; drop table runs']) {
        await assert.rejects(store.listRuns({ tenant: 'acme', limit: 1, after }), TypeError);
        await assert.rejects(store.listRequests({ tenant: 'acme', limit: 1, after }), TypeError);
      }
    },
  },
  {
    title: 'DUR-1: what JSON cannot hold is a wrong argument, and nothing of it is written',
    async run({ store, running, tryCommit, journal, inboxOf }) {
      const held = await running('r');
      const cycle: { self?: unknown } = {};
      cycle.self = cycle;
      for (const bad of [Number.NaN, undefined, 1n, new Date(0), () => 1, Symbol('s'), cycle, [undefined]]) {
        const value = bad as Json;
        await assert.rejects(tryCommit(held, { entries: [note('ok'), note('bad', [value])] }), TypeError);
        await assert.rejects(store.start(newRun('x', { input: [value] })), TypeError);
        await assert.rejects(store.signal({ run: key('r'), kind: 'user', key: 'k', body: [value] }), TypeError);
      }
      assert.deepEqual(await journal('r'), ['run-start']);
      assert.deepEqual(await inboxOf('r'), []);
      assert.equal(await store.run(key('x')), undefined);
    },
  },
  {
    title:
      'I9: a write of more items or bytes than one may have is refused with WRITE_TOO_LARGE, and one of as many is not',
    async run({ store, running, commit, tryCommit, journal, inboxOf }) {
      const held = await running('r');
      const tooLarge = { code: 'WRITE_TOO_LARGE' };
      const notes = Array.from({ length: WRITE_ITEMS_LIMIT }, (_, n) => note(`${n}`));
      const messages = { from: 1, items: notes.map((_, n) => message(`m${n}`)) };
      await assert.rejects(tryCommit(held, { entries: [...notes, note('more')] }), tooLarge);
      const more = [...messages.items, message('more')];
      await assert.rejects(tryCommit(held, { messages: { from: 1, items: more } }), tooLarge);
      await assert.rejects(store.start(newRun('x', { messages: more })), tooLarge);
      const signal = { run: key('r'), kind: 'user', key: 'large', body: '' } as const;
      const room = WRITE_LIMIT - JSON.stringify(signal).length;
      await assert.rejects(store.signal({ ...signal, body: 'x'.repeat(room + 1) }), tooLarge);
      await assert.rejects(store.signal({ ...signal, body: 'ü'.repeat(room / 2 + 1) }), tooLarge);
      assert.deepEqual(await journal('r'), ['run-start']);
      assert.equal(await store.run(key('x')), undefined);

      assert.equal((await commit(held, { entries: notes, messages })).seq, WRITE_ITEMS_LIMIT + 1);
      await store.signal({ ...signal, body: 'x'.repeat(room) });
      assert.equal((await inboxOf('r')).length, 1);
    },
  },
  {
    title: 'DUR-1: a tree that does not fit together is a wrong argument',
    async run({ store, running, tryCommit }) {
      const parent = { run: 'p', key: 'k' };
      const held = await running('p');
      await assert.rejects(store.start(newRun('r', { root: 'other' })), TypeError);
      await assert.rejects(store.start(newRun('r', { root: 'p', parent: { run: 'r', key: 'k' } })), TypeError);
      await assert.rejects(store.start(newRun('r', { root: 'p', parent, budget: { calls: 1 } })), TypeError);
      await assert.rejects(store.start(newRun('r', { root: 'p', parent, depth: 1 })), TypeError);
      const strange = newRun('c', { root: 'p', parent: { run: 'somebody', key: 'k' } });
      const talking = newRun('c', { root: 'p', parent, session: { id: 's', whenBusy: 'queue' } });
      const foreign = newRun('c', { key: key('c', 'other'), root: 'p', parent });
      for (const child of [strange, talking, foreign, newRun('c')])
        await assert.rejects(tryCommit(held, { children: [child] }), TypeError);
      assert.equal(await store.run(key('c')), undefined);
    },
  },
  {
    title: 'I9: kinds, states and lists that there are not are a wrong argument, and nothing of it is written',
    async run({ store, running, commit, tryCommit, claim, run, journal, inboxOf }) {
      const held = await running('r');
      // As a caller without types has them.
      const any = (value: unknown): never => value as never;
      for (const more of [
        { kind: any('job') },
        { input: any(undefined) },
        { session: { id: 's', whenBusy: any('wait') } },
        { messages: any({ length: 2 }) },
        { messages: any(['hello']) },
        { blobs: any('') },
      ])
        await assert.rejects(store.start(newRun('x', more)), TypeError);
      for (const more of [
        { transition: any({ type: 'nap' }) },
        { entries: [{ type: 'run-end', status: any('running') }], transition: any({ type: 'end', status: 'running' }) },
        { entries: [any({ type: 'remark' })] },
        { entries: any('ab') },
        { requests: [newRequest('q', { kind: any('riddle') })] },
        { requests: [newRequest('q', { body: any(undefined) })] },
        { closeRequests: [{ id: 'q', reason: any(1) }] },
        { requests: [newRequest('q', { schema: any('text') })] },
        { children: [newRun('c', { root: 'elsewhere', parent: { run: 'r', key: 'k' } })] },
      ] satisfies Partial<Commit>[])
        await assert.rejects(tryCommit(held, more), TypeError);
      const asked = { run: key('r'), request: 'asked' };
      await commit(held, { requests: [newRequest('asked')] });
      for (const decision of [
        { status: any('maybe') },
        { status: 'approved', by: any(7) },
        { status: 'approved', grant: any('all') },
        { status: 'approved', grant: { scope: any('world') } },
        { status: 'approved', grant: { scope: 'run', part: any('x') } },
        { status: 'approved', grant: { scope: 'run', expiresInMs: 0 } },
      ] satisfies Omit<Decision, 'at'>[])
        await assert.rejects(store.decide({ ...asked, decision }), TypeError);
      const signal = { run: key('r'), kind: 'user', key: 'k', body: null } as const;
      await assert.rejects(store.signal({ ...signal, kind: any('shout') }), TypeError);
      await assert.rejects(store.signal({ ...signal, body: any(undefined) }), TypeError);
      await assert.rejects(claim({ definitions: any('order') }), TypeError);
      await assert.rejects(store.listRuns({ tenant: 'acme', limit: 1, status: any('queued') }), TypeError);
      await assert.rejects(store.listSessions({ tenant: 'acme', limit: 1, state: any('open') }), TypeError);

      assert.deepEqual([(await run('r')).status, await journal('r')], ['running', ['run-start']]);
      assert.deepEqual(await inboxOf('r'), []);
      for (const id of ['x', 'c']) assert.equal(await store.run(key(id)), undefined);
    },
  },
  {
    title: 'I9: what is asked for is read once: it is checked, and nothing else is looked for',
    async run({ store, start }) {
      await start('r');
      let reads = 0;
      const twoFaced = {
        tenant: 'acme',
        get run(): string {
          reads += 1;
          return reads === 1 ? 'r' : 'other';
        },
      };
      assert.equal((await store.run(twoFaced))?.key.run, 'r');
      assert.equal(reads, 1);
    },
  },
  {
    title: 'DUR-3: a park or block without the last signal seen is a wrong argument',
    async run({ running, tryCommit, run }) {
      const held = await running('r');
      await assert.rejects(tryCommit(held, { transition: { type: 'park', wakeAt: null } }), TypeError);
      const transition = { type: 'block', code: 'X', request: 'q' } as const;
      await assert.rejects(tryCommit(held, { requests: [newRequest('q')], transition }), TypeError);
      await assert.rejects(tryCommit(held, { seen: 0, transition: { type: 'park', wakeAt: Infinity } }), TypeError);
      assert.equal((await run('r')).status, 'running');
    },
  },
  {
    title: 'I1: who changes what it was given changes nothing that is stored',
    async run({ store, running, commit, run }) {
      const held = await running('r', { input: { list: ['kept'] }, messages: [message('m')] });
      await commit(held, { entries: [note('n', { list: ['kept'] })] });
      const spoil = (value: unknown): void => {
        try {
          (value as { list: string[] }).list.push('spoiled');
        } catch {
          // A frozen value refuses, which is as good.
        }
      };

      spoil((await run('r')).input);
      const [, read] = await store.entries(key('r'), { after: 0, limit: 10 });
      spoil(read?.type === 'note' ? read.data : undefined);

      assert.deepEqual((await run('r')).input, { list: ['kept'] });
      const [, again] = await store.entries(key('r'), { after: 0, limit: 10 });
      assert.deepEqual(again?.type === 'note' && again.data, { list: ['kept'] });
    },
  },
  {
    title: 'DUR-1: who changes its input after start() changes nothing that is stored',
    async run({ store, run }) {
      const input = { list: ['kept'] };
      const started = store.start(newRun('r', { input }));
      input.list.push('added later');
      await started;
      assert.deepEqual((await run('r')).input, { list: ['kept'] });
    },
  },
];
