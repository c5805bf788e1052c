import assert from 'node:assert/strict';
import type { Amount, Ledger, NewRun, Store } from '@prusik/core';
import { key, newChild, newRun, note } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

const none = { calls: 0, tokens: 0, costMicros: 0, runs: 0 };

async function ledgerOf(store: Store, root = 'r'): Promise<Ledger> {
  const ledger = await store.ledger(key(root));
  assert.ok(ledger, `Run ${root} has no ledger`);
  return ledger;
}

/** A run of the tree of `r` two levels below it. */
const below = (id: string, parent: string): NewRun => newChild(id, parent, { root: 'r', depth: 2 });

export const STORE_LEDGER_TESTS: readonly StoreTest[] = [
  {
    title: 'WFL-4: a root with a budget opens a ledger; one without has none',
    async run({ store, start }) {
      await start('r', { budget: { calls: 3, tokens: 100 } });
      await start('unlimited');
      assert.deepEqual(await ledgerOf(store), { limits: { calls: 3, tokens: 100 }, used: none, reserved: none });
      assert.equal(await store.ledger(key('unlimited')), undefined);
      assert.equal(await store.ledger(key('r', 'other')), undefined);
    },
  },
  {
    title: 'WFL-4: a call is reserved before it and settled after it',
    async run({ store, running, commit }) {
      const held = await running('r', { budget: { tokens: 100 } });

      await commit(held, { ledger: { reserve: { calls: 1, tokens: 60 } } });
      assert.deepEqual((await ledgerOf(store)).reserved, { ...none, calls: 1, tokens: 60 });

      await commit(held, { ledger: { release: { calls: 1, tokens: 60 }, use: { calls: 1, tokens: 42 } } });
      const { used, reserved } = await ledgerOf(store);
      assert.deepEqual([used, reserved], [{ ...none, calls: 1, tokens: 42 }, none]);
    },
  },
  {
    title: 'WFL-4: a reservation without room refuses the whole commit, and names what is short',
    async run({ store, running, commit, tryCommit, journal }) {
      const held = await running('r', { budget: { calls: 2, costMicros: 10 } });
      await commit(held, { ledger: { reserve: { calls: 1, costMicros: 6 } } });

      const refused = await tryCommit(held, { entries: [note('x')], ledger: { reserve: { calls: 1, costMicros: 5 } } });

      assert.deepEqual(refused.outcome === 'refused' && [refused.code, refused.noRoom], [
        'BUDGET_EXCEEDED',
        { run: 'r', dimension: 'costMicros', limit: 10, held: true },
      ]);
      assert.deepEqual((await ledgerOf(store)).reserved, { ...none, calls: 1, costMicros: 6 });
      assert.deepEqual(await journal('r'), ['run-start']);
      await commit(held, { ledger: { reserve: { calls: 1, costMicros: 4 } } });
    },
  },
  {
    title: 'WFL-4: what was spent was spent, past the limit too; then nothing more is reserved',
    async run({ store, running, commit, tryCommit }) {
      const held = await running('r', { budget: { tokens: 10 } });
      await commit(held, { ledger: { use: { tokens: 25 } } });
      assert.equal((await ledgerOf(store)).used.tokens, 25);
      const refused = await tryCommit(held, { ledger: { reserve: { tokens: 1 } } });
      assert.equal(refused.outcome === 'refused' && refused.code, 'BUDGET_EXCEEDED');
    },
  },
  {
    title: 'WFL-4: a release makes room for the reservation of the same commit',
    async run({ running, commit }) {
      const held = await running('r', { budget: { calls: 1 } });
      await commit(held, { ledger: { reserve: { calls: 1 } } });
      await commit(held, { ledger: { release: { calls: 1 }, reserve: { calls: 1 } } });
    },
  },
  {
    title: 'WFL-4: a reservation that is returned twice makes no room',
    async run({ store, running, commit }) {
      const held = await running('r', { budget: { calls: 1 } });
      await commit(held, { ledger: { reserve: { calls: 1 } } });
      await commit(held, { ledger: { release: { calls: 1 } } });
      await commit(held, { ledger: { release: { calls: 1 } } });
      assert.deepEqual((await ledgerOf(store)).reserved, none);
    },
  },
  {
    title: 'WFL-4: children spend from their root’s ledger, and siblings at once not more than there is',
    async run({ store, running, take, commit, tryCommit }) {
      const root = await running('r', { budget: { calls: 5 } });
      const ids = Array.from({ length: 8 }, (_, n) => `c${n}`);
      await commit(root, { children: ids.map((id) => newChild(id, 'r')) });
      const held = [];
      for (const id of ids) held.push(await take(id));

      const answers = await Promise.all(held.map((lease) => tryCommit(lease, { ledger: { reserve: { calls: 1 } } })));

      assert.equal(answers.filter(({ outcome }) => outcome === 'committed').length, 5);
      assert.equal(answers.filter(({ outcome }) => outcome === 'refused').length, 3);
      assert.equal((await ledgerOf(store)).reserved.calls, 5);
      assert.equal(await store.ledger(key('c0')), undefined);
    },
  },
  {
    title:
      'WFL-4: a part of a tree may have a ledger of its own; what it spends is charged there, and at every ledger above it',
    async run({ store, running, take, commit }) {
      const root = await running('r', { budget: { tokens: 100 } });
      await commit(root, { children: [newChild('part', 'r', { budget: { tokens: 50 } }), newChild('other', 'r')] });
      const part = await take('part');
      await commit(part, { children: [below('leaf', 'part')] });
      const [leaf, other] = [await take('leaf'), await take('other')];

      await commit(leaf, { ledger: { reserve: { tokens: 30 } } });
      await commit(other, { ledger: { reserve: { tokens: 7 } } });
      assert.equal((await ledgerOf(store, 'part')).reserved.tokens, 30);
      assert.equal((await ledgerOf(store)).reserved.tokens, 37);

      await commit(leaf, { ledger: { release: { tokens: 30 }, use: { tokens: 20 } } });
      assert.deepEqual(await ledgerOf(store, 'part'), {
        limits: { tokens: 50 },
        used: { ...none, tokens: 20, runs: 1 },
        reserved: none,
      });
      assert.deepEqual(await ledgerOf(store), {
        limits: { tokens: 100 },
        used: { ...none, tokens: 20, runs: 3 },
        reserved: { ...none, tokens: 7 },
      });
      assert.equal(await store.ledger(key('leaf')), undefined);
    },
  },
  {
    title:
      'WFL-4: a reservation that one ledger of the way up cannot grant changes none of them, and the answer says whose it was',
    async run({ store, running, take, commit, tryCommit }) {
      const root = await running('r', { budget: { tokens: 100 } });
      await commit(root, { children: [newChild('part', 'r', { budget: { tokens: 50 } })] });
      const part = await take('part');
      const whose = async (tokens: number): Promise<unknown> => {
        const answer = await tryCommit(part, { entries: [note('x')], ledger: { reserve: { tokens } } });
        return answer.outcome === 'refused' && answer.noRoom;
      };

      assert.deepEqual(await whose(51), { run: 'part', dimension: 'tokens', limit: 50, held: false });
      assert.deepEqual((await ledgerOf(store)).reserved, none);
      // Of two that refuse, the outer one: its answer holds for others too.
      assert.deepEqual(await whose(101), { run: 'r', dimension: 'tokens', limit: 100, held: false });
      await commit(root, { ledger: { reserve: { tokens: 80 } } });
      assert.deepEqual(await whose(21), { run: 'r', dimension: 'tokens', limit: 100, held: true });
      assert.deepEqual((await ledgerOf(store, 'part')).reserved, none);
      // Of two that refuse, the one that always will.
      assert.deepEqual(await whose(60), { run: 'part', dimension: 'tokens', limit: 50, held: false });
      await commit(part, { ledger: { reserve: { tokens: 20 } } });
    },
  },
  {
    title:
      'WFL-4: what would fit if others used little of what they hold is refused as held; what can never fit is not',
    async run({ running, commit, tryCommit }) {
      const held = await running('r', { budget: { tokens: 100, calls: 9 } });
      await commit(held, { ledger: { use: { tokens: 40 }, reserve: { tokens: 50, calls: 1 } } });
      const isHeld = async (tokens: number): Promise<unknown> => {
        const answer = await tryCommit(held, { ledger: { reserve: { tokens, calls: 1 } } });
        return answer.outcome === 'refused' && answer.noRoom?.held;
      };

      assert.equal(await isHeld(60), true);
      assert.equal(await isHeld(61), false);
      await commit(held, { ledger: { release: { tokens: 50 }, use: { tokens: 10 } } });
      assert.equal(await isHeld(51), false);
      await commit(held, { ledger: { reserve: { tokens: 50, calls: 1 } } });
    },
  },
  {
    title:
      'WFL-4: a child is counted by the commit that starts it, once, at every ledger above it; one too many refuses the commit',
    async run({ store, running, take, commit, tryCommit, journal }) {
      const root = await running('r', { budget: { runs: 4 } });
      await commit(root, { children: [newChild('part', 'r', { budget: { runs: 2 } })] });
      const part = await take('part');
      assert.equal((await ledgerOf(store, 'part')).used.runs, 0);
      await commit(part, { children: [below('a', 'part'), below('a', 'part'), below('b', 'part')] });
      await commit(part, { children: [below('a', 'part')] });
      assert.equal((await ledgerOf(store, 'part')).used.runs, 2);
      assert.equal((await ledgerOf(store)).used.runs, 3);

      const narrow = await tryCommit(part, { entries: [note('x')], children: [below('c', 'part')] });
      assert.deepEqual(narrow.outcome === 'refused' && [narrow.code, narrow.noRoom], [
        'BUDGET_EXCEEDED',
        { run: 'part', dimension: 'runs', limit: 2, held: false },
      ]);
      assert.equal(await store.run(key('c')), undefined);
      assert.deepEqual(await journal('part'), ['run-start']);
      assert.equal((await ledgerOf(store)).used.runs, 3);
      await commit(root, { children: [newChild('last', 'r')] });
      const wide = await tryCommit(root, { children: [newChild('more', 'r')] });
      assert.deepEqual(wide.outcome === 'refused' && wide.noRoom?.run, 'r');
    },
  },
  {
    title: 'WFL-4: a claim tells the narrowest limit of each dimension on the way up',
    async run({ running, take, commit }) {
      const root = await running('r', { budget: { tokens: 100, calls: 5 } });
      await commit(root, { children: [newChild('part', 'r', { budget: { tokens: 40, calls: 9, runs: 3 } })] });
      const part = await take('part');
      await commit(part, { children: [below('leaf', 'part')] });
      const free = await running('free');

      assert.deepEqual(root.claim.budget, { tokens: 100, calls: 5 });
      assert.deepEqual(part.claim.budget, { tokens: 40, calls: 5, runs: 3 });
      assert.deepEqual((await take('leaf')).claim.budget, { tokens: 40, calls: 5, runs: 3 });
      assert.equal(free.claim.budget, undefined);
    },
  },
  {
    title: 'WFL-4: a run that is started again with another budget keeps the one that it has',
    async run({ store, running, start, commit }) {
      const held = await running('r', { budget: { tokens: 10 } });
      await commit(held, { children: [newChild('c', 'r', { budget: { tokens: 5 } })] });

      await commit(held, { children: [newChild('c', 'r', { budget: { tokens: 9 } })] });
      assert.equal((await store.start(newRun('r', { budget: { tokens: 90 } }))).outcome, 'existing');
      await start('free');
      assert.equal((await store.start(newRun('free', { budget: { tokens: 1 } }))).outcome, 'existing');

      assert.deepEqual((await ledgerOf(store, 'c')).limits, { tokens: 5 });
      assert.deepEqual((await ledgerOf(store)).limits, { tokens: 10 });
      assert.equal(await store.ledger(key('free')), undefined);
    },
  },
  {
    title: 'WFL-4: a tree without a budget is not limited',
    async run({ running, commit }) {
      const held = await running('r');
      await commit(held, { entries: [note('x')], ledger: { reserve: { calls: 1_000_000 } } });
    },
  },
  {
    title: 'I12: amounts that are not whole numbers are a wrong argument, and nothing is written',
    async run({ store, running, tryCommit, journal }) {
      const held = await running('r', { budget: { tokens: 10 } });
      for (const tokens of [-1, 0.5, Number.NaN, Infinity, 2 ** 53]) {
        const change: Amount = { tokens };
        await assert.rejects(tryCommit(held, { entries: [note('x')], ledger: { reserve: change } }), TypeError);
        await assert.rejects(tryCommit(held, { entries: [note('x')], ledger: { use: change } }), TypeError);
        await assert.rejects(tryCommit(held, { entries: [note('x')], ledger: { release: change } }), TypeError);
        await assert.rejects(store.start(newRun('b', { budget: change })), TypeError);
      }
      // The store counts runs by itself.
      const runs = { runs: 1 } as Amount;
      await assert.rejects(tryCommit(held, { entries: [note('x')], ledger: { use: runs } }), TypeError);
      assert.deepEqual(await journal('r'), ['run-start']);
      assert.deepEqual(await ledgerOf(store), { limits: { tokens: 10 }, used: none, reserved: none });
    },
  },
];
