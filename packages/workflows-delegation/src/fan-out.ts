export interface FanOutOptions<Item> {
  /** Items worked on at once. @default the `parallel` of the delegation policy */
  readonly concurrency?: number;
  /** A name for each item, different from all others; for the keys of the calls made for it. @default its index */
  readonly key?: (item: Item, index: number) => string;
}

/** The place of one item in a fan-out. */
export interface FanOutItem {
  readonly key: string;
  readonly index: number;
}

/**
 * Works on each item, some at once, and gives the results in the order of the items. Items start in their order.
 *
 * Rejects with the first failure and starts no item after it; what is under way is not stopped by that.
 *
 * @throws {TypeError} for two items of one key, or a concurrency that is not a whole number of at least 1.
 */
export async function fanOut<Item, Result>(
  items: readonly Item[],
  work: (item: Item, place: FanOutItem) => Promise<Result> | Result,
  concurrency: number,
  key: (item: Item, index: number) => string = (_, index) => String(index),
): Promise<Result[]> {
  if (items.length === 0) return [];
  if (!(concurrency >= 1)) throw new TypeError(`fanOut: concurrency must be at least 1, not ${concurrency}`);
  const places = items.map((item, index) => ({ item, place: { key: key(item, index), index } }));
  const keys = new Set<string>();
  for (const { place } of places) {
    if (keys.has(place.key)) throw new TypeError(`fanOut: two items have the key ${JSON.stringify(place.key)}`);
    keys.add(place.key);
  }
  const results = Array.from<Result>({ length: items.length });
  const waiting = places.values();
  let failed = false;

  // All lanes take from one iterator: who is free first takes the next item.
  async function lane(): Promise<void> {
    for (const { item, place } of waiting) {
      if (failed) return;
      try {
        results[place.index] = await work(item, place);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  }

  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, lane));
  return results;
}
