import type { Page } from '@prusik/core';

const PAGE = 500;

/** All rows of a list, page by page. */
export async function* eachOf<T>(
  list: (page: { readonly after?: string; readonly limit: number }) => Promise<Page<T>>,
): AsyncGenerator<T, void> {
  let after: string | undefined;
  do {
    const { items, next } = await list({ limit: PAGE, ...(after === undefined ? {} : { after }) });
    yield* items;
    after = next;
  } while (after !== undefined);
}

/** All rows up to a number, page by page. */
export async function* eachUpTo<T>(
  read: (page: { readonly after: number; readonly limit: number }) => Promise<readonly T[]>,
  numberOf: (row: T) => number,
  { after: from = 0, upTo = Number.MAX_SAFE_INTEGER }: { readonly after?: number; readonly upTo?: number } = {},
): AsyncGenerator<readonly T[], void> {
  for (let after = from; after < upTo;) {
    const rows = await read({ after, limit: Math.min(PAGE, upTo - after) });
    const last = rows.at(-1);
    if (last === undefined) return;
    // Numbers have gaps where something is hidden, so a page may lead past the end.
    const shown = rows.filter((row) => numberOf(row) <= upTo);
    if (shown.length > 0) yield shown;
    after = numberOf(last);
  }
}

/** All of them at once. */
export async function all<T>(rows: AsyncIterable<T> | Iterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const row of rows) found.push(row);
  return found;
}
