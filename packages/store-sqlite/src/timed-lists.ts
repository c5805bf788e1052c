import type Database from 'better-sqlite3';
import {
  boundsBehind,
  pageBounds,
  placeCursor,
  type Page,
  type PageBounds,
  type Place,
  type RunQuery,
} from '@prusik/core';
import type { Condition } from './conditions.ts';
import { mergePlaces, type ReadPlaces } from './merge-places.ts';
import { inOneState, prepareQuery } from './prepare-query.ts';

type Value = string | number;
type TimedQuery = Pick<RunQuery, 'since' | 'before' | 'order' | 'after' | 'limit'>;

/** A stretch of one index in which the columns in front of the time are given, so that what matches is in the order of the time. */
export interface Range {
  readonly table: string;
  readonly index: string;
  /** The column of the time. */
  readonly time: string;
  /** What is given, and what has to be looked at in the rows. */
  readonly conditions: readonly Condition[];
}

/**
 * Lists that go by time. None is one statement: the planner would take one index for all values of a condition, and sort. So each range of an index is
 * read in its order, no further than the page needs it, and what was read is merged. There is one statement for each index and set of conditions.
 */
export function createTimedLists(
  db: Database.Database,
): <Item>(
  query: TimedQuery,
  ranges: () => readonly Range[],
  show: (numbers: readonly number[]) => readonly Item[],
) => Page<Item> {
  const statements = new Map<string, Database.Statement<Value[], Place>>();

  function read(range: Range, query: TimedQuery, { above, below }: PageBounds, limit: number): readonly Place[] {
    const sql = placesSql(range, query);
    const statement = statements.get(sql) ?? prepareQuery<Value[], Place>(db, sql);
    statements.set(sql, statement);
    const values = range.conditions.flatMap((condition) => condition.values);
    return statement.all(...values, above.at, above.number, below.at, below.number, limit);
  }

  return (query, ranges, show) =>
    inOneState(db, () => {
      const { limit, order = 'newest' } = query;
      const bounds = pageBounds(query);
      const readers = ranges().map(
        (range): ReadPlaces =>
          (after, count) =>
            read(range, query, after === undefined ? bounds : boundsBehind(bounds, after, order), count),
      );
      // One more than asked for says that there is a next page.
      const found = mergePlaces(readers, order, limit + 1);
      const page = found.slice(0, limit);
      const last = page.at(-1);
      const items = show(page.map(({ number }) => number));
      return found.length > limit && last !== undefined ? { items, next: placeCursor(last) } : { items };
    });
}

/** The first places of a range, behind the cursor. */
export function placesSql({ table, index, time, conditions }: Range, { order = 'newest' }: TimedQuery): string {
  const direction = order === 'oldest' ? 'asc' : 'desc';
  return `select x.${time} as at, x.id as number from ${table} x indexed by ${index} where ${conditions.map(({ sql }) => sql).join(' and ')}
    and (x.${time}, x.id) > (?, ?) and (x.${time}, x.id) < (?, ?) order by x.${time} ${direction}, x.id ${direction} limit ?`;
}

/** Rows in the order of their numbers in `numbers`. */
export function inOrder<Row extends { readonly id: number }>(
  numbers: readonly number[],
  rows: readonly Row[],
): readonly Row[] {
  const byNumber = new Map(rows.map((row) => [row.id, row]));
  return numbers.flatMap((number) => byNumber.get(number) ?? []);
}
