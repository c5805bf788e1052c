import assert from 'node:assert/strict';
import type { Amount, Ledger, Store } from '@prusik/core';
import { key, newChild, newRun, note } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

const none = { calls: 0, tokens: 0, costMicros: 0 };

async function ledgerOf(store: Store, root = 'r'): Promise<Ledger> {
  const ledger = await store.ledger(key(root));
  assert.ok(ledger, `Run ${root} has no ledger`);
  return ledger;
}

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

      assert.deepEqual(refused.outcome === 'refused' && [refused.code, refused.dimension], [
        'BUDGET_EXCEEDED',
        'costMicros',
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
      assert.deepEqual(await journal('r'), ['run-start']);
      assert.deepEqual(await ledgerOf(store), { limits: { tokens: 10 }, used: none, reserved: none });
    },
  },
];
