import type { AdapterInfo } from './adapter-info.ts';
import type { BlobInfo, BlobSweep, PutBlobOptions, SweptBlobs } from './blob.ts';
import type { ClaimQuery, ClaimResult, Lease, RenewedLease } from './claim.ts';
import type { Commit, CommitResult } from './commit.ts';
import type { Entry } from './entry.ts';
import type { Grant, GrantKey, GrantQuery, RevokeResult } from './grant.ts';
import type { RequestRef, RunKey, SessionKey } from './ids.ts';
import type { Ledger } from './ledger.ts';
import type { ImportRunResult, ImportSessionResult, RunImport, SessionImport } from './imported.ts';
import type { LiveTextStore } from './live-text.ts';
import type { Message, StoredMessage, ThreadKey } from './message.ts';
import type { NewRun, StartResult } from './new-run.ts';
import type { Note, NoteQuery } from './note.ts';
import type { Page, PageAfter, PageBefore, TextPage } from './page.ts';
import type { Removal, RemoveResult } from './removal.ts';
import type { DecideResult, NewDecision, Request, RequestQuery } from './request.ts';
import type { Run, RunQuery, RunSummary } from './run.ts';
import type {
  CutResult,
  ForkResult,
  MoveSessionResult,
  ReplaceResult,
  Session,
  SessionQuery,
  SteeredRun,
} from './session.ts';
import type { NewSignal, Signal, SignalResult } from './signal.ts';
import type { CompactResult, TreeCompaction } from './tree-compaction.ts';
import type { StoredSlot } from './slot.ts';
import type { StoreHealth } from './store-health.ts';
import type { WakeResult } from './wake.ts';

/**
 * Keeps runs, journals, inboxes, threads, requests and blobs. There are two kinds of write to a run and no third:
 *
 * - **The holder's**: {@link Store.commit}, fenced by the epoch that {@link Store.claim} raised. It is the only writer
 *   of a run's journal after entry 1, and all or nothing.
 * - **Outside writes**: {@link Store.start}, {@link Store.signal}, {@link Store.wake} and {@link Store.decide} (and {@link Store.revokeGrant}), by anybody, each one
 *   transaction that creates-if-absent or compares-and-sets and makes the run runnable; and {@link Store.moveSession},
 *   {@link Store.replaceMessages}, {@link Store.cutMessages}, {@link Store.forkSession}, {@link Store.importRun}, {@link Store.importSession}, {@link Store.compact} and {@link Store.remove}, which touch nothing that a live run stands on.
 *
 * Every method may reject with `STORE_CLOSED` after disposal, and with `STORE_UNAVAILABLE` (retryable) when the
 * store cannot be reached; a {@link Store.commit} that rejects is **ambiguous**: it may or may not have happened, and the
 * holder reads the run again under its own epoch to find out. A wrong argument rejects with a `TypeError` and nothing was
 * written: what comes in is checked, and copied, before anything else. One that is
 * larger than {@link WRITE_LIMIT} or {@link WRITE_ITEMS_LIMIT} rejects with `WRITE_TOO_LARGE`, and nothing was written either. What comes out is frozen or the reader's own.
 */
export interface Store extends AsyncDisposable, LiveTextStore {
  readonly capabilities: StoreCapabilities;

  /**
   * Creates a run, its entry 1, its first messages and, at a root with a budget, its ledger: all or nothing.
   * The same id with the same definition, input hash, session and parent is the same run again, also in a session that takes no new
   * ones; anything else is refused.
   */
  start(run: NewRun): Promise<StartResult>;

  /**
   * Takes up to `limit` runnable runs: ready ones, parked ones whose timer is due by the store's clock, and running ones whose
   * lease is past (`now >= leaseUntil`) or whose holder is proved dead. By priority (highest first), then longest runnable first:
   * a steady stream of new runs must not starve timers and orphans.
   * Each taken run's epoch rises by one, so every write of an earlier holder is void.
   */
  claim(query: ClaimQuery): Promise<ClaimResult>;

  /** Extends the leases among `held` that are still their holder's and not past; the others are left out of the answer. */
  renew(held: readonly Lease[], leaseMs: number): Promise<readonly RenewedLease[]>;

  /**
   * The only write of a drive, fenced by the epoch alone: a lease that is past but that nobody took may still commit, since an effect that
   * happened is better recorded than in doubt. Refusals are looked for in the order `TOO_EARLY`, `JOURNAL_FULL`, `THREAD_MOVED`,
   * `STEER_WITHDRAWN`, `RUN_INPUT_MISMATCH`, `BLOB_UNKNOWN`, `HISTORY_TOO_LARGE`, `MESSAGE_ID_TAKEN`, `REQUEST_CLAIMED`, `TOO_MANY_REQUESTS`, `TOO_MANY_SLOTS`, `BUDGET_EXCEEDED`. Concurrent commits may share a transaction; each has
   * its own answer.
   */
  commit(commit: Commit): Promise<CommitResult>;

  /**
   * Puts a signal into a run's inbox; the first per kind and key wins. A waiting run becomes ready; so does a blocked one for `cancel` and `decision`,
   * and one that stands in a session's queue for `cancel`.
   */
  signal(signal: NewSignal): Promise<SignalResult>;

  /**
   * Decides an open request by compare-and-set and, in the same transaction, puts a signal of kind `decision` and key = request id
   * with the {@link Decision} as its body into the run's inbox. The second decider is told what was decided. From `expiresAt` on, by the
   * store's clock, whoever decides expires it; before it nobody does. A {@link Decision.grant} is written in the same transaction; one that
   * cannot be (the request has no tool to be bound to, its tree no session, or the approved input does not hold the part) is a `TypeError`.
   */
  decide(decision: NewDecision): Promise<DecideResult>;

  /** Makes a waiting run ready, as a signal does, and leaves nothing in its inbox: it looks again at what it waits for. */
  wake(run: RunKey): Promise<WakeResult>;

  /** Takes a grant back: from now on it covers no call. */
  revokeGrant(key: GrantKey, by?: string): Promise<RevokeResult>;

  /** Moves a session forward, never back. From `closing` on it takes no new run; `closed` has none that holds it or stands in its queue. */
  moveSession(key: SessionKey, to: 'closing' | 'closed'): Promise<MoveSessionResult>;

  /**
   * Puts `messages` in the place of a session's thread, all or nothing, while no run holds it and its last number is `expectedHead`. They
   * are numbered on from there: journals name messages by number, so none is ever given twice. Without messages the thread is cleared.
   * From then on the session uses the blobs that they name, and no others. What is no message is refused with `MESSAGE_INVALID`.
   */
  replaceMessages(session: SessionKey, messages: readonly Message[], expectedHead: number): Promise<ReplaceResult>;

  /**
   * Hides the messages of a session after number `after`, while no run holds it and its last number is `expectedHead`. They stay on record and
   * keep their numbers, so those of what is shown rise with gaps from then on.
   */
  cutMessages(session: SessionKey, after: number, expectedHead: number): Promise<CutResult>;

  /**
   * Makes the session `to`, of the same tenant, with copies of the messages that `from` shows up to number `upTo`, numbered from 1 and with their
   * ids, and with what its slots hold now. It is a conversation of its own from then on, and uses the blobs of its messages. The same call again finds what it made.
   */
  forkSession(from: SessionKey, to: string, upTo: number): Promise<ForkResult>;

  /**
   * Writes an ended run as another store has lived it, in one transaction: its parent, its root and its session come before it, and were imported. Its ids, numbers and times
   * stay. Nothing is ever overwritten: the same record again is `existing`, and so is the run itself. What it names of blobs is put before.
   *
   * Rejects with `IMPORT_INVALID` for what no ended run is, and for a time that is later than the store's own, with `RUN_LIVE` for a run that has not ended, with
   * `IMPORT_TOO_LARGE` past {@link WRITE_LIMIT}.
   */
  importRun(record: RunImport): Promise<ImportRunResult>;
  /** The same for a closed session with its conversation; its runs come after it. */
  importSession(record: SessionImport): Promise<ImportSessionResult>;

  /**
   * Removes what has ended, whole or not at all. After its first write nobody finds it and its ids are free, for other runs too; the rows
   * go after that in transactions of about 1,000. What a crash left of that goes with the next call, whatever it asks for.
   */
  remove(removal: Removal): Promise<RemoveResult>;

  /**
   * Leaves of trees that have ended their record: each run with its input, its output or error and its usage of budgets, its requests with their decisions, its
   * artifacts, and the blobs that input, context, output and artifacts name. Gone are journal, inbox, slots, other notes, a thread of its own, and the uses of other blobs.
   * So a start of its id finds it and its result, and what needs its journal finds none ({@link Run.compactedAt}). A tree is compacted whole or not at all, as a removal takes it: after
   * the first write nobody finds what is taken; the rows go after that in transactions of about 1,000. What a crash left of that goes with the next call, of this or of {@link Store.remove}.
   */
  compact(compaction: TreeCompaction): Promise<CompactResult>;

  /**
   * Keeps bytes, and names them by their hash: the same bytes twice are one blob of their tenant, and no tenant sees another's. The body is
   * streamed, never held whole where the store is a file. One that throws, is too large or is aborted leaves nothing behind. A blob is kept
   * as long as a run or a session uses it ({@link Commit.blobs}, {@link NewRun.blobs}), and for a grace after its last put.
   *
   * Rejects with `BLOB_TOO_LARGE` past the store's limit, with `BLOB_SWEPT` (retryable) when it was under way for longer than the grace of a
   * sweep, with `STORE_CLOSED` when the store is disposed meanwhile, and with whatever the body throws.
   */
  putBlob(tenant: string, body: Uint8Array | AsyncIterable<Uint8Array>, options?: PutBlobOptions): Promise<BlobInfo>;
  /**
   * The bytes, in pieces. They are checked against their hash on the way: iterating rejects with `STORE_CORRUPT` instead of ending
   * when they are not what was put, and with `BLOB_UNKNOWN` when there is no such blob.
   */
  readBlob(tenant: string, hash: string): AsyncIterable<Uint8Array>;
  /** `undefined` when the tenant has no such blob. */
  blob(tenant: string, hash: string): Promise<BlobInfo | undefined>;
  /**
   * Removes one portion of what nobody uses and is older than the grace, of all tenants, and of what puts have left behind that
   * were cut off. Call it with `after: next` until there is no `next`. Safe while others put and commit: whoever names a blob
   * that was swept is refused, and what a run or session uses is never swept.
   */
  sweepBlobs(sweep?: BlobSweep): Promise<SweptBlobs>;

  /** `undefined` for a run that is not there, or was removed; so for ledgers and sessions. */
  run(key: RunKey): Promise<Run | undefined>;
  /** Entries with `seq > after`, oldest first. An unknown run has none. */
  entries(run: RunKey, page: PageAfter): Promise<readonly Entry[]>;
  /** Signals with `n > after`, oldest first. */
  inbox(run: RunKey, page: PageAfter): Promise<readonly Signal[]>;
  /**
   * Messages with `n > after`, oldest first; with `before`, the last ones with `n < before`, oldest first all the same. Without those that a cut
   * has hidden, unless `hidden` asks for them as well.
   */
  messages(
    thread: ThreadKey,
    page: (PageAfter | PageBefore) & { readonly hidden?: boolean },
  ): Promise<readonly StoredMessage[]>;
  /** The message of this id, the last one where there are several; `undefined` where there is none, or where it is hidden. */
  message(thread: ThreadKey, id: string): Promise<StoredMessage | undefined>;
  /** What the slots hold that belong to the owner of the thread, by name. */
  slots(owner: ThreadKey): Promise<readonly StoredSlot[]>;
  /** Number of the last message that the thread ever had; 0 for an unknown one. */
  threadHead(thread: ThreadKey): Promise<number>;
  /** Of a run that was started with a budget, and of all runs below it; any other has none. */
  ledger(run: RunKey): Promise<Ledger | undefined>;
  /** A session is there from its first run, or from the fork that made it. */
  session(key: SessionKey): Promise<Session | undefined>;
  /**
   * Runs that stand in the queue of the session which `holder` holds and may be absorbed by it, oldest first: those that were steered, are not
   * asked to cancel, and have its definition, its context (since it acts in the name of its own) and its turn options. At most {@link STEERED_LIMIT}; what comes
   * behind the first that does not fit waits, too.
   */
  steered(holder: RunKey): Promise<readonly SteeredRun[]>;
  /** By the time of their creation. */
  listSessions(query: SessionQuery): Promise<Page<Session>>;
  /**
   * By their time, and by their number where that is the same. Without inputs, contexts and outputs: {@link Store.run} gives the run whole. A run that ends
   * while somebody reads page after page stays where it is in a list that goes by creation.
   */
  listRuns(query: RunQuery): Promise<Page<RunSummary>>;
  /**
   * Newest first. Notes of a run in a session are the session's, as its messages are: they stay when the run is removed, and no longer
   * name it in a query. Those of kind `artifact` ({@link ARTIFACT_NOTE}) are the run's own, and go with it.
   */
  listNotes(query: NoteQuery): Promise<Page<Note>>;
  /** `undefined` when the run has no such request. */
  request(run: RunKey, id: string): Promise<Request | undefined>;
  /** In the order in which they were opened. */
  listRequests(query: RequestQuery): Promise<Page<Request>>;
  /** Oldest first. */
  listGrants(query: GrantQuery): Promise<Page<Grant>>;
  /** Tenants that have a run or a session, by name. */
  tenants(page: TextPage): Promise<Page<string>>;
  /** What the owner of the thread uses, by hash. Bytes are read by {@link Store.readBlob}. */
  blobsOf(owner: ThreadKey, page: TextPage): Promise<Page<BlobInfo>>;
  /** How the store stands, over all tenants; cheap enough for every ten seconds. */
  health(): Promise<StoreHealth>;

  /**
   * Calls back after a commit, signal, end or removal of this run became visible; a removal says `end`. `unknown`: another process wrote something, look again.
   * `written`, where a store has it at hand, gives the entries that the commit wrote, so that who has read the journal up to them need not read them.
   */
  watchRun(
    run: RunKey,
    on: (why: 'commit' | 'signal' | 'end' | 'unknown', written?: () => readonly Entry[]) => void,
  ): Disposable;
  /**
   * Calls back when a run may have become claimable, a timer was set or a run came to rest, in this process or (as `multiProcess` says) another, with the root
   * of its tree. Without one it may be in any tree.
   */
  watchQueue(on: (root?: RunKey) => void): Disposable;
  /**
   * Calls back after a request of this tenant was opened, decided or used, with its name. Without one it may be any: another process wrote something, or
   * runs were removed. A request that expires while nobody looks is no news: its time is known.
   */
  watchRequests(tenant: string, on: (request?: RequestRef) => void): Disposable;
}

/** What a store can do beyond the contract; the suite tests what is declared. */
export interface StoreCapabilities {
  /** A commit survives the process. */
  readonly durable: boolean;
  /** Several processes may open it at once. */
  readonly multiProcess: boolean;
  /** Milliseconds until a write of another process is noticed, at most; 0 where writers notify. */
  readonly noticeMs: number;
  /** For inspection. @default not told */
  readonly adapter?: AdapterInfo;
}
