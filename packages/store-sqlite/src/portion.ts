import type Database from 'better-sqlite3';
import { prepareQuery } from './prepare-query.ts';

export type Write = (statement: Database.Statement<unknown[]>, ...values: unknown[]) => Database.RunResult;

/** Rows that one statement deletes. A large one takes a third of a millisecond, so time is looked at between statements. */
export const ROWS_A_STATEMENT = 50;
const MAX_WORK_MS = 5;

/** Deletes some of the rows that match; its last value is how many. */
export function prepareDelete(db: Database.Database, table: string, where: string): Database.Statement<unknown[]> {
  return prepareQuery(db, `delete from ${table} where rowid in (select rowid from ${table} where ${where} limit ?)`);
}

/** What one transaction may delete, by rows and by time. */
export interface Portion {
  add(rows: number): void;
  /** Calls it, which deletes up to {@link ROWS_A_STATEMENT} rows, until it has no more; false when the portion was full before. */
  drain(deleteSome: () => number): boolean;
}

export function startPortion(rows: number): Portion {
  const until = performance.now() + MAX_WORK_MS;
  let left = rows;
  const isFull = (): boolean => left <= 0 || performance.now() > until;
  return {
    add(deleted) {
      left -= deleted;
    },
    drain(deleteSome) {
      let deleted = ROWS_A_STATEMENT;
      while (deleted === ROWS_A_STATEMENT && !isFull()) left -= deleted = deleteSome();
      return deleted < ROWS_A_STATEMENT;
    },
  };
}
