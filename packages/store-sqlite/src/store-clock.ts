import type Database from 'better-sqlite3';
import { wallTime, type Clock } from '@prusik/core';

/** The row may be so far, in milliseconds, behind the last commit: it is a page, which not every commit has to write. */
const KEPT_EVERY_MS = 1_000;

/** The file's clock: the caller's, but never behind what this store has said, what the file keeps, or what it has read of a run. */
export interface StoreClock {
  /** Inside a transaction what the file keeps is exact. */
  read(): number;
  /** A row that was read says that it was this late; past `now` the transaction that read it is behind. */
  learn(at: number): void;
  isBehind(now: number): boolean;
  /** Stores the time of a transaction that has written, if it is a second since that was done. */
  keep(now: number): void;
  /** Stores what `keep` has left out. */
  keepLast(): void;
}

export function createStoreClock(db: Database.Database, clock: Pick<Clock, 'now'>): StoreClock {
  const stored = db.prepare<[], number>('select at from clock').pluck();
  const store = db.prepare('update clock set at = ? where at < ?');
  let latest = Number.NEGATIVE_INFINITY;
  let storedAt = Number.NEGATIVE_INFINITY;
  let writtenAt = Number.NEGATIVE_INFINITY;
  return {
    read() {
      storedAt = stored.get() ?? 0;
      latest = Math.max(latest, wallTime(clock), storedAt);
      return latest;
    },
    learn(at) {
      if (at > latest) latest = at;
    },
    isBehind: (now) => latest > now,
    keep(now) {
      writtenAt = now;
      if (now - storedAt >= KEPT_EVERY_MS) store.run(now, now);
    },
    keepLast: () => void store.run(writtenAt, writtenAt),
  };
}
