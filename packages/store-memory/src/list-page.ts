import { parseCursor, type Page } from '@prusik/core';

interface ListPageOptions<Row, Item> {
  /** By number, rising. */
  readonly rows: readonly Row[];
  readonly newestFirst: boolean;
  readonly numberOf: (row: Row) => number;
  readonly matches: (row: Row) => boolean;
  readonly show: (row: Row) => Item;
  readonly page: { readonly after?: string; readonly limit: number };
}

/** One page of the rows that match, in order, from behind the cursor on. */
export function listPage<Row, Item>(options: ListPageOptions<Row, Item>): Page<Item> {
  const { rows, newestFirst, numberOf, matches, show, page } = options;
  const after = parseCursor(page.after);
  const found: Row[] = [];
  const step = newestFirst ? -1 : 1;
  for (let index = firstBehind(options, after); index >= 0 && index < rows.length; index += step) {
    const row = rows[index] as Row;
    if (!matches(row)) continue;
    // One more than asked for says that there is a next page.
    if (found.length === page.limit) {
      const last = found.at(-1) as Row;
      return { items: found.map(show), next: String(numberOf(last)) };
    }
    found.push(row);
  }
  return { items: found.map(show) };
}

/** Binary search: where the rows behind the cursor begin. */
function firstBehind<Row, Item>({ rows, newestFirst, numberOf }: ListPageOptions<Row, Item>, after?: number): number {
  if (after === undefined) return newestFirst ? rows.length - 1 : 0;
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const number = numberOf(rows[middle] as Row);
    if (newestFirst ? number < after : number <= after) low = middle + 1;
    else high = middle;
  }
  return newestFirst ? low - 1 : low;
}
