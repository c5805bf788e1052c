import type { BlobInfo } from '../blob.ts';
import type { Entry, EntryBody } from '../entry.ts';
import type { Grant, GrantKey, GrantQuery } from '../grant.ts';
import type { Imported } from '../import-mark.ts';
import type { RequestRef, RunKey, SessionKey } from '../ids.ts';
import type { Ledger } from '../ledger.ts';
import type { Message, StoredMessage, ThreadKey } from '../message.ts';
import type { NewRequest, Request } from '../request.ts';
import type { FinalStatus, ParentLink, Run, RunStatus } from '../run.ts';
import type { Session, SessionFork, SessionLife, SessionQuery, ThreadCut } from '../session.ts';
import type { ClaimQuery } from '../claim.ts';
import type { RunOutcome } from '../commit.ts';
import type { NewRun } from '../new-run.ts';
import type { NewNote, Note, NoteQuery } from '../note.ts';
import type { Page, PageAfter, PageBefore, TextPage } from '../page.ts';
import type { StoreHealth } from '../store-health.ts';
import type { Place } from './place.ts';
import type { RequestQuery } from '../request.ts';
import type { RunQuery, RunSummary } from '../run.ts';
import type { Signal, SignalKind } from '../signal.ts';
import type { SlotChange, StoredSlot } from '../slot.ts';

/**
 * What a transaction needs to know of a run, without its bodies: read in every commit, so it stays small.
 * A snapshot: writes through {@link StoreTables} do not show in one that was read before.
 */
export interface RunState {
  readonly key: RunKey;
  /** The store's own number of the run; rises with creation. */
  readonly number: number;
  readonly definition: string;
  readonly version: string;
  readonly inputHash: string;
  readonly session?: string;
  readonly root: string;
  readonly parent?: ParentLink;
  readonly depth: number;
  readonly priority: number;
  readonly status: RunStatus;
  readonly epoch: number;
  /** Last entry of the journal, and its time. */
  readonly seq: number;
  readonly at: number;
  /** Last signal of the inbox, and the last that a holder is known to have read. */
  readonly inbox: number;
  readonly seen: number;
  /** Leases lost since the last committed step. */
  readonly lost: number;
  /** `told`: the claim that came after it said so, so its holder knows. */
  readonly cancel: 'none' | 'asked' | 'told';
  /** Stands behind another run of its session; its messages are not in the thread yet. */
  readonly inQueue: boolean;
  /** The holder of its session may absorb it while it stands in the queue. */
  readonly steers: boolean;
  /** Set exactly while it is `queued` and may be claimed. */
  readonly readyAt: number | null;
  readonly wakeAt: number | null;
  readonly leaseUntil: number | null;
  readonly worker: string | null;
  readonly endedAt: number | null;
  /** Of its rights. */
  readonly deadlineAt: number | null;
  readonly blocked: { readonly code: string; readonly request: string } | null;
  /** Its journal and inbox are read as empty, and `seq`, `at` and `inbox` are what they were. */
  readonly compactedAt: number | null;
}

/** A session as a transaction sees it. */
export interface SessionState {
  readonly key: SessionKey;
  readonly state: SessionLife;
  readonly activeRun: string | null;
  /** Messages up to this number were replaced: no read shows them, and the thread goes on after it. */
  readonly threadFloor: number;
}

/** What a list that depends on the time is asked with. */
export interface At {
  readonly now: number;
}

/** A query of grants with what `run` means resolved: those of one of `holders`, where they are given. */
export interface GrantListing extends Omit<GrantQuery, 'run' | 'session'>, At {
  readonly holders?: readonly Grant['scope'][];
}

/** A grant before the store has given it an id. */
export type NewGrantRow = Omit<Grant, 'id'>;

/** A root that has ended: as little of it as decides whether it is removed. It stands among those of its tenant by the time of its end. */
export interface EndedRoot extends Place {
  readonly key: RunKey;
  readonly definition: string;
  readonly status: FinalStatus;
  readonly session?: string;
  readonly compacted: boolean;
}

/** A page of ended roots; `after` is a place that need not be any root's. */
export interface EndedRootQuery {
  readonly tenant: string;
  readonly newestFirst: boolean;
  readonly after: Place | undefined;
  readonly limit: number;
}

/** The port's reads, as they are inside the store: synchronous, arguments checked. */
export interface StoreReads {
  state(key: RunKey): RunState | undefined;
  run(key: RunKey): Run | undefined;
  entries(run: RunKey, page: PageAfter): readonly Entry[];
  inbox(run: RunKey, page: PageAfter): readonly Signal[];
  /** Hidden ones too; `within`: only numbers between the two. */
  messages(
    thread: ThreadKey,
    page: PageAfter | PageBefore,
    within?: { readonly after: number; readonly before: number },
  ): readonly StoredMessage[];
  /** The last one of this id, hidden or not, but not of those that were replaced. */
  message(thread: ThreadKey, id: string): StoredMessage | undefined;
  /** By name. */
  slots(owner: ThreadKey): readonly StoredSlot[];
  /** In their order. */
  cuts(session: SessionKey): readonly ThreadCut[];
  /** What is kept back while the run stands in a queue. */
  queuedMessages(run: RunKey): readonly Message[];
  threadHead(thread: ThreadKey): number;
  ledger(run: RunKey): Ledger | undefined;
  session(key: SessionKey): Session | undefined;
  listSessions(query: SessionQuery): Page<Session>;
  listRuns(query: RunQuery): Page<RunSummary>;
  listNotes(query: NoteQuery): Page<Note>;
  /** As it was written: that its time is past is seen above. */
  request(run: RunKey, id: string): Request | undefined;
  /** Open ones whose time is past at `now` count as expired, and are given as they were written. */
  listRequests(query: RequestQuery & At): Page<Request>;
  grant(key: GrantKey): Grant | undefined;
  listGrants(query: GrantListing): Page<Grant>;
  /** Roots that have ended, by the time of it, then by number: the longest ended first, or the last. */
  endedRoots(query: EndedRootQuery): readonly EndedRoot[];
  /** Bytes of the JSON texts of a tree's runs: of what a compaction takes, or of everything that is theirs. */
  treeBytes(root: RunKey, of: { readonly whole: boolean }): number;
  blob(tenant: string, hash: string): BlobInfo | undefined;
  /** By hash, which is the cursor. */
  blobsOf(owner: ThreadKey, page: TextPage): Page<BlobInfo>;
  /** By name, which is the cursor. */
  tenants(page: TextPage): Page<string>;
  health(at: At): StoreHealth;
  /** Whether any tenant has these bytes. */
  hasBlob(hash: string): boolean;
}

/** A blob as a sweep sees it. */
export interface BlobState extends BlobInfo {
  /** The store's own number of it; rises with the first put. */
  readonly number: number;
  /** Some run or session uses it. */
  readonly used: boolean;
}

/**
 * Everything that a transaction may do to the rows. It follows from the arguments and the rows alone: whoever repeats all calls in their order
 * has the same rows again, with the same numbers. All arguments are JSON.
 */
export interface StoreWrites {
  insertRun(run: NewRun, state: Omit<RunState, 'number'>): void;
  /** Writes everything of `state` that a transition may change; journal and inbox grow by the methods below. */
  saveRun(state: RunState): void;
  saveResult(run: RunState, result: RunOutcome & { readonly absorbedBy?: string }): void;

  /** That the owner of the thread, a run or a session, is a record of another store. */
  saveImported(owner: ThreadKey, imported: Imported): void;

  /** Numbers them from `from` on. Their time may be long ago, and that of the store stays what it is. */
  appendEntries(run: RunState, from: number, at: number, entries: readonly EntryBody[]): void;
  /** Numbers them from `from` on, which is 1 in a thread that has none, unless it is a record's. */
  appendMessages(thread: ThreadKey, from: number, messages: readonly Message[]): void;
  /** The messages that were kept back because the run stood in a queue; they are kept no longer. */
  takeQueuedMessages(run: RunState): readonly Message[];
  appendSignal(run: RunState, signal: Signal): void;
  /** Each for its owner (`ownerOfNote`). */
  appendNotes(run: RunState, at: number, notes: readonly NewNote[]): void;
  /** Of the owner of the thread. */
  saveSlots(owner: ThreadKey, changes: readonly SlotChange[]): void;

  insertRequest(run: RunState, request: NewRequest, openedAt: number): void;
  /** Writes status, decision and claim. */
  saveRequest(run: RunState, request: Request): void;

  insertGrant(grant: NewGrantRow): void;
  /** Writes `revoked`. */
  saveGrant(grant: Grant): void;

  saveLedger(run: RunKey, ledger: Ledger): void;
  /** So many more runs were taken over from lost workers. */
  addRecoveries(count: number, at: number): void;

  /** Adds it, or moves `storedAt` of the tenant's blob of this hash. */
  saveBlob(tenant: string, blob: BlobInfo): void;
  /** By the run, and by its session where it has one; twice is once. */
  useBlobs(run: RunState, hashes: readonly string[]): void;
  /** By the run alone. */
  useOwnBlobs(run: RunState, hashes: readonly string[]): void;
  /** The session uses these and no others; its runs go on using theirs. */
  setSessionBlobs(session: SessionState, hashes: readonly string[]): void;
  removeBlob(blob: BlobState): void;

  insertSession(session: SessionState, createdAt: number, forkedFrom?: SessionFork): void;
  saveSession(session: SessionState): void;
  /** In the place of all that there are. */
  saveCuts(session: SessionState, cuts: readonly ThreadCut[]): void;

  /**
   * From now on nobody finds its journal, its inbox, its own thread, its slots, and its notes but for artifacts; of blobs it uses these and no others. It has ended,
   * so nothing of that is written any more.
   */
  compactRun(run: RunState, at: number, blobs: readonly string[]): void;
  /** Deletes up to about `rows` rows of what compacted runs had, whoever compacted them, and says whether there may be more. */
  deleteCompacted(rows: number): boolean;
  /** From now on nobody finds the run or anything of it, and its name is free. */
  hideRun(run: RunState): void;
  /** The same for a session and its messages; its runs are hidden by themselves. */
  hideSession(session: SessionState): void;
  /** Deletes up to about `rows` rows of what is hidden, whoever hid it, and says whether there may be more. */
  deleteHidden(rows: number): boolean;
  /** The same for messages below a session's floor. */
  deleteReplaced(session: SessionKey, rows: number): boolean;
}

/** The names of all of them: what a store that keeps calls has to keep. */
export const STORE_WRITES: readonly (keyof StoreWrites)[] = Object.keys({
  insertRun: true,
  saveRun: true,
  saveResult: true,
  saveImported: true,
  appendEntries: true,
  appendMessages: true,
  takeQueuedMessages: true,
  appendSignal: true,
  appendNotes: true,
  saveSlots: true,
  insertRequest: true,
  saveRequest: true,
  insertGrant: true,
  saveGrant: true,
  saveLedger: true,
  addRecoveries: true,
  saveBlob: true,
  useBlobs: true,
  useOwnBlobs: true,
  setSessionBlobs: true,
  removeBlob: true,
  insertSession: true,
  saveSession: true,
  saveCuts: true,
  compactRun: true,
  deleteCompacted: true,
  hideRun: true,
  hideSession: true,
  deleteHidden: true,
  deleteReplaced: true,
} satisfies Record<keyof StoreWrites, true>) as (keyof StoreWrites)[];

/**
 * The rows of a store, inside one transaction. It keeps and finds; what is allowed and what follows from what is
 * decided once, above it, so that two stores cannot differ in meaning.
 *
 * The iterables are read to their end or abandoned before the first write that follows.
 */
export interface StoreTables extends StoreReads, StoreWrites {
  findSignal(run: RunState, kind: SignalKind, key: string): Signal | undefined;
  hasSignalAfter(run: RunState, n: number, kinds: readonly SignalKind[]): boolean;

  openRequests(run: RunState): readonly Request[];
  requestCount(run: RunState): number;
  /** Of a session, or of a run that is in none; of one kind, where it is named. */
  noteCount(owner: ThreadKey, kind?: string): number;
  usesBlobs(run: RunState): boolean;

  /** Blobs of all tenants with `number > after`, by number. */
  blobsAfter(after: number, limit: number): readonly BlobState[];

  sessionState(key: SessionKey): SessionState | undefined;
  queueLength(session: SessionKey): number;
  /** The session's oldest run that stands in its queue and was not asked to cancel. */
  firstInQueue(session: SessionKey): RunState | undefined;

  /** All runs of a tree, its root among them. */
  treeOf(root: RunKey): Iterable<RunState>;
  /** Every run that was started in the session, but not their children. */
  runsOfSession(key: SessionKey): Iterable<RunState>;
  /** The session's newest run that was not absorbed into another. */
  lastOfSession(key: SessionKey): RunState | undefined;

  /** Ready runs that the query may take, by priority (highest first), `readyAt`, number. May yield more, which the caller filters. */
  ready(query: ClaimQuery): Iterable<RunState>;
  /** Parked runs with a timer, by its time. */
  timers(query: ClaimQuery): Iterable<RunState>;
  /**
   * Held runs, by the end of the lease. A store that can prove a holder dead ends its leases at `now` before it looks, which is the only write
   * that is not asked for from above.
   */
  leases(query: ClaimQuery, now: number): Iterable<RunState>;
  /** Live runs with a deadline, by its time, but for those that are blocked or stand in a session's queue; of any definition. */
  deadlines(query: ClaimQuery): Iterable<RunState>;
}

/** One transaction: its rows, its time, and whom to tell once it is committed. */
export interface StoreTransaction {
  readonly tables: StoreTables;
  /** The store's clock: the same for everything in the transaction, never lower than in an earlier one. */
  readonly now: number;
  readonly news: News;
}

/** Collected in the transaction, told after it, thrown away with it. */
export interface News {
  run(run: RunKey, why: 'commit' | 'signal' | 'end', written?: () => readonly Entry[]): void;
  /** A run of this tree may have become claimable, or a timer of it was set. */
  queue(root: RunKey): void;
  /** It was opened, decided or used. */
  request(request: RequestRef): void;
  /** Requests of the tenant were removed. */
  requestsRemoved(tenant: string): void;
}
