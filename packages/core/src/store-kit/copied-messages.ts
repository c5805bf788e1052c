import type { Message, ThreadKey } from '../message.ts';
import { FORK_LIMIT } from '../session.ts';
import { readMessages } from './cut-messages.ts';
import type { StoreReads } from './tables.ts';

/** How much one write may still copy. */
export interface CopyRoom {
  messages: number;
  bytes: number;
}

export const copyRoom = (): CopyRoom => ({ ...FORK_LIMIT });

/** What a thread shows up to a number; `undefined` where there is no room for so much. */
export function copiedMessages(
  reads: StoreReads,
  thread: ThreadKey,
  upTo: number,
  room: CopyRoom,
): readonly Message[] | undefined {
  // One more than may be tells that there are too many.
  const page = { before: upTo + 1, limit: room.messages + 1 };
  const messages = readMessages(reads, thread, page).map(({ message }) => message);
  return takeRoom(messages, room) ? messages : undefined;
}

function takeRoom(messages: readonly Message[], room: CopyRoom): boolean {
  room.messages -= messages.length;
  room.bytes -= Buffer.byteLength(JSON.stringify(messages));
  return room.messages >= 0 && room.bytes >= 0;
}
