import assert from 'node:assert/strict';
import type { EntryBody } from '@prusik/core';
import { ending, key, LEASE_MS, message, newChild, newRequest, newRun, note } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

const step = (name: string, value: string): EntryBody => ({
  type: 'step-end',
  key: name,
  kind: 'step',
  fingerprint: 'f',
  attempt: 1,
  outcome: { ok: true, value },
  durationMs: 7,
});

export const STORE_COMMIT_TESTS: readonly StoreTest[] = [
  {
    title: 'EVT-1: entries are numbered from 1 without a gap, in the order of their commits and within them',
    async run({ store, running, commit }) {
      const held = await running('r');

      const first = await commit(held, { entries: [note('a'), note('b')] });
      const second = await commit(held, { entries: [step('c', 'C')] });

      assert.deepEqual([first.seq, second.seq], [3, 4]);
      const entries = await store.entries(key('r'), { after: 1, limit: 10 });
      assert.deepEqual(
        entries.map(({ seq }) => seq),
        [2, 3, 4],
      );
      assert.deepEqual(entries.at(-1), { ...step('c', 'C'), seq: 4, at: second.at });
      assert.deepEqual(
        entries.map((entry) => (entry.type === 'note' ? entry.name : entry.type)),
        ['a', 'b', 'step-end'],
      );
    },
  },
  {
    title: 'EVT-1: entries carry the store’s clock, which is the answer’s `at`',
    async run({ store, clock, running, commit }) {
      const held = await running('r');
      clock.advance(1_234);
      const { at } = await commit(held, { entries: [note('a')] });
      const [entry] = await store.entries(key('r'), { after: 1, limit: 1 });
      assert.equal(at, clock.now());
      assert.equal(entry?.at, clock.now());
    },
  },
  {
    title: 'I1: a commit without entries answers with the journal’s last number',
    async run({ running, commit }) {
      const held = await running('r');
      assert.equal((await commit(held)).seq, 1);
      await commit(held, { entries: [note('a'), note('b')] });
      assert.equal((await commit(held)).seq, 3);
    },
  },
  {
    title: 'I1: a commit tells the holder of signals and of a cancel that came meanwhile',
    async run({ running, commit, signal }) {
      const held = await running('r');
      const before = await commit(held);
      await signal('r', 'user', 'hello');
      await signal('r', 'cancel');
      const after = await commit(held);

      assert.deepEqual([before.inbox, before.cancelRequested], [0, false]);
      assert.deepEqual([after.inbox, after.cancelRequested], [2, true]);
    },
  },
  {
    title: 'I1: everything that a commit carries is written together',
    async run({ store, running, commit, run, journal }) {
      const held = await running('r');

      await commit(held, {
        entries: [note('all')],
        messages: { from: 1, items: [message('m1')] },
        children: [newChild('c', 'r')],
        requests: [newRequest('q')],
        progress: true,
      });

      assert.deepEqual(await journal('r'), ['run-start', 'all']);
      assert.equal(await store.threadHead({ tenant: 'acme', of: 'run', id: 'r' }), 1);
      const child = await run('c');
      assert.deepEqual([child.status, child.root, child.parent], ['queued', 'r', { run: 'r', key: 'child-c' }]);
      const { items } = await store.listRequests({ tenant: 'acme', limit: 10 });
      assert.deepEqual(
        items.map(({ id }) => id),
        ['q'],
      );
    },
  },
  {
    title: 'I1: concurrent commits of many runs each get their own answer',
    async run({ running, commit, run }) {
      const held = [];
      for (let n = 0; n < 20; n += 1) held.push(await running(`r${n}`));

      const answers = await Promise.all(
        held.map((lease, n) => commit(lease, { entries: Array.from({ length: n + 1 }, () => note('x')) })),
      );

      assert.deepEqual(
        answers.map(({ seq }) => seq),
        held.map((_, n) => n + 2),
      );
      for (const [n] of held.entries()) assert.equal((await run(`r${n}`)).seq, n + 2);
    },
  },
  {
    title: 'I1: a stale commit that arrives together with others fails none of them',
    async run({ clock, running, take, tryCommit, journal }) {
      const zombie = await running('stolen');
      clock.advance(LEASE_MS);
      await take('stolen', { worker: 'worker-2' });
      const others = [await running('a'), await running('b')];

      const [before, late, after] = await Promise.all([
        tryCommit(others[0]!, { entries: [note('kept')] }),
        tryCommit(zombie, { entries: [note('late')] }),
        tryCommit(others[1]!, { entries: [note('kept')] }),
      ]);

      assert.deepEqual([before.outcome, late.outcome, after.outcome], ['committed', 'stale', 'committed']);
      assert.deepEqual(await journal('a'), ['run-start', 'kept']);
      assert.deepEqual(await journal('b'), ['run-start', 'kept']);
      assert.deepEqual(await journal('stolen'), ['run-start']);
    },
  },
  {
    title: 'I1: of two commits of one run that arrive together, the refused one leaves nothing and the other is whole',
    async run({ running, tryCommit, journal }) {
      const held = await running('r', { budget: { calls: 1 } });

      const [refused, done] = await Promise.all([
        tryCommit(held, { entries: [note('too much')], ledger: { reserve: { calls: 2 } } }),
        tryCommit(held, { entries: [note('fits')], ledger: { reserve: { calls: 1 } } }),
      ]);

      assert.equal(refused.outcome, 'refused');
      assert.equal(done.outcome === 'committed' && done.seq, 2);
      assert.deepEqual(await journal('r'), ['run-start', 'fits']);
    },
  },
  {
    title: 'I1: two commits of one run that arrive together are numbered one after the other',
    async run({ running, commit, journal }) {
      const held = await running('r');
      const [first, second] = await Promise.all([
        commit(held, { entries: [note('a'), note('b')] }),
        commit(held, { entries: [note('c')] }),
      ]);
      assert.deepEqual([first.seq, second.seq], [3, 4]);
      assert.deepEqual(await journal('r'), ['run-start', 'a', 'b', 'c']);
    },
  },
  {
    title: 'I1: a commit that follows the end of its run in the same moment is stale',
    async run({ running, tryCommit, journal }) {
      const held = await running('r');
      const [end, late] = await Promise.all([
        tryCommit(held, ending('completed')),
        tryCommit(held, { entries: [note('late')] }),
      ]);
      assert.deepEqual([end.outcome, late.outcome], ['committed', 'stale']);
      assert.deepEqual(await journal('r'), ['run-start', 'run-end']);
    },
  },
  {
    title: 'I1: a refused commit leaves nothing of itself, and the lease holds',
    async run({ store, clock, running, tryCommit, commit, run }) {
      const held = await running('r', { budget: { tokens: 10 } });
      const before = await run('r');

      const answer = await tryCommit(held, {
        entries: [note('x')],
        messages: { from: 1, items: [message('m')] },
        children: [newChild('c', 'r')],
        requests: [newRequest('q')],
        ledger: { use: { tokens: 4 }, reserve: { tokens: 11 } },
        seen: 0,
        transition: { type: 'park', wakeAt: null },
      });

      const noRoom = { run: 'r', dimension: 'tokens', limit: 10, held: false };
      assert.deepEqual(answer, { outcome: 'refused', code: 'BUDGET_EXCEEDED', noRoom, now: clock.now() });
      assert.deepEqual(await run('r'), before);
      assert.equal(await store.run(key('c')), undefined);
      assert.equal((await store.ledger(key('r')))?.used.tokens, 0);
      assert.deepEqual((await store.listRequests({ tenant: 'acme', limit: 10 })).items, []);
      await commit(held, { entries: [note('goes on')] });
    },
  },
  {
    title: 'DUR-7: a commit that says `notBefore` is refused with TOO_EARLY until the store’s clock is there',
    async run({ clock, running, tryCommit, commit }) {
      const held = await running('r');
      const due = clock.now() + 100;
      clock.advance(99);

      const early = await tryCommit(held, { entries: [note('timer')], notBefore: due });

      assert.deepEqual(early, { outcome: 'refused', code: 'TOO_EARLY', now: due - 1 });
      clock.advance(1);
      await commit(held, { entries: [note('timer')], notBefore: due });
    },
  },
  {
    title: 'WFL-6: a child that exists with the same input is the same child; one with another refuses the commit',
    async run({ store, running, commit, tryCommit, journal }) {
      const held = await running('p');
      await commit(held, { children: [newChild('c', 'p')] });

      await commit(held, { entries: [note('again')], children: [newChild('c', 'p')] });
      const other = await tryCommit(held, {
        entries: [note('other')],
        children: [newChild('c', 'p', { input: 1, inputHash: 'sha256:1' })],
      });
      await store.start(newRun('root'));
      const root = await tryCommit(held, { children: [newChild('root', 'p')] });

      assert.equal(other.outcome === 'refused' && other.code, 'RUN_INPUT_MISMATCH');
      assert.equal(root.outcome === 'refused' && root.code, 'RUN_INPUT_MISMATCH');
      assert.deepEqual(await journal('p'), ['run-start', 'again']);
      assert.deepEqual(await journal('c'), ['run-start']);
    },
  },
  {
    title: 'I7: a commit asks children to cancel and says why, and only this run’s',
    async run({ running, start, commit, tryCommit, run, inboxOf }) {
      const held = await running('p');
      await start('stranger');
      await commit(held, { children: [newChild('c1', 'p'), newChild('c2', 'p')] });

      await commit(held, { cancel: [{ run: key('c1'), reason: 'lost the race' }] });

      const [cancel] = await inboxOf('c1');
      assert.deepEqual([cancel?.kind, cancel?.key, cancel?.body], ['cancel', 'cancel', { reason: 'lost the race' }]);
      assert.deepEqual([(await run('c1')).cancelRequested, (await run('c2')).cancelRequested], [true, false]);
      await assert.rejects(tryCommit(held, { cancel: [{ run: key('stranger'), reason: '' }] }), TypeError);
      assert.equal((await run('stranger')).cancelRequested, false);
    },
  },
  {
    title: 'I1: entries are what the holder wrote, whatever it does to its own objects later',
    async run({ store, running, tryCommit }) {
      const held = await running('r');
      const data = { list: ['kept'] };

      const answer = tryCommit(held, { entries: [note('a', data)] });
      data.list.push('added while the commit was under way');
      await answer;

      const [entry] = await store.entries(key('r'), { after: 1, limit: 1 });
      assert.deepEqual(entry?.type === 'note' && entry.data, { list: ['kept'] });
    },
  },
];
