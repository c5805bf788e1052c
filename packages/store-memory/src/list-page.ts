import { parseCursor, type Page } from '@prusik/core';
import { firstWhere, type Numbered } from './numbered-rows.ts';

interface ListPageOptions<Row, Item> {
  /** By number, rising. */
  readonly rows: readonly Row[];
  readonly newestFirst: boolean;
  readonly matches: (row: Row) => boolean;
  readonly show: (row: Row) => Item;
  readonly page: { readonly after?: string; readonly limit: number };
}

/** One page of the rows that match, in order, from behind the cursor on. */
export function listPage<Row extends Numbered, Item>(options: ListPageOptions<Row, Item>): Page<Item> {
  const { rows, newestFirst, matches, show, page } = options;
  const after = parseCursor(page.after);
  const found: Row[] = [];
  const step = newestFirst ? -1 : 1;
  for (let index = firstBehind(rows, newestFirst, after); index >= 0 && index < rows.length; index += step) {
    const row = rows[index] as Row;
    if (!matches(row)) continue;
    // One more than asked for says that there is a next page.
    if (found.length === page.limit) {
      const last = found.at(-1) as Row;
      return { items: found.map(show), next: String(last.number) };
    }
    found.push(row);
  }
  return { items: found.map(show) };
}

/** Where the rows behind the cursor begin. */
function firstBehind(rows: readonly Numbered[], newestFirst: boolean, after?: number): number {
  if (after === undefined) return newestFirst ? rows.length - 1 : 0;
  return newestFirst
    ? firstWhere(rows, ({ number }) => number >= after) - 1
    : firstWhere(rows, ({ number }) => number > after);
}
