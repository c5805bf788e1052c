import { PrusikError } from '../errors.ts';
import type { Lease, Store, StoreCapabilities } from '../store.ts';
import {
  checkedCommit,
  checkedDecision,
  checkedLiveText,
  checkedMarks,
  checkedPage,
  checkedQuery,
  checkedRequestQuery,
  checkedRun,
  checkedRunQuery,
  checkedSignal,
  checkLeaseMs,
  checkRunKey,
  checkSessionKey,
  checkThreadKey,
} from './arguments.ts';
import { claimRuns } from './claim.ts';
import { commitRun } from './commit.ts';
import { decideRequest } from './decide.ts';
import { createLiveTexts, type LiveTextRows } from './live-text.ts';
import { renewLeases } from './renew.ts';
import { signalRun } from './signal.ts';
import { startRun } from './start.ts';
import type { StoreReads, StoreTransaction } from './tables.ts';
import type { Watchers } from './watchers.ts';

/** How one store runs its transactions; everything else is the same for all. */
export interface StoreBackend {
  readonly capabilities: StoreCapabilities;
  readonly reads: StoreReads;
  readonly liveText: LiveTextRows;
  readonly watchers: Watchers;
  /**
   * Runs `work` in a transaction, which others may share, and resolves to its answer once it is committed. `work` may be run
   * again in a new transaction when the first was rolled back. The watchers are told after that.
   */
  write<T>(size: WriteSize, work: (tx: StoreTransaction) => T): Promise<T>;
  /** Waits for what was accepted and releases everything. Called once. */
  close(): Promise<void>;
}

/** About how much a write will add. */
export interface WriteSize {
  readonly rows: number;
  readonly runs: number;
}

const ONE_ROW: WriteSize = { rows: 1, runs: 0 };

/** The port over a store's tables: checks and copies what comes in, decides, writes, tells. */
export function storeOver(backend: StoreBackend): Store {
  const { reads, watchers, write } = backend;
  const liveTexts = createLiveTexts(backend.liveText, reads.state);
  let closing: Promise<void> | undefined;

  const checkOpen = (): void => {
    if (closing !== undefined) throw new PrusikError('STORE_CLOSED', 'The store was closed');
  };

  return {
    capabilities: backend.capabilities,
    async start(run) {
      checkOpen();
      const checked = checkedRun(run);
      return write({ rows: 2 + checked.messages.length, runs: 1 }, (tx) => startRun(tx, checked));
    },
    async claim(query) {
      checkOpen();
      const checked = checkedQuery(query);
      return write({ rows: checked.limit, runs: 0 }, (tx) => claimRuns(tx, checked));
    },
    async renew(held, leaseMs) {
      checkOpen();
      checkLeaseMs(leaseMs);
      const leases = held.map(({ run, epoch }): Lease => ({ run: { tenant: run.tenant, run: run.run }, epoch }));
      for (const { run } of leases) checkRunKey(run);
      return write({ rows: leases.length, runs: 0 }, (tx) => renewLeases(tx, leases, leaseMs));
    },
    async commit(commit) {
      checkOpen();
      const checked = checkedCommit(commit);
      const runs = checked.children?.length ?? 0;
      const rows = 1 + checked.entries.length + (checked.messages?.items.length ?? 0) + 3 * runs;
      return write({ rows, runs }, (tx) => commitRun(tx, checked));
    },
    async signal(signal) {
      checkOpen();
      const checked = checkedSignal(signal);
      return write(ONE_ROW, (tx) => signalRun(tx, checked));
    },
    async decide(decision) {
      checkOpen();
      const checked = checkedDecision(decision);
      return write(ONE_ROW, (tx) => decideRequest(tx, checked));
    },

    async run(key) {
      checkOpen();
      checkRunKey(key);
      return reads.run(key);
    },
    async entries(run, page) {
      checkOpen();
      checkRunKey(run);
      return reads.entries(run, checkedPage(page));
    },
    async inbox(run, page) {
      checkOpen();
      checkRunKey(run);
      return reads.inbox(run, checkedPage(page));
    },
    async messages(thread, page) {
      checkOpen();
      checkThreadKey(thread);
      return reads.messages(thread, checkedPage(page));
    },
    async threadHead(thread) {
      checkOpen();
      checkThreadKey(thread);
      return reads.threadHead(thread);
    },
    async ledger(root) {
      checkOpen();
      checkRunKey(root);
      return reads.ledger(root);
    },
    async session(key) {
      checkOpen();
      checkSessionKey(key);
      return reads.session(key);
    },
    async listRuns(query) {
      checkOpen();
      return reads.listRuns(checkedRunQuery(query));
    },
    async listRequests(query) {
      checkOpen();
      return reads.listRequests(checkedRequestQuery(query));
    },

    async writeLiveText(writes) {
      checkOpen();
      for (const run of liveTexts.write(checkedLiveText(writes))) watchers.tellLiveText(run);
    },
    async liveText(run, have) {
      checkOpen();
      checkRunKey(run);
      return liveTexts.read(run, checkedMarks(have));
    },

    watchLiveText(run, on) {
      checkOpen();
      checkRunKey(run);
      return watchers.watchLiveText(run, on);
    },
    watchRun(run, on) {
      checkOpen();
      checkRunKey(run);
      return watchers.watchRun(run, on);
    },
    watchQueue(on) {
      checkOpen();
      return watchers.watchQueue(on);
    },
    async [Symbol.asyncDispose]() {
      closing ??= backend.close();
      await closing;
    },
  };
}
