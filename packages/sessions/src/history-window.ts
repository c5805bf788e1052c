import type { Message, StoredMessage } from '@prusik/core';

/** How much of the end of a history is read. */
export interface WindowLimits {
  /** How many of the last messages of a user, and all that followed them. @default no limit */
  readonly turns?: number;
  /** Size of the messages as JSON text in UTF-8. @default 1 MiB */
  readonly bytes?: number;
  /** Sum of what `countTokens` says of each message. @default no limit */
  readonly tokens?: number;
  /**
   * Tokens of one message, as the caller's model counts them; needed for `tokens`. Called once for each message that is looked at, newest
   * first. What is not a number from 0 on is a `TypeError`.
   */
  readonly countTokens?: (message: Message) => number;
}

/** The end of a conversation. */
export interface HistoryWindow {
  /** Oldest first. */
  readonly messages: readonly StoredMessage[];
  /** There are older messages that the limits left out. */
  readonly truncated: boolean;
}

const WINDOW_BYTES = 1_048_576;

/** Takes messages from the newest to older ones, until the limits are met. */
export interface WindowBuilder {
  /** Says whether older messages may still be taken. */
  add(stored: StoredMessage): boolean;
  /** `older`: there are messages before the last one that was added. */
  finish(older: boolean): HistoryWindow;
}

/**
 * A window opens only where no tool call is open: a provider refuses a result without its call. An exchange that does not fit
 * is left out whole.
 *
 * @throws {TypeError} for a limit below 0, and for `tokens` without `countTokens`.
 */
export function createWindow({
  turns = Number.POSITIVE_INFINITY,
  bytes = WINDOW_BYTES,
  tokens = Number.POSITIVE_INFINITY,
  countTokens,
}: WindowLimits): WindowBuilder {
  for (const [name, limit] of Object.entries({ turns, bytes, tokens })) {
    if (!(limit >= 0)) throw new TypeError(`The window's ${name} must be at least 0, not ${limit}`);
  }
  if (tokens !== Number.POSITIVE_INFINITY && countTokens === undefined)
    throw new TypeError('A window of tokens needs countTokens, which counts those of one message');
  const taken: StoredMessage[] = [];
  /** Results that were taken and whose calls are older. */
  const callsWanted = new Set<string>();
  let size = 0;
  let tokensTaken = 0;
  let turnsTaken = 0;
  /** How many of `taken` make a window that opens between exchanges. */
  let whole = 0;
  let full = turns === 0;
  let left = 0;

  return {
    add(stored) {
      size += Buffer.byteLength(JSON.stringify(stored.message));
      full ||= size > bytes;
      // Counting may be slow: not for a message that is left out anyway.
      if (!full && countTokens !== undefined) {
        tokensTaken += checkedTokens(countTokens(stored.message));
        full = tokensTaken > tokens;
      }
      if (full) {
        left += 1;
        return false;
      }
      taken.push(stored);
      // Parts from the last to the first: a provider-executed call and its result may be in one message.
      for (const part of stored.message.content.toReversed()) {
        if (part.type === 'tool-result') callsWanted.add(part.callId);
        if (part.type === 'tool-call') callsWanted.delete(part.callId);
      }
      if (callsWanted.size === 0) whole = taken.length;
      if (stored.message.kind === 'user' && callsWanted.size === 0) turnsTaken += 1;
      full = turnsTaken >= turns;
      return !full;
    },
    finish(older) {
      return { messages: taken.slice(0, whole).toReversed(), truncated: older || left > 0 || whole < taken.length };
    },
  };
}

/** A count that is no number would let everything in: no sum with it is past a limit. */
function checkedTokens(count: number): number {
  if (!(count >= 0)) throw new TypeError(`countTokens must give a number of at least 0, not ${count}`);
  return count;
}
