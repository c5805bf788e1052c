import { comparePlaces, type ListOrder, type Place } from '@prusik/core';

/** Up to `count` places of a list behind `after`, in its order; fewer are its last. */
export type ReadPlaces = (after: Place | undefined, count: number) => readonly Place[];

interface Head {
  readonly read: ReadPlaces;
  /** Read and not taken yet. */
  places: readonly Place[];
  next: number;
  count: number;
  isDone: boolean;
}

/** The first places of several lists together. Of each a few are read, and more when they are taken: a list that has none for the page costs little. */
export function mergePlaces(lists: readonly ReadPlaces[], order: ListOrder, wanted: number): readonly Place[] {
  const count = Math.ceil(wanted / Math.max(1, lists.length));
  const heads = lists.map((read): Head => ({ read, places: [], next: 0, count, isDone: false }));
  const sign = order === 'newest' ? -1 : 1;
  for (const head of heads) refill(head);
  const merged: Place[] = [];
  while (merged.length < wanted) {
    let first: Head | undefined;
    for (const head of heads) {
      const place = head.places[head.next];
      if (place === undefined) continue;
      const best = first?.places[first.next];
      if (best === undefined || sign * comparePlaces(place, best) < 0) first = head;
    }
    const place = first?.places[first.next];
    if (first === undefined || place === undefined) break;
    merged.push(place);
    first.next += 1;
    if (first.next === first.places.length) refill(first);
  }
  return merged;
}

function refill(head: Head): void {
  if (head.isDone) return;
  const places = head.read(head.places.at(-1), head.count);
  head.isDone = places.length < head.count;
  head.places = places;
  head.next = 0;
  head.count *= 2;
}
