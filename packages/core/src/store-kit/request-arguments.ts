import type { Commit } from '../commit.ts';
import type { GrantKey } from '../grant.ts';
import { checkId } from '../ids.ts';
import { CLOSED_STATUSES, DECISIONS_OF, type NewDecision, type RequestKind } from '../request.ts';
import { checkJson, checkOneOf, checkRecords, checkText, checkTime } from './argument-values.ts';
import { copied } from './copied.ts';
import { checkRunKey } from './key-arguments.ts';
import { parseCursor } from './page-arguments.ts';

export const REQUEST_KINDS: readonly RequestKind[] = Object.keys(DECISIONS_OF) as RequestKind[];

export function checkRequests(requests: NonNullable<Commit['requests']>): void {
  const ids = new Set<string>();
  for (const request of requests) {
    checkId('request', request.id);
    checkOneOf('kind of a request', request.kind, REQUEST_KINDS);
    checkJson('body of a request', request.body);
    if (ids.has(request.id)) throw new TypeError(`Request ${JSON.stringify(request.id)} is there twice`);
    ids.add(request.id);
    if (request.stepKey !== '') checkId('step key', request.stepKey);
    if (request.schema !== undefined) checkRecords('schemas', [request.schema]);
    if (request.expiresAt !== null) checkTime('expiresAt', request.expiresAt);
  }
}

export function checkedDecision(decision: NewDecision): NewDecision {
  const copy = copied(decision);
  checkRunKey(copy.run);
  checkId('request', copy.request);
  checkOneOf('decision', copy.decision.status, CLOSED_STATUSES);
  const { by, grant } = copy.decision;
  if (by !== undefined) checkText('name of who decides', by);
  if (grant === undefined) return copy;
  checkRecords('grants', [grant]);
  checkOneOf('scope of a grant', grant.scope, ['run', 'session']);
  if (grant.part !== undefined) checkRecords('parts', [grant.part]);
  if (grant.expiresInMs !== undefined && !(grant.expiresInMs > 0))
    throw new TypeError(`A grant holds for more than 0 ms, not ${grant.expiresInMs}`);
  return copy;
}

export function checkedGrantKey({ tenant, grant }: GrantKey): GrantKey {
  if (parseCursor(grant) === undefined) throw new TypeError('The id of a grant is missing');
  return { tenant: checkId('tenant', tenant), grant };
}
