import type { StoredMessage } from '@prusik/core';

export interface WindowLimits {
  /** How many of the last messages of a user, and all that followed them. @default no limit */
  readonly turns?: number;
  /** Size of the messages as JSON text in UTF-8. @default 1 MiB */
  readonly bytes?: number;
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
  finish(): HistoryWindow;
}

/**
 * A window opens only where no tool call is open: a provider refuses a result without its call. An exchange that does not fit
 * is left out whole.
 *
 * @throws {TypeError} for a limit below 0.
 */
export function createWindow({ turns = Number.POSITIVE_INFINITY, bytes = WINDOW_BYTES }: WindowLimits): WindowBuilder {
  for (const [name, limit] of Object.entries({ turns, bytes })) {
    if (!(limit >= 0)) throw new TypeError(`The window's ${name} must be at least 0, not ${limit}`);
  }
  const taken: StoredMessage[] = [];
  /** Results that were taken and whose calls are older. */
  const callsWanted = new Set<string>();
  let size = 0;
  let turnsTaken = 0;
  /** How many of `taken` make a window that opens between exchanges. */
  let whole = 0;
  let full = turns === 0;
  let left = 0;

  return {
    add(stored) {
      size += Buffer.byteLength(JSON.stringify(stored.message));
      full ||= size > bytes;
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
    finish() {
      const messages = taken.slice(0, whole).toReversed();
      // Numbers have no gaps and begin at 1.
      return { messages, truncated: left > 0 || (messages[0]?.n ?? (taken.length > 0 ? 2 : 1)) > 1 };
    },
  };
}
