import type { GrantQuery } from '../grant.ts';
import { checkId } from '../ids.ts';
import type { NoteQuery } from '../note.ts';
import { PAGE_LIMIT, type PageAfter, type PageBefore } from '../page.ts';
import type { RequestQuery } from '../request.ts';
import type { RunQuery } from '../run.ts';
import type { SessionQuery } from '../session.ts';
import { checkCount, checkList, checkText } from './argument-values.ts';
import { copied } from './copied.ts';

/** The same page with its limit within bounds. */
export function checkedPage<T extends PageAfter | PageBefore>(page: T): T {
  const copy = copied(page);
  checkCount('page position', 'after' in copy ? copy.after : copy.before);
  return { ...copy, limit: checkedLimit(copy.limit) };
}

export function checkedLimit(limit: number): number {
  if (!(Number.isSafeInteger(limit) && limit > 0))
    throw new TypeError(`limit must be a positive integer, not ${limit}`);
  return Math.min(limit, PAGE_LIMIT);
}

export function checkedRunQuery(query: RunQuery): RunQuery {
  const copy = checkedListQuery(query);
  checkList('statuses', copy.status);
  if (copy.definition !== undefined) checkId('definition name', copy.definition);
  if (copy.session !== undefined) checkId('session', copy.session);
  if (copy.root !== undefined) checkId('run', copy.root);
  if (copy.parent !== undefined) checkId('run', copy.parent);
  return copy;
}

export function checkedSessionQuery(query: SessionQuery): SessionQuery {
  const copy = checkedListQuery(query);
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
  return copy;
}

export function checkedGrantQuery(query: GrantQuery): GrantQuery {
  const copy = checkedListQuery(query);
  if (copy.run !== undefined) checkId('run', copy.run);
  if (copy.session !== undefined) checkId('session', copy.session);
  if (copy.tool !== undefined) checkText('name of a tool', copy.tool);
  return copy;
}

function checkedListQuery<T extends RunQuery | SessionQuery | NoteQuery | RequestQuery | GrantQuery>(query: T): T {
  const copy = copied(query);
  checkId('tenant', copy.tenant);
  parseCursor(copy.after);
  return { ...copy, limit: checkedLimit(copy.limit) };
}

/** The number in a cursor of ours; 0 is before the first. */
export function parseCursor(cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined;
  if (!/^[1-9]\d{0,15}$/.test(cursor)) throw new TypeError(`${JSON.stringify(cursor)} is no cursor of this store`);
  return Number(cursor);
}
