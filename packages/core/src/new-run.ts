import type { RunKey } from './ids.ts';
import type { Json } from './json.ts';
import type { Budget } from './ledger.ts';
import type { Message } from './message.ts';
import type { RunRights } from './rights.ts';
import type { ParentLink, Run, RunKind } from './run.ts';
import type { Session } from './session.ts';
import type { TraceContext } from './trace-context.ts';
import type { TurnOptions } from './turn.ts';

/**
 * What a run meets whose session another run holds. `refuse`: it is not started. `queue`: it stands in the session's queue until its turn comes.
 * `steer`: the same, and the holder is told by a signal of kind `steer` and key = its id, and may absorb it before ({@link Commit.absorb}).
 * `withdraw`: the same, and all open requests of the holder's tree but interventions are withdrawn with the reason {@link SUPERSEDED}.
 */
export type WhenBusy = 'refuse' | 'queue' | 'steer' | 'withdraw';

/** All of them. */
export const WHEN_BUSY: readonly WhenBusy[] = ['refuse', 'queue', 'steer', 'withdraw'];

/** Why a request was withdrawn whose answer a new message has made needless. */
export const SUPERSEDED = 'superseded';

/** Hides the messages after one of them in the transaction that starts the run, which then goes on from there. Such a run never queues. */
export interface StartCut {
  /** Number of the last message that stays. */
  readonly after: number;
  /** Number of the thread's last message, as the caller knows it: refused with `THREAD_MOVED` when it is another. */
  readonly head: number;
}

/** A run to be started: by {@link Store.start}, or as a child by {@link Store.commit}. */
export interface NewRun {
  readonly key: RunKey;
  readonly kind: RunKind;
  readonly definition: string;
  readonly version: string;
  readonly input: Json;
  readonly inputHash: string;
  readonly context: Json;
  readonly priority: number;
  /** How its turn is to end; told to its function. */
  readonly turn?: TurnOptions;
  /** Whether somebody is there to answer requests. @default true */
  readonly attended?: boolean;
  /** Of a child: id of the workspace that it was given. @default none */
  readonly workspace?: string;
  /** @default none of its own */
  readonly rights?: RunRights;
  /** Its deadline is at most so long after its start, in milliseconds by the store's clock. @default none */
  readonly timeoutMs?: number;
  /** The session's thread becomes the run's; without it the run has a thread of its own. */
  readonly session?: { readonly id: string; readonly whenBusy: WhenBusy; readonly cut?: StartCut };
  /**
   * Enter the thread when the run becomes its session's active one, not before. Entry 1 tells their numbers, unless the run had to
   * stand in the queue: its journal is not touched when its turn comes.
   */
  readonly messages: readonly Message[];
  /**
   * Of a child: what its parent's thread shows up to this number is copied to the beginning of the child's own, in the commit that starts it and as far as its last
   * exchange of tool calls and results is closed. What the same commit appends is no part of it. Ids stay, and so do the blobs that it names. A commit copies at most {@link FORK_LIMIT} in all.
   */
  readonly history?: { readonly upTo: number };
  /** Hashes of blobs that input or messages name: used by the run, and by its session, from now on. */
  readonly blobs?: readonly string[];
  readonly root: string;
  /** Only of a child, which a commit of its parent starts. */
  readonly parent?: ParentLink;
  readonly depth: number;
  /** Opens a ledger, from which the run and all runs below it spend. What the first start of a run says holds: it is not compared. */
  readonly budget?: Budget;
  /** Where in a trace its caller stands; told by entry 1, compared with nothing. */
  readonly trace?: TraceContext;
}

/** `existing`: the same start again. `refused`: nothing was written, and `run` or `session` is what stands in the way. */
export type StartResult =
  | { readonly outcome: 'created' | 'existing'; readonly run: Run }
  | { readonly outcome: 'refused'; readonly code: 'RUN_INPUT_MISMATCH'; readonly run: Run }
  | { readonly outcome: 'refused'; readonly code: 'BLOB_UNKNOWN'; readonly blob: string }
  /** A message of that id is in the conversation, or waits in its queue. */
  | { readonly outcome: 'refused'; readonly code: 'MESSAGE_ID_TAKEN'; readonly message: string }
  | { readonly outcome: 'refused'; readonly code: 'THREAD_MOVED'; readonly head: number }
  | { readonly outcome: 'refused'; readonly code: 'SESSION_CUTS_FULL'; readonly session: Session }
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
