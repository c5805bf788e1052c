import type { RunKey } from './ids.ts';
import type { RunEvent } from './live-event.ts';

/**
 * How far the events of a run's tree were read: the last `seq` of the root, and of every run below it that was begun and has not ended. Plain
 * JSON by run id, to be stored and handed in again in any process.
 */
export type EventCursor = Readonly<Record<string, number>>;

/** The cursor after one more event. An entry that it is past already leaves it as it is. */
export function advanceCursor(root: RunKey, cursor: EventCursor, event: RunEvent): EventCursor {
  if (event.live) return cursor;
  const { entry } = event;
  const { run } = event.run;
  if (entry.seq <= cursorOf(cursor, run)) return cursor;
  // Through pairs, because an id may be any text, `__proto__` too.
  const seen = new Map(Object.entries(cursor));
  if (entry.type === 'run-end' && run !== root.run) seen.delete(run);
  else seen.set(run, entry.seq);
  if (entry.type === 'wait-start' && entry.child !== undefined && !seen.has(entry.child)) seen.set(entry.child, 0);
  return Object.fromEntries(seen);
}

/** The last `seq` of `run` that was read. */
export function cursorOf(cursor: EventCursor, run: string): number {
  return Object.hasOwn(cursor, run) ? (cursor[run] ?? 0) : 0;
}
