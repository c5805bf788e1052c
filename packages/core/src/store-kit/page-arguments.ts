import type { GrantQuery } from '../grant.ts';
import { checkId } from '../ids.ts';
import type { NoteQuery } from '../note.ts';
import { PAGE_LIMIT, type PageAfter, type PageBefore, type TextPage } from '../page.ts';
import type { RequestQuery } from '../request.ts';
import { LIST_NAMES_LIMIT, type ListOrder, type RunQuery } from '../run.ts';
import type { SessionQuery } from '../session.ts';
import { shown } from '../shown.ts';
import { checkCount, checkList, checkOneOf, checkText, checkTime } from './argument-values.ts';
import { copied } from './copied.ts';
import { parsePlace } from './place.ts';

/** The same page with its limit within bounds. */
export function checkedPage<T extends PageAfter | PageBefore>(page: T): T {
  const copy = copied(page);
  checkCount('page position', 'after' in copy ? copy.after : copy.before);
  return { ...copy, limit: checkedLimit(copy.limit) };
}

/** The cursor is a name, which `checkAfter` looks at. */
export function checkedTextPage({ after, limit }: TextPage, checkAfter: (after: string) => unknown): TextPage {
  if (after !== undefined) checkAfter(after);
  return { ...(after === undefined ? {} : { after }), limit: checkedLimit(limit) };
}

export function checkedLimit(limit: number): number {
  if (!(Number.isSafeInteger(limit) && limit > 0))
    throw new TypeError(`limit must be a positive integer, not ${limit}`);
  return Math.min(limit, PAGE_LIMIT);
}

export function checkedRunQuery(query: RunQuery): RunQuery {
  const copy = checkedTimedQuery(query);
  checkList('statuses', copy.status);
  checkList('kinds', copy.kind);
  checkDefinitions(copy.definition);
  if (copy.session !== undefined) checkId('session', copy.session);
  if (copy.root !== undefined) checkId('run', copy.root);
  if (copy.parent !== undefined) checkId('run', copy.parent);
  if (copy.roots !== undefined && typeof copy.roots !== 'boolean')
    throw new TypeError(`roots must be true or false, not ${JSON.stringify(copy.roots)}`);
  if (copy.blocked !== undefined) checkText('code of a block', copy.blocked);
  if (copy.time !== undefined) checkOneOf('time of a list', copy.time, ['created', 'ended']);
  return copy;
}

export function checkedSessionQuery(query: SessionQuery): SessionQuery {
  const copy = checkedTimedQuery(query);
  checkList('states', copy.state);
  return copy;
}

export function checkedNoteQuery(query: NoteQuery): NoteQuery {
  const copy = checkedListQuery(query);
  checkList('kinds', copy.kind);
  if (copy.session !== undefined) checkId('session', copy.session);
  if (copy.run !== undefined) checkId('run', copy.run);
  if (copy.definition !== undefined) checkId('definition name', copy.definition);
  return copy;
}

export function checkedRequestQuery(query: RequestQuery): RequestQuery {
  const copy = checkedListQuery(query);
  checkList('statuses', copy.status);
  checkList('kinds', copy.kind);
  if (copy.run !== undefined) checkId('run', copy.run);
  if (copy.root !== undefined) checkId('run', copy.root);
  if (copy.session !== undefined) checkId('session', copy.session);
  if (copy.definition !== undefined) checkId('definition name', copy.definition);
  if (copy.by !== undefined) checkText('name of who decided', copy.by);
  checkOrder(copy.order);
  return copy;
}

export function checkedGrantQuery(query: GrantQuery): GrantQuery {
  const copy = checkedListQuery(query);
  if (copy.run !== undefined) checkId('run', copy.run);
  if (copy.session !== undefined) checkId('session', copy.session);
  if (copy.tool !== undefined) checkText('name of a tool', copy.tool);
  return copy;
}

function checkedListQuery<T extends NoteQuery | RequestQuery | GrantQuery>(query: T): T {
  const copy = copied(query);
  checkId('tenant', copy.tenant);
  parseCursor(copy.after);
  return { ...copy, limit: checkedLimit(copy.limit) };
}

function checkedTimedQuery<T extends RunQuery | SessionQuery>(query: T): T {
  const copy = copied(query);
  checkId('tenant', copy.tenant);
  if (copy.since !== undefined) checkTime('since', copy.since);
  if (copy.before !== undefined) checkTime('before', copy.before);
  checkOrder(copy.order);
  parsePlace(copy.after);
  return { ...copy, limit: checkedLimit(copy.limit) };
}

function checkOrder(order: ListOrder | undefined): void {
  if (order !== undefined) checkOneOf('order of a list', order, ['newest', 'oldest']);
}

function checkDefinitions(names: readonly string[] | undefined): void {
  checkList('definitions', names);
  if (names === undefined) return;
  if (names.length > LIST_NAMES_LIMIT)
    throw new TypeError(`A list goes by at most ${LIST_NAMES_LIMIT} definitions, not ${names.length}`);
  for (const one of names) checkId('definition name', one);
}

/** The number in a cursor of ours; 0 is before the first. */
export function parseCursor(cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined;
  if (!/^[1-9]\d{0,15}$/.test(cursor)) throw new TypeError(`${shown(cursor)} is no cursor of this store`);
  return Number(cursor);
}
