import { isPrusikError, PrusikError } from '../errors.ts';
import { checkId, type RunKey } from '../ids.ts';
import { FORK_LIMIT } from '../session.ts';
import type { Store } from '../store.ts';
import { checkCount, checkText } from './argument-values.ts';
import { checkedRunImport, checkedSessionImport } from './check-import.ts';
import type { StoreBackend, WriteSize } from './backend.ts';
import { blobsOver } from './blobs.ts';
import { checkedClaimQuery, checkedLeases, checkLeaseMs } from './claim-arguments.ts';
import { claimRuns } from './claim.ts';
import { checkedCommit } from './commit-arguments.ts';
import { commitRun } from './commit.ts';
import { compactTrees } from './compact.ts';
import { cutMessages, readMessage, readMessages } from './cut-messages.ts';
import { decideRequest, requestAt } from './decide.ts';
import { forkSession } from './fork-session.ts';
import { grantListing, revokeGrant } from './grants.ts';
import { checkBlobHash, checkedRunKey, checkedSessionKey, checkedThreadKey } from './key-arguments.ts';
import { importRun } from './import-run.ts';
import { importSession } from './import-session.ts';
import { checkedLiveText, checkedMarks } from './live-text-arguments.ts';
import { createLiveTexts } from './live-text.ts';
import { moveSession } from './move-session.ts';
import {
  checkedNoteQuery,
  checkedGrantQuery,
  checkedPage,
  checkedRequestQuery,
  checkedRunQuery,
  checkedSessionQuery,
  checkedTextPage,
} from './page-arguments.ts';
import { checkedCompaction, checkedRemoval } from './removal-arguments.ts';
import { hideRemoved } from './remove.ts';
import { renewLeases } from './renew.ts';
import { replaceMessages } from './replace-messages.ts';
import { checkedDecision, checkedGrantKey } from './request-arguments.ts';
import { checkedRun } from './run-arguments.ts';
import { checkedMessages, checkedMove } from './session-arguments.ts';
import { checkedSignal } from './signal-arguments.ts';
import { signalRun } from './signal.ts';
import { startRun } from './start.ts';
import { steeredTo } from './steer.ts';
import type { StoreTransaction } from './tables.ts';
import { wakeRun } from './wake.ts';

const ONE_ROW: WriteSize = { rows: 1, runs: 0 };
/** Rows that are deleted in one transaction: what others write meanwhile waits for no more than these. */
const DELETED_AT_ONCE = 1_000;
/** How often text of runs that were removed is taken away while another process writes text; a write of it takes microseconds. */
const LIVE_DROP_TRIES = 20;

/** The port over a store's tables: checks and copies what comes in, decides, writes, tells. */
export function storeOver(backend: StoreBackend): Store {
  const { reads, watchers, write } = backend;
  const liveTexts = createLiveTexts(backend.liveText, reads.state);
  const blobs = blobsOver(backend);
  let closing: Promise<void> | undefined;

  const closed = (): PrusikError => new PrusikError('STORE_CLOSED', 'The store was closed');
  const checkOpen = (): void => {
    if (closing !== undefined) throw closed();
  };
  /** A put may wait for its body for ever, so closing ends it; what was accepted whole is written. */
  const close = async (): Promise<void> => {
    await blobs.end(closed());
    await backend.close();
  };

  /**
   * Transactions of bounded size, with those of others between them. What is left at a close is deleted by a later call, and so is what cannot be
   * deleted just now: what was asked for has happened, and whoever was told otherwise would ask for it again.
   */
  async function deleteInPortions(deleteSome: (tx: StoreTransaction, rows: number) => boolean): Promise<void> {
    try {
      let more = true;
      while (more && closing === undefined)
        more = await write({ rows: DELETED_AT_ONCE, runs: 0 }, (tx) => deleteSome(tx, DELETED_AT_ONCE));
    } catch (error) {
      if (!isPrusikError(error)) throw error;
    }
  }

  /** The removal has happened, so nothing that is wrong with text that was never promised may say otherwise. */
  async function dropLiveText(runs: readonly RunKey[]): Promise<void> {
    for (let tries = 1; tries <= LIVE_DROP_TRIES; tries += 1) {
      try {
        return liveTexts.drop(runs);
      } catch (error) {
        if (!isPrusikError(error, 'STORE_BUSY')) return;
        await new Promise((resolve) => setTimeout(resolve, tries));
      }
    }
  }

  return {
    capabilities: backend.capabilities,
    async start(run) {
      checkOpen();
      const checked = checkedRun(run);
      return write({ rows: 2 + checked.messages.length, runs: 1 }, (tx) => startRun(tx, checked));
    },
    async claim(query) {
      checkOpen();
      const checked = checkedClaimQuery(query);
      return write({ rows: checked.limit, runs: 0 }, (tx) => claimRuns(tx, checked));
    },
    async renew(held, leaseMs) {
      checkOpen();
      checkLeaseMs(leaseMs);
      const leases = checkedLeases(held);
      return write({ rows: leases.length, runs: 0 }, (tx) => renewLeases(tx, leases, leaseMs));
    },
    async commit(commit) {
      checkOpen();
      const checked = checkedCommit(commit);
      const runs = checked.children?.length ?? 0;
      const rows =
        1 +
        checked.entries.length +
        (checked.messages?.items.length ?? 0) +
        (checked.notes?.length ?? 0) +
        (checked.slots?.length ?? 0) +
        3 * runs;
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
    async wake(run) {
      checkOpen();
      const key = checkedRunKey(run);
      return write(ONE_ROW, (tx) => wakeRun(tx, key));
    },
    async revokeGrant(given, by) {
      checkOpen();
      const key = checkedGrantKey(given);
      if (by !== undefined) checkText('name of who revokes', by);
      return write(ONE_ROW, (tx) => revokeGrant(tx, key, by));
    },
    async moveSession(given, to) {
      checkOpen();
      const key = checkedSessionKey(given);
      const checked = checkedMove(to);
      return write(ONE_ROW, (tx) => moveSession(tx, key, checked));
    },
    async replaceMessages(given, messages, expectedHead) {
      checkOpen();
      const key = checkedSessionKey(given);
      const checked = checkedMessages(messages, expectedHead);
      const answer = await write({ rows: 1 + checked.length, runs: 0 }, (tx) =>
        replaceMessages(tx, key, checked, expectedHead),
      );
      if (answer.outcome === 'replaced') await deleteInPortions(({ tables }, rows) => tables.deleteReplaced(key, rows));
      return answer;
    },
    async cutMessages(given, after, expectedHead) {
      checkOpen();
      const key = checkedSessionKey(given);
      checkCount('message number', after);
      checkCount('expected head', expectedHead);
      return write(ONE_ROW, (tx) => cutMessages(tx, key, after, expectedHead));
    },
    async forkSession(given, to, upTo) {
      checkOpen();
      const key = checkedSessionKey(given);
      checkId('session', to);
      checkCount('message number', upTo);
      return write({ rows: FORK_LIMIT.messages, runs: 1 }, (tx) => forkSession(tx, key, to, upTo));
    },
    async importSession(record) {
      checkOpen();
      const checked = checkedSessionImport(record);
      return write({ rows: 1 + checked.messages.length, runs: 1 }, (tx) => importSession(tx, checked));
    },
    async importRun(record) {
      checkOpen();
      const checked = checkedRunImport(record);
      return write({ rows: checked.entries.length + checked.messages.length, runs: 1 }, (tx) => importRun(tx, checked));
    },
    async remove(removal) {
      checkOpen();
      const checked = checkedRemoval(removal);
      const { answer, runs } = await hideRemoved(backend, checked);
      if (checked.dryRun === true) return answer;
      await dropLiveText(runs);
      await deleteInPortions(({ tables }, rows) => tables.deleteHidden(rows));
      await deleteInPortions(({ tables }, rows) => tables.deleteCompacted(rows));
      return answer;
    },
    async compact(compaction) {
      checkOpen();
      const checked = checkedCompaction(compaction);
      const answer = await compactTrees(backend, checked);
      if (checked.dryRun !== true) await deleteInPortions(({ tables }, rows) => tables.deleteCompacted(rows));
      return answer;
    },

    async putBlob(tenant, body, options) {
      checkOpen();
      return blobs.putBlob(tenant, body, options);
    },
    async *readBlob(tenant, hash) {
      checkOpen();
      yield* blobs.readBlob(tenant, hash);
    },
    async blob(tenant, hash) {
      checkOpen();
      return blobs.blob(tenant, hash);
    },
    async sweepBlobs(sweep) {
      checkOpen();
      return blobs.sweepBlobs(sweep);
    },

    async run(key) {
      checkOpen();
      return reads.run(checkedRunKey(key));
    },
    async entries(run, page) {
      checkOpen();
      return reads.entries(checkedRunKey(run), checkedPage(page));
    },
    async inbox(run, page) {
      checkOpen();
      return reads.inbox(checkedRunKey(run), checkedPage(page));
    },
    async messages(thread, page) {
      checkOpen();
      return readMessages(reads, checkedThreadKey(thread), checkedPage(page));
    },
    async message(thread, id) {
      checkOpen();
      return readMessage(reads, checkedThreadKey(thread), checkId('message', id));
    },
    async slots(owner) {
      checkOpen();
      return reads.slots(checkedThreadKey(owner));
    },
    async threadHead(thread) {
      checkOpen();
      return reads.threadHead(checkedThreadKey(thread));
    },
    async ledger(run) {
      checkOpen();
      return reads.ledger(checkedRunKey(run));
    },
    async session(key) {
      checkOpen();
      return reads.session(checkedSessionKey(key));
    },
    async steered(holder) {
      checkOpen();
      return steeredTo(reads, checkedRunKey(holder));
    },
    async listSessions(query) {
      checkOpen();
      return reads.listSessions(checkedSessionQuery(query));
    },
    async listRuns(query) {
      checkOpen();
      return reads.listRuns(checkedRunQuery(query));
    },
    async listNotes(query) {
      checkOpen();
      return reads.listNotes(checkedNoteQuery(query));
    },
    async request(run, id) {
      checkOpen();
      const found = reads.request(checkedRunKey(run), checkId('request', id));
      return found && requestAt(found, backend.now());
    },
    async listRequests(query) {
      checkOpen();
      const now = backend.now();
      const page = reads.listRequests({ ...checkedRequestQuery(query), now });
      return { ...page, items: page.items.map((request) => requestAt(request, now)) };
    },
    async listGrants(query) {
      checkOpen();
      return reads.listGrants(grantListing(reads, checkedGrantQuery(query), backend.now()));
    },

    async tenants(page) {
      checkOpen();
      return reads.tenants(checkedTextPage(page, (after) => checkId('tenant', after)));
    },
    async blobsOf(owner, page) {
      checkOpen();
      return reads.blobsOf(checkedThreadKey(owner), checkedTextPage(page, checkBlobHash));
    },
    async health() {
      checkOpen();
      return reads.health({ now: backend.now() });
    },

    async writeLiveText(writes) {
      checkOpen();
      const told = liveTexts.write(checkedLiveText(writes));
      // Nobody is called back while the caller is still inside its own call.
      await Promise.resolve();
      for (const run of told) watchers.tellLiveText(run);
    },
    async liveText(run, have) {
      checkOpen();
      return liveTexts.read(checkedRunKey(run), checkedMarks(have));
    },

    watchLiveText(run, on) {
      checkOpen();
      return watchers.watchLiveText(checkedRunKey(run), on);
    },
    watchRun(run, on) {
      checkOpen();
      return watchers.watchRun(checkedRunKey(run), on);
    },
    watchQueue(on) {
      checkOpen();
      return watchers.watchQueue(on);
    },
    watchRequests(tenant, on) {
      checkOpen();
      return watchers.watchRequests(checkId('tenant', tenant), on);
    },
    async [Symbol.asyncDispose]() {
      closing ??= close();
      await closing;
    },
  };
}
