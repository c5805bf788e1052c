import type { ClaimQuery, Lease } from '../claim.ts';
import { PAGE_LIMIT } from '../page.ts';
import { checkCount, checkList, checkRecords, checkText } from './argument-values.ts';
import { copied } from './copied.ts';
import { checkRunKey } from './key-arguments.ts';

export function checkedClaimQuery(query: ClaimQuery): ClaimQuery {
  const copy = copied(query);
  checkText('worker', copy.worker);
  checkLeaseMs(copy.leaseMs);
  checkCount('limit', copy.limit);
  const { room, alone } = copy.suspects;
  if (!(room >= 0 && room <= 1)) throw new TypeError(`The room for suspects must be from 0 to 1, not ${room}`);
  checkRecords('definitions', copy.definitions);
  for (const { name, versions } of copy.definitions) {
    checkText('definition name', name);
    checkList('versions', versions);
    for (const version of versions) checkText('version', version);
  }
  checkRecords('leases', copy.except);
  for (const { run, epoch } of copy.except ?? []) {
    checkRunKey(run);
    checkCount('epoch', epoch);
  }
  checkCount('number of losses of a suspect that is alone', alone);
  if (copy.only !== undefined) {
    const named = 'run' in copy.only ? [copy.only.run] : copy.only.roots;
    checkRecords('roots', named);
    if (named.length > PAGE_LIMIT)
      throw new TypeError(`A claim names at most ${PAGE_LIMIT} trees, not ${named.length}`);
    for (const key of named) checkRunKey(key);
  }
  return { ...copy, limit: Math.min(copy.limit, PAGE_LIMIT) };
}

export function checkLeaseMs(ms: number): void {
  if (!(Number.isSafeInteger(ms) && ms > 0)) throw new TypeError(`leaseMs must be a positive integer, not ${ms}`);
}

export function checkedLeases(held: readonly Lease[]): readonly Lease[] {
  const copy = copied(held);
  checkRecords('leases', copy);
  for (const { run, epoch } of copy) {
    checkRunKey(run);
    checkCount('epoch', epoch);
  }
  return copy;
}
