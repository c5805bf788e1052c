import { isWithin, pageBounds, placeCursor, type Page, type Place, type RunQuery } from '@prusik/core';

interface TimedPageOptions<Row, Item> {
  /** In the order of their places. */
  readonly rows: readonly Row[];
  readonly placeOf: (row: Row) => Place;
  readonly matches: (row: Row) => boolean;
  readonly show: (row: Row) => Item;
  readonly page: Pick<RunQuery, 'since' | 'before' | 'order' | 'after' | 'limit'>;
}

/** One page of a list that goes by time. */
export function timedPage<Row, Item>({ rows, placeOf, matches, show, page }: TimedPageOptions<Row, Item>): Page<Item> {
  const bounds = pageBounds(page);
  const newestFirst = page.order !== 'oldest';
  const found: Row[] = [];
  const step = newestFirst ? -1 : 1;
  for (let index = newestFirst ? rows.length - 1 : 0; index >= 0 && index < rows.length; index += step) {
    const row = rows[index] as Row;
    if (!isWithin(placeOf(row), bounds) || !matches(row)) continue;
    // One more than asked for says that there is a next page.
    if (found.length === page.limit) return { items: found.map(show), next: placeCursor(placeOf(found.at(-1) as Row)) };
    found.push(row);
  }
  return { items: found.map(show) };
}
