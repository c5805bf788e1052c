import type { ListOrder } from '../run.ts';
import { shown } from '../shown.ts';

/** Where a row stands in a list that goes by time: what has the same time is told apart by the store's own number of it. */
export interface Place {
  readonly at: number;
  readonly number: number;
}

/** A page lies between two places, which are no part of it. */
export interface PageBounds {
  readonly above: Place;
  readonly below: Place;
}

/** What a list that goes by time is asked with. */
interface TimedPage {
  readonly since?: number;
  readonly before?: number;
  readonly order?: ListOrder;
  readonly after?: string;
}

/** Numbers begin at 1, so 0 is before all that have the same time. */
const FIRST = 0;

export function pageBounds({ since = -Infinity, before = Infinity, order = 'newest', after }: TimedPage): PageBounds {
  const above = { at: since, number: FIRST };
  const below = { at: before, number: FIRST };
  const place = parsePlace(after);
  return place === undefined ? { above, below } : boundsBehind({ above, below }, place, order);
}

/** What is left of a page behind one of its places. */
export function boundsBehind({ above, below }: PageBounds, place: Place, order: ListOrder): PageBounds {
  return order === 'newest'
    ? { above, below: comparePlaces(place, below) < 0 ? place : below }
    : { above: comparePlaces(place, above) > 0 ? place : above, below };
}

export function comparePlaces(a: Place, b: Place): number {
  // Not by subtraction: two infinite times are no number apart.
  if (a.at !== b.at) return a.at < b.at ? -1 : 1;
  return a.number - b.number;
}

export function isWithin(place: Place, { above, below }: PageBounds): boolean {
  return comparePlaces(place, above) > 0 && comparePlaces(place, below) < 0;
}

/** Cursor of what comes after this place. */
export function placeCursor({ at, number }: Place): string {
  return `${at}_${number}`;
}

export function parsePlace(cursor: string | undefined): Place | undefined {
  if (cursor === undefined) return undefined;
  const [, at, number] = /^(-?\d[\d.e+-]*)_([1-9]\d{0,15})$/.exec(cursor) ?? [];
  const place = { at: Number(at), number: Number(number) };
  if (!Number.isFinite(place.at)) throw new TypeError(`${shown(cursor)} is no cursor of this store`);
  return place;
}
