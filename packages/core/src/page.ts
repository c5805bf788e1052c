/** The largest page of any list; a larger `limit` is cut to it. */
export const PAGE_LIMIT = 1_000;

/** What follows a number, which itself is left out; `limit` items at most. */
export interface PageAfter {
  readonly after: number;
  readonly limit: number;
}

/** What precedes a number, which itself is left out; `limit` items at most. */
export interface PageBefore {
  readonly before: number;
  readonly limit: number;
}

/** What follows a cursor, {@link Page.next}; `limit` items at most. */
export interface TextPage {
  readonly after?: string;
  readonly limit: number;
}

/** One page of a list that is read with a cursor. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Cursor of the next page; missing on the last. Opaque. */
  readonly next?: string;
}
