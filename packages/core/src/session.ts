import type { SessionKey } from './ids.ts';
import type { Message } from './message.ts';
import type { Run } from './run.ts';

/** A session takes runs while it is `open`, ends while it is `closing`, and holds none once it is `closed`. It never goes back. */
export type SessionLife = 'open' | 'closing' | 'closed';

export const SESSION_LIVES: readonly SessionLife[] = ['open', 'closing', 'closed'];

/** A conversation, as the store shows it. Its messages are a thread of their own. */
export interface Session {
  readonly key: SessionKey;
  readonly state: SessionLife;
  readonly activeRun?: string;
  /** Oldest first. */
  readonly queue: readonly string[];
  readonly createdAt: number;
}

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
