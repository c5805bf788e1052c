import type { BlobInfo, BlobSweep, PutBlobOptions, SweptBlobs } from './blob.ts';
import type { EntryBody, Entry } from './entry.ts';
import type { SerializedError } from './errors.ts';
import type { RunKey, SessionKey } from './ids.ts';
import type { Json } from './json.ts';
import type { Budget, Ledger, LedgerChange, LedgerDimension } from './ledger.ts';
import type { LiveTextStore } from './live-text.ts';
import type { Message, StoredMessage, ThreadKey } from './message.ts';
import type { Decision, NewRequest, Request, RequestKind, RequestStatus } from './request.ts';
import type { Removal, RemoveResult } from './removal.ts';
import type { FinalStatus, ParentLink, Run, RunKind, RunStatus } from './run.ts';
import type { MoveSessionResult, ReplaceResult, Session, SessionQuery } from './session.ts';

/**
 * Keeps runs, journals, inboxes, threads, requests and blobs. There are two kinds of write to a run and no third:
 *
 * - **The holder's**: {@link Store.commit}, fenced by the epoch that {@link Store.claim} raised. It is the only writer
 *   of a run's journal after entry 1, and all or nothing.
 * - **Outside writes**: {@link Store.start}, {@link Store.signal} and {@link Store.decide}, by anybody, each one
 *   transaction that creates-if-absent or compares-and-sets and makes the run runnable; and {@link Store.moveSession},
 *   {@link Store.replaceMessages} and {@link Store.remove}, which touch nothing that a live run stands on.
 *
 * Every method may reject with `STORE_CLOSED` after disposal, and with `STORE_UNAVAILABLE` (retryable) when the
 * store cannot be reached; a {@link Store.commit} that rejects is **ambiguous**: it may or may not have happened, and the
 * holder reads the run again under its own epoch to find out. A wrong argument rejects with a `TypeError` and nothing was
 * written: what comes in is checked, and copied, before anything else. So is one
 * that is larger than {@link WRITE_LIMIT} or {@link WRITE_ITEMS_LIMIT} (`WRITE_TOO_LARGE`). What comes out is frozen or the reader's own.
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
   * `RUN_INPUT_MISMATCH`, `BLOB_UNKNOWN`, `REQUEST_CLAIMED`, `TOO_MANY_REQUESTS`, `BUDGET_EXCEEDED`. Concurrent commits may share a transaction; each has
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
   * store's clock, whoever decides expires it; before it nobody does.
   */
  decide(decision: NewDecision): Promise<DecideResult>;

  /** Moves a session forward, never back. From `closing` on it takes no new run; `closed` has none that holds it or stands in its queue. */
  moveSession(key: SessionKey, to: 'closing' | 'closed'): Promise<MoveSessionResult>;

  /**
   * Puts `messages` in the place of a session's thread, all or nothing, while no run holds it and its last number is `expectedHead`. They
   * are numbered on from there: journals name messages by number, so none is ever given twice. Without messages the thread is cleared.
   * From then on the session uses the blobs that they name, and no others.
   */
  replaceMessages(session: SessionKey, messages: readonly Message[], expectedHead: number): Promise<ReplaceResult>;

  /**
   * Removes what has ended, whole or not at all. After its first write nobody finds it and its ids are free, for other runs too; the rows
   * go after that in transactions of about 1,000. What a crash left of that goes with the next call, whatever it asks for.
   */
  remove(removal: Removal): Promise<RemoveResult>;

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
  blob(tenant: string, hash: string): Promise<BlobInfo | undefined>;
  /**
   * Removes one portion of what nobody uses and is older than the grace, of all tenants, and of what puts have left behind that
   * were cut off. Call it with `after: next` until there is no `next`. Safe while others put and commit: whoever names a blob
   * that was swept is refused, and what a run or session uses is never swept.
   */
  sweepBlobs(sweep?: BlobSweep): Promise<SweptBlobs>;

  run(key: RunKey): Promise<Run | undefined>;
  /** Entries with `seq > after`, oldest first. An unknown run has none. */
  entries(run: RunKey, page: PageAfter): Promise<readonly Entry[]>;
  /** Signals with `n > after`, oldest first. */
  inbox(run: RunKey, page: PageAfter): Promise<readonly Signal[]>;
  /** Messages with `n > after`, oldest first; with `before`, the last ones with `n < before`, oldest first all the same. */
  messages(thread: ThreadKey, page: PageAfter | PageBefore): Promise<readonly StoredMessage[]>;
  /** Number of the last message that the thread ever had; 0 for an unknown one. */
  threadHead(thread: ThreadKey): Promise<number>;
  ledger(root: RunKey): Promise<Ledger | undefined>;
  session(key: SessionKey): Promise<Session | undefined>;
  /** Newest first. */
  listSessions(query: SessionQuery): Promise<Page<Session>>;
  /** Newest first. */
  listRuns(query: RunQuery): Promise<Page<Run>>;
  /** Oldest first. */
  listRequests(query: RequestQuery): Promise<Page<Request>>;

  /** Calls back after a commit, signal, end or removal of this run became visible; a removal says `end`. `unknown`: another process wrote something, look again. */
  watchRun(run: RunKey, on: (why: 'commit' | 'signal' | 'end' | 'unknown') => void): Disposable;
  /**
   * Calls back when a run may have become claimable or a timer was set, in this process or (as `multiProcess` says) another, with the root
   * of its tree. Without one it may be in any tree.
   */
  watchQueue(on: (root?: RunKey) => void): Disposable;
}

/** What a store can do beyond the contract; the suite tests what is declared. */
export interface StoreCapabilities {
  /** A commit survives the process. */
  readonly durable: boolean;
  /** Several processes may open it at once. */
  readonly multiProcess: boolean;
  /** Milliseconds until a write of another process is noticed, at most; 0 where writers notify. */
  readonly noticeMs: number;
}

/** The right to drive a run. */
export interface Lease {
  readonly run: RunKey;
  readonly epoch: number;
}

/** Also says what the holder should know at once. */
export interface RenewedLease extends Lease {
  readonly inbox: number;
  readonly cancelRequested: boolean;
}

export interface NewRun {
  readonly key: RunKey;
  readonly kind: RunKind;
  readonly definition: string;
  readonly version: string;
  readonly input: Json;
  readonly inputHash: string;
  readonly context: Json;
  readonly priority: number;
  /** The session's thread becomes the run's; without it the run has a thread of its own. */
  readonly session?: { readonly id: string; readonly whenBusy: 'refuse' | 'queue' };
  /**
   * Enter the thread when the run becomes its session's active one, not before. Entry 1 tells their numbers, unless the run had to
   * stand in the queue: its journal is not touched when its turn comes.
   */
  readonly messages: readonly Message[];
  /** Hashes of blobs that input or messages name: used by the run, and by its session, from now on. */
  readonly blobs?: readonly string[];
  readonly root: string;
  readonly parent?: ParentLink;
  readonly depth: number;
  /** Opens the tree's ledger; only at a root. */
  readonly budget?: Budget;
}

export type StartResult =
  | { readonly outcome: 'created' | 'existing'; readonly run: Run }
  | { readonly outcome: 'refused'; readonly code: 'RUN_INPUT_MISMATCH'; readonly run: Run }
  | { readonly outcome: 'refused'; readonly code: 'BLOB_UNKNOWN'; readonly blob: string }
  | {
      readonly outcome: 'refused';
      readonly code: 'SESSION_BUSY' | 'SESSION_QUEUE_FULL';
      readonly run: Run;
      /** The run that holds the session is `run`; these are its own open requests. */
      readonly requestIds: readonly string[];
    }
  /** The session is `closing` or `closed`. */
  | { readonly outcome: 'refused'; readonly code: 'SESSION_CLOSED'; readonly session: Session };

/** Queued runs of one session, at most. */
export const SESSION_QUEUE_LIMIT = 32;
/** Signals of kind `user` are refused while a run has this many unread; the engine's own kinds never are. */
export const INBOX_LIMIT = 1_000;
/** Open requests of one run, at most. */
export const OPEN_REQUEST_LIMIT = 64;
/** The largest page of any list; a larger `limit` is cut to it. */
export const PAGE_LIMIT = 1_000;

export interface ClaimQuery {
  readonly worker: string;
  readonly leaseMs: number;
  readonly limit: number;
  readonly suspects: SuspectRoom;
  /**
   * Leases that this worker still drives, although they may be past: it was stopped for longer than they last. While nobody else took them, it must not take
   * them from itself.
   */
  readonly except?: readonly Lease[];
  /** What this worker can drive. A run that is asked to cancel is taken whatever its definition. */
  readonly definitions: readonly { readonly name: string; readonly versions: readonly string[] }[];
  /** Only this run, or only runs of the trees with these roots, at most {@link PAGE_LIMIT} of them. */
  readonly only?: { readonly run: RunKey } | { readonly roots: readonly RunKey[] };
}

/**
 * How many suspects a claim may take: runs that lost a worker since their last committed step, each of which may be what killed it.
 * They are taken in the claim's order until one does not fit, so that a heavy one is not passed over for ever. See {@link suspectShare}.
 */
export interface SuspectRoom {
  /** What is left, from 0 to 1. */
  readonly room: number;
  /** From so many losses on a suspect takes all the room, and half as much for each loss fewer. */
  readonly alone: number;
}

/** What a run that lost `lost` workers (with this claim) takes of the room for suspects: the likelier it is the killer, the fewer are beside it. */
export function suspectShare(lost: number, alone: number): number {
  return 2 ** Math.min(0, lost - alone);
}

export interface Claim {
  readonly run: Run;
  /** Leases lost since the last committed step; 0 for a healthy run. */
  readonly lost: number;
  /** Number of the last message of its thread. */
  readonly threadHead: number;
}

export interface ClaimResult {
  readonly claims: readonly Claim[];
  /** The store's clock. */
  readonly now: number;
  /** When the next timer or lease that this query could take runs out, later than `now`; `null` when there is none. */
  readonly nextAt: number | null;
}

export interface Commit extends Lease {
  readonly entries: readonly EntryBody[];
  /** A step or wait ended, so the run is healthy: clears the count of lost leases. */
  readonly progress: boolean;
  /** `from` is the thread's next number; refused with `THREAD_MOVED` when it is not. */
  readonly messages?: { readonly from: number; readonly items: readonly Message[] };
  /** Hashes of blobs that entries or messages name: used by the run, and by its session, from now on. Refused with `BLOB_UNKNOWN` where one is not there. */
  readonly blobs?: readonly string[];
  /** Started with it, in no session. One that exists is the same child again, or refuses the commit with `RUN_INPUT_MISMATCH`. */
  readonly children?: readonly NewRun[];
  /** Children of this run that are asked to cancel: a signal of kind and key `cancel`. */
  readonly cancel?: readonly RunKey[];
  readonly requests?: readonly NewRequest[];
  /** Requests of this run that are closed if they are still open. */
  readonly closeRequests?: readonly { readonly id: string; readonly status: 'withdrawn' | 'expired' }[];
  /** Decided requests whose single use is taken; refused with `REQUEST_CLAIMED` unless approved or edited and unclaimed. */
  readonly claimRequests?: readonly string[];
  /** A tree without a ledger is without limits: nothing is counted. */
  readonly ledger?: LedgerChange;
  /** Last signal that the holder has read. `park` and `block` need it: it is what closes the gap between looking and sleeping. */
  readonly seen?: number;
  /** Refused with `TOO_EARLY` while the store's clock is below it. */
  readonly notBefore?: number;
  /** Without it the holder goes on. */
  readonly transition?: Transition;
}

export type Transition =
  /**
   * Releases the lease. Ready at once when the inbox has moved past `seen`, or when it was asked to cancel since it was claimed: the
   * holder may have read that as one signal among others. A holder that was told by its claim may park, to wait for children to end.
   */
  | { readonly type: 'park'; readonly wakeAt: number | null }
  /** Gives the run back, ready to be claimed. */
  | { readonly type: 'release' }
  /** `request` is one of this run's. Ready at once when a decision or cancel has come past `seen`, or cancel as for `park`. */
  | { readonly type: 'block'; readonly code: string; readonly request: string }
  /**
   * Ends the run: releases the lease, withdraws its open requests, hands its session to the next queued run (whose messages enter the
   * thread now; one that is asked to cancel is passed over) and puts a signal of kind `child` and key = run id, with {@link ChildEnd} as its body, into its parent's inbox.
   */
  | { readonly type: 'end'; readonly status: FinalStatus; readonly output?: Json; readonly error?: SerializedError };

/** Body of the signal that a parent gets. */
export interface ChildEnd {
  readonly status: FinalStatus;
  readonly output?: Json;
  readonly error?: SerializedError;
}

export type CommitResult =
  | {
      readonly outcome: 'committed';
      /** `seq` of the commit's last entry (of the journal's last when it had none). */
      readonly seq: number;
      /** The store's clock: the `at` of its entries. */
      readonly at: number;
      readonly inbox: number;
      readonly cancelRequested: boolean;
    }
  /** Somebody else holds the run, or nobody: nothing was written, and nothing under this epoch ever will be. */
  | { readonly outcome: 'stale' }
  /** Nothing was written; the lease still holds. */
  | {
      readonly outcome: 'refused';
      readonly code: CommitRefusal;
      readonly dimension?: LedgerDimension;
      readonly now: number;
    };

export type CommitRefusal =
  | 'BUDGET_EXCEEDED'
  | 'TOO_EARLY'
  | 'THREAD_MOVED'
  | 'REQUEST_CLAIMED'
  | 'TOO_MANY_REQUESTS'
  | 'RUN_INPUT_MISMATCH'
  | 'BLOB_UNKNOWN'
  | 'JOURNAL_FULL';

/** What one write hands in, at most, in bytes of its JSON text; more rejects with `WRITE_TOO_LARGE`, and nothing is written. */
export const WRITE_LIMIT: number = 16 * 1_048_576;
/** Entries, messages, children or requests of one write, at most, each counted for itself; more rejects with `WRITE_TOO_LARGE`. */
export const WRITE_ITEMS_LIMIT = 1_000;
/** Entries of one run, at most; a commit that would go past is refused with `JOURNAL_FULL`, unless it ends or blocks the run. */
export const JOURNAL_LIMIT = 100_000;

/** `wake` says nothing but that the run should be looked at again. */
export type SignalKind = 'user' | 'cancel' | 'child' | 'decision' | 'wake';

export interface NewSignal {
  readonly run: RunKey;
  readonly kind: SignalKind;
  readonly key: string;
  readonly body: Json;
}

export interface Signal {
  /** Place in the inbox: starts at 1, no gaps. */
  readonly n: number;
  readonly kind: SignalKind;
  readonly key: string;
  readonly body: Json;
  readonly at: number;
}

export type SignalResult =
  /** `duplicate`: an earlier one of the same kind and key won; `signal` is that one. */
  | { readonly outcome: 'delivered' | 'duplicate'; readonly signal: Signal }
  /** `closed`: the run has ended. `full`: {@link INBOX_LIMIT} unread, `user` only. */
  | { readonly outcome: 'closed' | 'unknown' | 'full' };

export interface NewDecision {
  readonly run: RunKey;
  readonly request: string;
  readonly decision: Omit<Decision, 'at'>;
}

export type DecideResult =
  /**
   * `already`: it was closed before, `request` says how; also when the decision came at or after `expiresAt`, which expires the request.
   * `early`: `expired` was said before `expiresAt` by the store's clock; it is still open.
   */
  { readonly outcome: 'decided' | 'already' | 'early'; readonly request: Request } | { readonly outcome: 'unknown' };

export interface PageAfter {
  readonly after: number;
  readonly limit: number;
}

export interface PageBefore {
  readonly before: number;
  readonly limit: number;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Cursor of the next page; missing on the last. Opaque. */
  readonly next?: string;
}

export interface RunQuery {
  readonly tenant: string;
  readonly status?: readonly RunStatus[];
  readonly definition?: string;
  readonly session?: string;
  readonly root?: string;
  readonly parent?: string;
  readonly after?: string;
  readonly limit: number;
}

export interface RequestQuery {
  readonly tenant: string;
  readonly status?: readonly RequestStatus[];
  readonly kind?: readonly RequestKind[];
  readonly run?: string;
  readonly root?: string;
  readonly after?: string;
  readonly limit: number;
}
