/** Items in order, without duplicates. An item's place must not change while it is in here. */
export interface SortedIndex<T> extends Iterable<T> {
  add(item: T): void;
  remove(item: T): void;
  size(): number;
  /** What is not before `item`. */
  from(item: T): Iterable<T>;
  /** What is before `item`, the last of it first. */
  backFrom(item: T): Iterable<T>;
}

/**
 * A sorted array: what is added is nearly always the latest (times rise), so adding is an append, and taking the first of
 * some thousands is one memory move. `compare` must be a total order.
 */
export function createSortedIndex<T>(compare: (a: T, b: T) => number): SortedIndex<T> {
  const items: T[] = [];

  function placeOf(item: T): number {
    let low = 0;
    let high = items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(items[middle] as T, item) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  return {
    add(item) {
      const last = items.at(-1);
      if (last === undefined || compare(last, item) < 0) items.push(item);
      else items.splice(placeOf(item), 0, item);
    },
    remove(item) {
      const place = placeOf(item);
      const found = items[place];
      if (found !== undefined && compare(found, item) === 0) items.splice(place, 1);
    },
    size: () => items.length,
    *from(item) {
      for (let place = placeOf(item); place < items.length; place += 1) yield items[place] as T;
    },
    *backFrom(item) {
      for (let place = placeOf(item) - 1; place >= 0; place -= 1) yield items[place] as T;
    },
    [Symbol.iterator]: () => items.values(),
  };
}
