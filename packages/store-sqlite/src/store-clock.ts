import type Database from 'better-sqlite3';
import { wallTime, type Clock } from '@prusik/core';
import { FILE_TIME } from './appended.ts';

/** The file's clock: the caller's, but never behind what any process has written into this file. */
export interface StoreClock {
  /** Inside a transaction, so that no other process is at it. */
  read(): number;
  /** Stores the time of a transaction whose rows do not show it. */
  keep(now: number): void;
}

export function createStoreClock(db: Database.Database, clock: Pick<Clock, 'now'>): StoreClock {
  // The last row has the time of the transaction that wrote it, so a step has no clock to write.
  const highest = db.prepare<[], number>(`select ${FILE_TIME}`).pluck();
  const keep = db.prepare('update clock set at = ? where at < ?');
  let latest = Number.NEGATIVE_INFINITY;
  return {
    read() {
      latest = Math.max(latest, wallTime(clock), highest.get() ?? 0);
      return latest;
    },
    keep: (now) => void keep.run(now, now),
  };
}
