import { checkOptions } from '@prusik/core';

/** How a fan-out spreads its items, and what a failure does to the others. */
export interface FanOutOptions<Item> {
  /** Items worked on at once. @default the `parallel` of the delegation policy */
  readonly concurrency?: number;
  /** A name for each item, different from all others; for the keys of the calls made for it. @default its index */
  readonly key?: (item: Item, index: number) => string;
  /** Works on every item, whatever fails, and tells of each how it ended; never rejects for a failure. @default false */
  readonly settle?: boolean;
  /** The first failure fires the `signal` of the items under way. Not with `settle`. @default false: they end by themselves */
  readonly stopOthers?: boolean;
}

/** The place of one item in a fan-out. */
export interface FanOutItem {
  readonly key: string;
  readonly index: number;
  /** For the calls made for the item: fires when another has failed and the options say that this stops the others. */
  readonly signal: AbortSignal;
}

type Work<Item, Result> = (item: Item, place: FanOutItem) => Promise<Result> | Result;

/** See {@link FanOutOptions}. */
export interface FanOut {
  <Item, Result>(
    items: readonly Item[],
    work: Work<Item, Result>,
    options: FanOutOptions<Item> & { readonly settle: true },
  ): Promise<PromiseSettledResult<Result>[]>;
  <Item, Result>(
    items: readonly Item[],
    work: Work<Item, Result>,
    options?: FanOutOptions<Item> & { readonly settle?: false },
  ): Promise<Result[]>;
}

const KNOWN = {
  names: { concurrency: true, key: true, settle: true, stopOthers: true } satisfies Record<
    keyof FanOutOptions<unknown>,
    true
  >,
  elsewhere: { parallel: 'concurrency', limit: 'concurrency' },
};

/** Why the work on an item was stopped; a child's error says it too. */
const STOPPED = 'a sibling failed';

/**
 * Works on each item, some at once, and gives the results in the order of the items. Items start in their order.
 *
 * Rejects with the first failure and starts no item after it.
 *
 * @throws {TypeError} for two items of one key, a concurrency that is not a whole number of at least 1, an option that is none, and options that
 * contradict each other.
 */
export async function fanOut<Item, Result>(
  items: readonly Item[],
  work: Work<Item, Result>,
  options: FanOutOptions<Item> & { readonly concurrency: number },
): Promise<(Result | PromiseSettledResult<Result>)[]> {
  checkOptions('fanOut', options, KNOWN);
  const { concurrency, key = (_, index) => String(index), settle = false, stopOthers = false } = options;
  if (items.length === 0) return [];
  if (!(Number.isSafeInteger(concurrency) && concurrency >= 1))
    throw new TypeError(`fanOut: concurrency must be a whole number of at least 1, not ${concurrency}`);
  if (settle && stopOthers)
    throw new TypeError('fanOut: with settle every item is worked on, so nothing stops the others');
  const stop = new AbortController();
  const places = items.map((item, index) => ({ item, place: { key: key(item, index), index, signal: stop.signal } }));
  const keys = new Set<string>();
  for (const { place } of places) {
    if (keys.has(place.key)) throw new TypeError(`fanOut: two items have the key ${JSON.stringify(place.key)}`);
    keys.add(place.key);
  }
  const results = Array.from<Result | PromiseSettledResult<Result>>({ length: items.length });
  const waiting = places.values();
  let failed = false;

  // All lanes take from one iterator: who is free first takes the next item.
  async function lane(): Promise<void> {
    for (const { item, place } of waiting) {
      if (failed) return;
      try {
        const value = await work(item, place);
        results[place.index] = settle ? { status: 'fulfilled', value } : value;
      } catch (reason) {
        if (settle) {
          results[place.index] = { status: 'rejected', reason };
          continue;
        }
        failed = true;
        if (stopOthers) stop.abort(STOPPED);
        throw reason;
      }
    }
  }

  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, lane));
  return results;
}
