import { PAGE_LIMIT, type Store, type StoredMessage, type ThreadKey } from '@prusik/core';
import { createWindow, type HistoryWindow, type WindowLimits } from './history-window.ts';

/** Which messages of a session are read. */
export interface HistoryQuery {
  /** Only messages before this number. @default from the end */
  readonly before?: number;
  /** Only messages after this number; reads forward. Not together with `before`. */
  readonly after?: number;
  /** At most 1,000. @default 100 */
  readonly limit?: number;
  /** Also what a cut has hidden. @default false */
  readonly hidden?: boolean;
}

/** Messages of a session in their order, and where the next page begins. */
export interface HistoryPage {
  /** In the order in which they were stored, oldest first. */
  readonly messages: readonly StoredMessage[];
  /** Query of the next page in the same direction; missing where there is none. */
  readonly next?: HistoryQuery;
}

const PAGE = 100;

/** @throws {TypeError} for a limit outside 1 to 1,000, or both cursors at once. */
export async function readPage(store: Store, thread: ThreadKey, query: HistoryQuery): Promise<HistoryPage> {
  const { before, after, limit = PAGE, hidden = false } = query;
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= PAGE_LIMIT)) {
    throw new TypeError(`The history's limit must be a whole number from 1 to ${PAGE_LIMIT}, not ${limit}`);
  }
  if (before !== undefined && after !== undefined) throw new TypeError('The history takes before or after, not both');
  if (after !== undefined) {
    const messages = await store.messages(thread, { after, limit, hidden });
    const last = messages.at(-1);
    return { messages, ...(messages.length === limit && last ? { next: { ...query, after: last.n, limit } } : {}) };
  }
  const messages = await store.messages(thread, { before: before ?? (await endOf(store, thread)), limit, hidden });
  const first = messages[0];
  const older = first !== undefined && (await hasOlder(store, thread, first.n, hidden));
  return { messages, ...(older ? { next: { ...query, before: first.n, limit } } : {}) };
}

/** Reads backwards, page by page, no further than the window reaches. */
export async function readWindow(store: Store, thread: ThreadKey, limits: WindowLimits): Promise<HistoryWindow> {
  const window = createWindow(limits);
  let before = await endOf(store, thread);
  for (;;) {
    const page = await store.messages(thread, { before, limit: PAGE });
    for (const stored of page.toReversed()) {
      before = stored.n;
      if (!window.add(stored)) return window.finish(await hasOlder(store, thread, before));
    }
    if (page.length < PAGE) return window.finish(false);
  }
}

/** A thread that was replaced begins at a higher number than 1, so the number alone does not say. */
async function hasOlder(store: Store, thread: ThreadKey, n: number, hidden = false): Promise<boolean> {
  return n > 1 && (await store.messages(thread, { before: n, limit: 1, hidden })).length > 0;
}

const endOf = async (store: Store, thread: ThreadKey): Promise<number> => (await store.threadHead(thread)) + 1;
