import { NO_AMOUNT, subtractAmounts, type Amount, type Commit, type Ledger } from '@prusik/core';
import { port, rows, without, type StoreFault } from './fault.ts';

const asking = (name: string, caughtBy: string, change: (commit: Commit) => Commit): StoreFault =>
  port(name, caughtBy, (store) => ({ commit: (commit) => store.commit(change(commit)) }));

/** What is kept of the ledger is changed. */
const keeping = (name: string, caughtBy: string, change: (ledger: Ledger) => Ledger): StoreFault =>
  rows(name, caughtBy, ({ saveLedger }) => ({ saveLedger: (root, ledger) => saveLedger(root, change(ledger)) }));

const least = (a: Required<Amount>, b: Amount): Required<Amount> => ({
  calls: Math.min(a.calls, b.calls ?? Infinity),
  tokens: Math.min(a.tokens, b.tokens ?? Infinity),
  costMicros: Math.min(a.costMicros, b.costMicros ?? Infinity),
});

export const LEDGER_FAULTS: readonly StoreFault[] = [
  port('budgets are forgotten', 'a root with a budget opens a ledger', (store) => ({
    start: (run) => store.start(without(run, 'budget')),
  })),
  asking('reservations are not returned', 'a call is reserved before it and settled', (commit) =>
    commit.ledger ? { ...commit, ledger: { ...commit.ledger, release: {} } } : commit,
  ),
  rows('limits are not looked at', 'a reservation without room refuses', (tables) => ({
    ledger(root) {
      const ledger = tables.ledger(root);
      return ledger && { ...ledger, limits: {} };
    },
  })),
  keeping('what was spent past the limit is forgotten', 'what was spent was spent', (ledger) => ({
    ...ledger,
    used: least(ledger.used, ledger.limits),
  })),
  port('a reservation comes before the release', 'a release makes room for the reservation', (store) => ({
    async commit(commit) {
      const { release, reserve, use } = commit.ledger ?? {};
      if (release === undefined || reserve === undefined) return store.commit(commit);
      const reserved = await store.commit({ ...commit, ledger: { reserve } });
      return reserved.outcome === 'committed'
        ? store.commit({ ...commit, ledger: { release, ...(use ? { use } : {}) } })
        : reserved;
    },
  })),
  {
    name: 'a reservation that is returned twice makes room',
    caughtBy: 'a reservation that is returned twice',
    make: (tables) => {
      let returned: Amount = NO_AMOUNT;
      return {
        tables: {
          saveLedger(root, ledger) {
            const reserved = tables.ledger(root)?.reserved ?? NO_AMOUNT;
            const missing = subtractAmounts(returned, reserved);
            tables.saveLedger(root, {
              ...ledger,
              reserved: { ...ledger.reserved, calls: ledger.reserved.calls - missing.calls },
            });
          },
        },
        port: (store) => ({
          async commit(commit) {
            returned = commit.ledger?.release ?? NO_AMOUNT;
            return store.commit(commit);
          },
        }),
      };
    },
  },
  rows('children spend from nobody', 'children spend from their root’s ledger', (tables) => ({
    state(key) {
      const state = tables.state(key);
      return state && { ...state, root: state.key.run };
    },
  })),
  rows('a tree without a budget has one of nothing', 'a tree without a budget is not limited', (tables) => ({
    ledger: (root) => tables.ledger(root) ?? { limits: { calls: 0 }, used: NO_AMOUNT, reserved: NO_AMOUNT },
  })),
];
