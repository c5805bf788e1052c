import type { PartialReason } from './partial.ts';
import type { Lease } from './claim.ts';
import type { EntryBody } from './entry.ts';
import type { SerializedError } from './serialize-error.ts';
import type { RunKey } from './ids.ts';
import type { Json } from './json.ts';
import type { LedgerChange, NoRoom } from './ledger.ts';
import type { Message } from './message.ts';
import type { NewRun } from './new-run.ts';
import type { NewNote } from './note.ts';
import type { NewRequest } from './request.ts';
import type { FinalStatus } from './run.ts';
import type { SlotChange } from './slot.ts';

/** What the holder of a lease writes at once, all or nothing. */
export interface Commit extends Lease {
  readonly entries: readonly EntryBody[];
  /** A step or wait ended, so the run is healthy: clears the count of lost leases. */
  readonly progress: boolean;
  /** `from` is the thread's next number; refused with `THREAD_MOVED` when it is not. */
  readonly messages?: { readonly from: number; readonly items: readonly Message[] };
  /**
   * Ids of runs that were steered to this one ({@link Store.steered}) and whose messages are among `messages`: they end with this commit, as
   * completed and `absorbedBy` this run. Refused with `STEER_WITHDRAWN` where one of them does not wait for it any more.
   */
  readonly absorb?: readonly string[];
  /**
   * Of the run's session, or of the run where it has none; artifacts are the run's in any case. The bytes of one are used by the run from now on: refused with
   * `BLOB_UNKNOWN` where they are not there.
   */
  readonly notes?: readonly NewNote[];
  /** Hashes of blobs that entries or messages name: used by the run, and by its session, from now on. Refused with `BLOB_UNKNOWN` where one is not there. */
  readonly blobs?: readonly string[];
  /**
   * Started with it, in no session. One that exists is the same child again, whatever its budget, or refuses the commit with `RUN_INPUT_MISMATCH`. New ones
   * use up `runs` of every ledger on the way to the root, or refuse the commit with `BUDGET_EXCEEDED`. What they copy of this run's thread
   * ({@link NewRun.history}) is refused with `HISTORY_TOO_LARGE` past {@link FORK_LIMIT} in all, and with `MESSAGE_ID_TAKEN` where one brings a message of an id that is in it.
   */
  readonly children?: readonly NewRun[];
  /** Children of this run that are asked to cancel: a signal of kind and key `cancel`. One that has ended, or is asked already, stays as it is. */
  readonly cancel?: readonly ChildCancel[];
  readonly requests?: readonly NewRequest[];
  /** Changes of the slots of the run's session, or of its own where it has none. Refused with `TOO_MANY_SLOTS` past {@link SLOT_LIMIT}. */
  readonly slots?: readonly SlotChange[];
  /** Requests of this run that are withdrawn if they are still open: a decision like any other, with its signal to this run. */
  readonly closeRequests?: readonly { readonly id: string; readonly reason?: string }[];
  /** Decided requests whose single use is taken; refused with `REQUEST_CLAIMED` unless approved or edited and unclaimed. */
  readonly claimRequests?: readonly string[];
  /** Of every ledger on the way from the run up to its root, all or none. Where there is none nothing is limited, and nothing is counted. */
  readonly ledger?: LedgerChange;
  /** Last signal that the holder has read. `park` and `block` need it: it is what closes the gap between looking and sleeping. */
  readonly seen?: number;
  /** Refused with `TOO_EARLY` while the store's clock is below it. */
  readonly notBefore?: number;
  /** Without it the holder goes on. */
  readonly transition?: Transition;
}

/** A child that is asked to cancel. */
export interface ChildCancel {
  readonly run: RunKey;
  /** Stands in the child's error. */
  readonly reason: string;
}

/** What becomes of the run with the commit. Each lets go of the lease. */
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
   * Ends the run: releases the lease, withdraws its open requests (reason `run-ended`), hands its session to the next queued run (whose messages enter the
   * thread now; one that is asked to cancel is passed over) and puts a signal of kind `child` and key = run id, with {@link ChildEnd} as its body, into its parent's inbox.
   */
  | ({ readonly type: 'end' } & RunOutcome);

/** How a run ended, and what it has to show for it. */
export interface RunOutcome {
  readonly status: FinalStatus;
  readonly output?: Json;
  /** The output is not whole. */
  readonly partial?: PartialReason;
  readonly error?: SerializedError;
}

/** Body of the signal that a parent gets. */
export interface ChildEnd extends RunOutcome {
  /** In place of an output, and of what is partial about it, that is larger than the parent takes; in bytes of its JSON text. The whole is the run's output. */
  readonly tooLarge?: { readonly bytes: number; readonly limit: number };
}

/** `committed`: all of it is there. `stale` and `refused`: nothing of it. */
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
      /** With `BUDGET_EXCEEDED`: the ledger is that of this run. The outermost that can never grant it, else the outermost that cannot yet. */
      readonly noRoom?: NoRoom & { readonly run: string };
      readonly now: number;
    };

/** Why a commit of the holder was refused. They are looked for in the order that {@link Store.commit} names. */
export type CommitRefusal =
  | 'BUDGET_EXCEEDED'
  | 'TOO_EARLY'
  | 'THREAD_MOVED'
  | 'STEER_WITHDRAWN'
  | 'REQUEST_CLAIMED'
  | 'TOO_MANY_REQUESTS'
  | 'TOO_MANY_SLOTS'
  | 'RUN_INPUT_MISMATCH'
  | 'BLOB_UNKNOWN'
  | 'HISTORY_TOO_LARGE'
  | 'MESSAGE_ID_TAKEN'
  | 'JOURNAL_FULL';

/** What one write hands in, at most, in bytes of its JSON text; more rejects with `WRITE_TOO_LARGE`, and nothing is written. */
export const WRITE_LIMIT: number = 16 * 1_048_576;

/** Entries, messages, notes, children or requests of one write, at most, each counted for itself; more rejects with `WRITE_TOO_LARGE`. */
export const WRITE_ITEMS_LIMIT = 1_000;

/** Entries of one run, at most; a commit that would go past is refused with `JOURNAL_FULL`, unless it ends, blocks or unblocks the run. */
export const JOURNAL_LIMIT = 100_000;
