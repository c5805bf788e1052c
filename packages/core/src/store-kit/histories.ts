import { cutPoints } from '../compaction.ts';
import type { Message } from '../message.ts';
import type { NewRun } from '../new-run.ts';
import { copiedMessages, copyRoom } from './copied-messages.ts';
import { threadOf } from './rows.ts';
import type { RunState, StoreReads } from './tables.ts';

/** What new children take over of their parent's thread, by their ids. */
export type Histories = ReadonlyMap<string, readonly Message[]>;

/** Read before anything is written, so that what would not fit refuses the commit. One room for all: a transaction holds everybody up. */
export function historiesOf(
  reads: StoreReads,
  parent: RunState,
  children: readonly NewRun[],
): Histories | 'HISTORY_TOO_LARGE' | 'MESSAGE_ID_TAKEN' {
  const room = copyRoom();
  const found = new Map<string, readonly Message[]>();
  for (const { key, history, messages } of children) {
    if (history === undefined) continue;
    const copied = copiedMessages(reads, threadOf(parent), history.upTo, room);
    if (copied === undefined) return 'HISTORY_TOO_LARGE';
    const closed = copied.slice(0, cutPoints(copied).lastIndexOf(true) + 1);
    const ids = new Set(closed.map(({ id }) => id));
    if (messages.some(({ id }) => ids.has(id))) return 'MESSAGE_ID_TAKEN';
    found.set(key.run, closed);
  }
  return found;
}
