import {
  addAmounts,
  NO_AMOUNT,
  subtractAmounts,
  type Amount,
  type Budget,
  type Commit,
  type CommitResult,
  type Ledger,
  type RunKey,
  type StoreTables,
} from '@prusik/core';
import { port, rows, without, type StoreFault } from './fault.ts';

const asking = (name: string, caughtBy: string, change: (commit: Commit) => Commit): StoreFault =>
  port(name, caughtBy, (store) => ({ commit: (commit) => store.commit(change(commit)) }));

/** What is kept of the ledger is changed. */
const keeping = (name: string, caughtBy: string, change: (ledger: Ledger) => Ledger): StoreFault =>
  rows(name, caughtBy, ({ saveLedger }) => ({ saveLedger: (root, ledger) => saveLedger(root, change(ledger)) }));

const answering = (name: string, caughtBy: string, change: (noRoom: OfRun, root: string) => OfRun): StoreFault => ({
  name,
  caughtBy,
  make: (tables) => ({
    port: (store) => ({
      async commit(commit) {
        const answer = await store.commit(commit);
        if (answer.outcome !== 'refused' || answer.noRoom === undefined) return answer;
        return { ...answer, noRoom: change(answer.noRoom, tables.state(commit.run)?.root ?? '') };
      },
    }),
  }),
});

type OfRun = NonNullable<Extract<CommitResult, { outcome: 'refused' }>['noRoom']>;

/** The rows of ledgers are changed after a commit, by what it was and what came of it. `existed`: those of its children that were there before. */
const after = (
  name: string,
  caughtBy: string,
  change: (tables: StoreTables, commit: Commit, answer: CommitResult, existed: readonly RunKey[]) => void,
): StoreFault => ({
  name,
  caughtBy,
  make: (tables) => ({
    port: (store) => ({
      async commit(commit) {
        const existed = (commit.children ?? []).flatMap(({ key }) => (tables.state(key) === undefined ? [] : [key]));
        const answer = await store.commit(commit);
        change(tables, commit, answer, existed);
        return answer;
      },
    }),
  }),
});

const changeLedger = (tables: StoreTables, run: RunKey, change: (ledger: Ledger) => Ledger): void => {
  const ledger = tables.ledger(run);
  if (ledger !== undefined) tables.saveLedger(run, change(ledger));
};

const rootKey = (tables: StoreTables, run: RunKey): RunKey => ({ ...run, run: tables.state(run)?.root ?? '' });

const moreRuns = (ledger: Ledger, runs = 1): Ledger => ({ ...ledger, used: addAmounts(ledger.used, { runs }) });

const least = (a: Required<Budget>, b: Budget): Required<Budget> => ({
  calls: Math.min(a.calls, b.calls ?? Infinity),
  tokens: Math.min(a.tokens, b.tokens ?? Infinity),
  costMicros: Math.min(a.costMicros, b.costMicros ?? Infinity),
  runs: Math.min(a.runs, b.runs ?? Infinity),
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
      return state && without(state, 'parent');
    },
  })),
  rows('a part of a tree is not charged for itself', 'a part of a tree may have a ledger', (tables) => ({
    saveLedger(run, ledger) {
      if (tables.ledger(run) === undefined || tables.state(run)?.parent === undefined) tables.saveLedger(run, ledger);
    },
  })),
  rows('a part with a ledger charges nobody above it', 'a part of a tree may have a ledger', (tables) => ({
    saveLedger(run, ledger) {
      const parts = [...tables.treeOf(run)].filter(
        ({ key }) => key.run !== run.run && tables.ledger(key) !== undefined,
      );
      if (parts.length === 0) tables.saveLedger(run, ledger);
    },
  })),
  rows('budgets of children are forgotten', 'a part of a tree may have a ledger', (tables) => ({
    saveLedger(run, ledger) {
      if (tables.state(run)?.parent === undefined) tables.saveLedger(run, ledger);
    },
  })),
  after(
    'a refused reservation stays at the root',
    'cannot grant changes none of them',
    (tables, { run, ledger }, { outcome }) => {
      if (outcome === 'refused')
        changeLedger(tables, rootKey(tables, run), (row) => ({
          ...row,
          reserved: addAmounts(row.reserved, ledger?.reserve ?? {}),
        }));
    },
  ),
  answering('whoever has no room, the root is named', 'cannot grant changes none of them', (noRoom, root) => ({
    ...noRoom,
    run: root,
  })),
  answering('nothing is ever held', 'is refused as held', (noRoom) => ({ ...noRoom, held: false })),
  answering('all that is refused is held', 'is refused as held', (noRoom) => ({ ...noRoom, held: true })),
  keeping('runs are not counted', 'a child is counted by the commit that starts it', (ledger) => ({
    ...ledger,
    used: { ...ledger.used, runs: 0 },
  })),
  after(
    'a child that is there is counted again',
    'a child is counted by the commit that starts it',
    (tables, { run }, _, existed) => {
      changeLedger(tables, rootKey(tables, run), (ledger) => moreRuns(ledger, existed.length));
    },
  ),
  rows('a run is counted below itself', 'a child is counted by the commit that starts it', (tables) => ({
    saveLedger: (run, ledger) => tables.saveLedger(run, tables.ledger(run) === undefined ? moreRuns(ledger) : ledger),
  })),
  rows('runs are not limited', 'a child is counted by the commit that starts it', (tables) => ({
    ledger(run) {
      const ledger = tables.ledger(run);
      return ledger && { ...ledger, limits: without(ledger.limits, 'runs') };
    },
  })),
  port('a claim tells no limits', 'a claim tells the narrowest limit', (store) => ({
    async claim(query) {
      const found = await store.claim(query);
      return { ...found, claims: found.claims.map((claim) => without(claim, 'budget')) };
    },
  })),
  {
    name: 'a claim tells the limits of the root',
    caughtBy: 'a claim tells the narrowest limit',
    make: (tables) => ({
      port: (store) => ({
        async claim(query) {
          const found = await store.claim(query);
          const claims = found.claims.map((claim) => {
            const ledger = tables.ledger(rootKey(tables, claim.run.key));
            return ledger === undefined ? claim : { ...claim, budget: ledger.limits };
          });
          return { ...found, claims };
        },
      }),
    }),
  },
  after(
    'the last budget of a child holds',
    'started again with another budget',
    (tables, { children = [] }, _, existed) => {
      for (const { key, budget } of children)
        if (budget !== undefined && existed.some(({ run }) => run === key.run))
          changeLedger(tables, key, (ledger) => ({ ...ledger, limits: budget }));
    },
  ),
  rows('a tree without a budget has one of nothing', 'a tree without a budget is not limited', (tables) => ({
    ledger: (root) => tables.ledger(root) ?? { limits: { calls: 0 }, used: NO_AMOUNT, reserved: NO_AMOUNT },
  })),
];
