import { PrusikError } from '@prusik/core';

/**
 * A row of `entries` or `messages` has one number for its place: the owner's (a run's, or a session's with a minus sign) times 2^28, and its own, which begins at 1. So a
 * journal or a thread is a stretch of its table, in its order and beside nothing else, and needs no index: a commit writes one page of it. Owners may go up to
 * 2^35.
 *
 * These numbers stay in SQL. They are past what a JavaScript number holds exactly, and one that was rounded would be a row of somebody else. Values are bound as
 * floating point, so an own number is cast before it is added. It is cut off behind the last one: what a reader asks for beyond it is not the next owner's.
 */
const OWN_BITS = 28;

/** The highest number of an entry in its journal, and of a message in its thread. */
export const LAST_NUMBER: number = 2 ** OWN_BITS - 1;

/** SQL for the id of an owner's row of this number. */
export const rowId = (owner: string, number: string): string =>
  `((${owner}) << ${OWN_BITS}) + cast(min(${number}, ${LAST_NUMBER + 1}) as integer)`;

/**
 * SQL for whether a row is this owner's, and between two numbers where they are given: one range of the table. Of two bounds on the same side SQLite would take one,
 * and look at the other row by row.
 */
export function isOf(
  id: string,
  owner: string,
  { after, before }: { readonly after?: string; readonly before?: string } = {},
): string {
  const from = after === undefined ? `(${owner}) << ${OWN_BITS}` : rowId(owner, after);
  const to = before === undefined ? `((${owner}) + 1) << ${OWN_BITS}` : rowId(owner, before);
  return `${id} > ${from} and ${id} < ${to}`;
}

/** SQL for the owner of a row. The sign stays: of a session's it is the minus. */
export const ownerOf = (id: string): string => `${id} >> ${OWN_BITS}`;

/** SQL for the number of a row, counted from 1 within its owner's. */
export const numberOf = (id: string): string => `(${id} & ${LAST_NUMBER})`;

/** Of what is about to be written; one more would be written into the rows of the next owner. */
export function checkNumber(number: number): void {
  if (number <= LAST_NUMBER) return;
  throw new PrusikError(
    'STORE_TOO_LARGE',
    `A journal or a thread of store-sqlite ends at number ${LAST_NUMBER}; ${number} was not written`,
    { meta: { number, last: LAST_NUMBER } },
  );
}
