import {
  createWatchers,
  NO_AMOUNT,
  storeOver,
  type Commit,
  type CommitResult,
  type Entry,
  type EntryBody,
  type NewRun,
  type Store,
  type StoreTables,
} from '@prusik/core';
import { liveTextRows, memoryBlobs, memoryTables } from '@prusik/store-memory';
import type { StoreStorage } from '@prusik/testing-contracts';
import { STORAGES } from '../storages.ts';

/** A way to be broken that the model has to find. */
export interface Sabotage {
  readonly name: string;
  readonly storage: () => StoreStorage;
  /** Around the store of every process. */
  readonly broken: (store: Store) => Store;
}

/** The engine writes, or is told, something else. */
const port = (name: string, change: (store: Store) => Partial<Store>): Sabotage => ({
  name,
  storage: STORAGES['memory'] as () => StoreStorage,
  broken: (store) => ({ ...store, ...change(store) }),
});

const commits = (name: string, change: (commit: Commit, store: Store) => Commit | Promise<Commit>): Sabotage =>
  port(name, (store) => ({
    commit: async (commit): Promise<CommitResult> => store.commit(await change(commit, store)),
  }));

const entries = (name: string, change: (entry: EntryBody) => EntryBody): Sabotage =>
  commits(name, (commit) => ({ ...commit, entries: commit.entries.map(change) }));

const children = (name: string, change: (child: NewRun) => readonly NewRun[]): Sabotage =>
  commits(name, ({ children: some, ...commit }) =>
    some === undefined ? commit : { ...commit, children: some.flatMap(change) },
  );

/** Rows are kept or found wrongly. */
const rows = (name: string, change: (tables: StoreTables) => Partial<StoreTables>): Sabotage => ({
  name,
  storage: () => storageOver(change),
  broken: (store) => store,
});

function storageOver(change: (tables: StoreTables) => Partial<StoreTables>): StoreStorage {
  const sound = memoryTables();
  const tables: StoreTables = { ...sound, ...change(sound) };
  const watchers = createWatchers();
  let store: Store | undefined;
  return {
    open({ clock }) {
      return (store ??= storeOver({
        capabilities: { durable: false, multiProcess: false, noticeMs: 0 },
        reads: tables,
        liveText: liveTextRows(),
        blobs: memoryBlobs({ maxBytes: 2 ** 20, now: () => clock.now() }),
        watchers,
        now: () => clock.now(),
        async write(_, work) {
          await Promise.resolve();
          const news = watchers.collect();
          const answer = work({ tables, now: clock.now(), news });
          news.tell();
          return answer;
        },
        close: () => Promise.resolve(),
      }));
    },
  };
}

const outcome = ({ type }: Entry): boolean => type === 'step-end' || type === 'wait-end';

export const SABOTAGES: readonly Sabotage[] = [
  commits('what was reserved and lost is never settled', ({ ledger, ...commit }) =>
    ledger?.reserve === undefined
      ? { ...commit, ...(ledger === undefined ? {} : { ledger }) }
      : { ...commit, ledger: { reserve: ledger.reserve } },
  ),
  commits('a run that ends keeps what it has reserved', ({ ledger, ...commit }) =>
    ledger === undefined || commit.transition?.type === 'end' ? commit : { ...commit, ledger },
  ),
  rows('the root alone is charged', (tables) => ({
    saveLedger(run, ledger) {
      if (tables.ledger(run) === undefined || tables.state(run)?.parent === undefined) tables.saveLedger(run, ledger);
    },
  })),
  rows('the nearest ledger alone is charged', (tables) => ({
    saveLedger(run, ledger) {
      const parts = [...tables.treeOf(run)].filter(
        ({ key }) => key.run !== run.run && tables.ledger(key) !== undefined,
      );
      if (parts.length === 0 || tables.ledger(run) === undefined) tables.saveLedger(run, ledger);
    },
  })),
  rows('runs are not counted', (tables) => ({
    saveLedger: (run, ledger) => tables.saveLedger(run, { ...ledger, used: { ...ledger.used, runs: NO_AMOUNT.runs } }),
  })),
  rows('a budget of a child is forgotten', (tables) => ({
    saveLedger(run, ledger) {
      if (tables.state(run)?.parent === undefined) tables.saveLedger(run, ledger);
    },
  })),
  commits('children are not told that their parent has thrown', ({ cancel, ...commit }) =>
    cancel === undefined
      ? commit
      : { ...commit, cancel: cancel.filter(({ reason }) => reason !== 'its parent failed') },
  ),
  commits('children are not told that their parent was cancelled', ({ cancel, ...commit }) =>
    cancel === undefined
      ? commit
      : { ...commit, cancel: cancel.filter(({ reason }) => reason !== 'its parent was cancelled') },
  ),
  children('a second child for one key', (child) => [
    child,
    { ...child, key: { ...child.key, run: `${child.key.run}-2` } },
  ]),
  entries('a parent ends before its children', (entry) =>
    entry.type === 'wait-start' && entry.kind === 'child' ? { ...entry, onParentEnd: 'leave' } : entry,
  ),
  entries('a child that is left is not left', (entry) => {
    if (entry.type !== 'wait-start') return entry;
    const { onParentEnd: _, ...start } = entry;
    return start;
  }),
  children('a child has no end to its levels', ({ rights, ...child }) => {
    const { levels: _, ...others } = rights ?? {};
    return [{ ...child, rights: others }];
  }),
  children('a child has no end to its time', ({ rights, ...child }) => {
    const { deadlineAt: _, ...others } = rights ?? {};
    return [{ ...child, rights: others }];
  }),
  commits('a cancel loses a completed output', async (commit, store) => {
    if (commit.transition?.type !== 'end' || commit.transition.status !== 'completed') return commit;
    if ((await store.run(commit.run))?.cancelRequested !== true) return commit;
    const end = { status: 'cancelled', error: { code: 'RUN_CANCELLED', message: 'late' } } as const;
    return {
      ...commit,
      entries: commit.entries.map((entry) => (entry.type === 'run-end' ? { type: 'run-end', ...end } : entry)),
      transition: { type: 'end', ...end },
    };
  }),
  rows('a parent is told that a completed child was cancelled', (tables) => ({
    appendSignal(run, signal) {
      const { cancel } = tables.state({ ...run.key, run: signal.key }) ?? {};
      const body = { status: 'cancelled' };
      tables.appendSignal(run, signal.kind === 'child' && cancel !== 'none' ? { ...signal, body } : signal);
    },
  })),
  rows('requests outlive their run', () => ({ openRequests: () => [] })),
  port('a replay is told in another order', (store) => ({
    async entries(run, page) {
      const some = await store.entries(run, page);
      const first = some.findIndex((entry, at) => outcome(entry) && at + 1 < some.length);
      const next = some.findIndex((entry, at) => at > first && outcome(entry));
      const [one, other] = [some[first], some[next]];
      if (one === undefined || other === undefined) return some;
      return some.with(first, { ...other, seq: one.seq }).with(next, { ...one, seq: other.seq });
    },
  })),
  port('whoever lost a run still writes', (store) => ({
    async commit(commit) {
      const run = await store.run(commit.run);
      return store.commit(run === undefined ? commit : { ...commit, epoch: run.epoch });
    },
  })),
];
