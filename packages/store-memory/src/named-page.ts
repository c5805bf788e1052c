import type { Page, TextPage } from '@prusik/core';

/** One page of what has a name of its own, by name: in the order of its bytes, as other stores have it. */
export function namedPage<Item>(
  items: Iterable<Item>,
  nameOf: (item: Item) => string,
  { after, limit }: TextPage,
): Page<Item> {
  const sorted = Array.from(items, (item) => ({ item, name: nameOf(item), bytes: Buffer.from(nameOf(item)) }))
    .filter(({ bytes }) => after === undefined || Buffer.compare(bytes, Buffer.from(after)) > 0)
    .toSorted((a, b) => Buffer.compare(a.bytes, b.bytes));
  const page = sorted.slice(0, limit);
  const last = page.at(-1);
  const found = page.map(({ item }) => item);
  return sorted.length > limit && last !== undefined ? { items: found, next: last.name } : { items: found };
}
