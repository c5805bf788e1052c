import type { SessionKey } from './ids.ts';
import type { Imported } from './import-mark.ts';
import type { Message } from './message.ts';
import type { ListOrder, Run } from './run.ts';

/** A session takes runs while it is `open`, ends while it is `closing`, and holds none once it is `closed`. It never goes back. */
export type SessionLife = 'open' | 'closing' | 'closed';

/** All states of a session, in their order. */
export const SESSION_LIVES: readonly SessionLife[] = ['open', 'closing', 'closed'];

/** A conversation, as the store shows it. Its messages are a thread of their own. */
export interface Session {
  readonly key: SessionKey;
  readonly state: SessionLife;
  readonly activeRun?: string;
  /** Oldest first. */
  readonly queue: readonly string[];
  readonly createdAt: number;
  /** Messages that are on record and hidden, oldest first; no two touch. */
  readonly cuts: readonly ThreadCut[];
  /** Where its first messages were copied from. */
  readonly forkedFrom?: SessionFork;
  /** It is the record of a session of another store. */
  readonly imported?: Imported;
}

/** Messages from one number to another, both included, that are no part of the conversation any more. */
export interface ThreadCut {
  readonly from: number;
  readonly to: number;
}

/** A conversation up to one of its messages. */
export interface SessionFork {
  readonly session: string;
  /** Number of the last message that was copied, in its own thread. */
  readonly n: number;
}

/** Cuts of one session, at most; cuts that touch are one. */
export const SESSION_CUT_LIMIT = 100;

/** What one fork copies, at most: messages, and bytes of their JSON text. */
export const FORK_LIMIT: { readonly messages: number; readonly bytes: number } = {
  messages: 10_000,
  bytes: 16 * 1_048_576,
};

/** A run that stands in the queue and may be absorbed by the run that holds the session. */
export interface SteeredRun {
  readonly run: string;
  readonly messages: readonly Message[];
}

/** What one look at steered runs shows at most: bytes of their messages as JSON text, and messages. What does not fit waits. */
export const STEERED_LIMIT: { readonly bytes: number; readonly messages: number } = {
  bytes: 2 * 1_048_576,
  messages: 200,
};

/** Sessions of one tenant; `after` is a page's `next`. */
export interface SessionQuery {
  readonly tenant: string;
  readonly state?: readonly SessionLife[];
  /** Created at that time or later, by the store's clock. */
  readonly since?: number;
  /** Created earlier than that time. */
  readonly before?: number;
  /** @default 'newest' */
  readonly order?: ListOrder;
  readonly after?: string;
  readonly limit: number;
}

/** What became of a move. */
export type MoveSessionResult =
  /** `already`: it was there before, or past it. */
  | { readonly outcome: 'moved' | 'already'; readonly session: Session }
  /** A run holds the session or stands in its queue, so it cannot be `closed` yet. */
  | { readonly outcome: 'busy'; readonly session: Session }
  /** No run was ever started in it. */
  | { readonly outcome: 'unknown' };

/** What became of a cut; it is all there or nothing. */
export type CutResult =
  | { readonly outcome: 'cut'; readonly session: Session }
  /** The thread's last message is not the expected one. */
  | { readonly outcome: 'moved'; readonly head: number }
  /** `run` holds the session, or is the first in its queue. */
  | { readonly outcome: 'busy'; readonly run: Run }
  /** `full`: it would have more than {@link SESSION_CUT_LIMIT}. `closed`: the session is `closing` or `closed`. */
  | { readonly outcome: 'full' | 'closed' | 'unknown' };

/** What became of a fork; it is all there or nothing. */
export type ForkResult =
  /** `existing`: the same fork was made before. */
  | { readonly outcome: 'forked' | 'existing'; readonly session: Session }
  /** There is another session of that name. */
  | { readonly outcome: 'taken'; readonly session: Session }
  /**
   * `too-large`: more than {@link FORK_LIMIT}. `unknown`: there is no session to copy from. `redacted`: what there is of it is not what was said, so no
   * conversation goes on from it.
   */
  | { readonly outcome: 'too-large' | 'unknown' | 'redacted' };

/** What became of a replacement; it is all there or nothing. */
export type ReplaceResult =
  /** `head` is the number of the thread's last message from now on. */
  | { readonly outcome: 'replaced'; readonly head: number }
  /** The thread's last message is not the expected one. */
  | { readonly outcome: 'moved'; readonly head: number }
  /** `run` holds the session, or is the first in its queue. */
  | { readonly outcome: 'busy'; readonly run: Run }
  /** `closed`: the session is `closing` or `closed`. */
  | { readonly outcome: 'closed' | 'unknown' }
  /** A message names a blob that is not there. */
  | { readonly outcome: 'blob-unknown'; readonly blob: string };
