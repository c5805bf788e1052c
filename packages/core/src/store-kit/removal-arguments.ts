import { checkId } from '../ids.ts';
import type { EndedTrees, Removal } from '../removal.ts';
import { FINAL_STATUSES } from '../run.ts';
import type { TreeCompaction } from '../tree-compaction.ts';
import { checkCount, checkList, checkOneOf, checkTime } from './argument-values.ts';
import { copied } from './copied.ts';
import { checkedLimit } from './page-arguments.ts';
import { parsePlace } from './place.ts';

export function checkedRemoval(removal: Removal): Removal {
  const copy = copied(removal);
  checkId('tenant', copy.tenant);
  checkDryRun(copy.dryRun);
  const named = ['session', 'run', 'limit'].filter((name) => name in copy);
  if (named.length !== 1)
    throw new TypeError(`A removal names a session, a run or a limit of ended trees, and one of them alone`);
  if ('session' in copy) checkId('session', copy.session);
  else if ('run' in copy) checkId('run', copy.run);
  else return checkedEndedTrees(copy);
  return copy;
}

export function checkedCompaction(compaction: TreeCompaction): TreeCompaction {
  const copy = copied(compaction);
  checkId('tenant', copy.tenant);
  checkDryRun(copy.dryRun);
  if ('run' in copy === 'limit' in copy)
    throw new TypeError('A compaction names a run or a limit of ended trees, and one of the two alone');
  if (!('run' in copy)) return checkedEndedTrees(copy);
  checkId('run', copy.run);
  return copy;
}

function checkDryRun(dryRun: unknown): void {
  if (dryRun !== undefined && typeof dryRun !== 'boolean') throw new TypeError('dryRun must be true or false');
}

/** Whatever else the query holds stays as it is. */
function checkedEndedTrees<T extends EndedTrees>(trees: T): T {
  const { endedBefore, keep, keepBytes, definition, status, after } = trees;
  if (endedBefore === undefined && keep === undefined && keepBytes === undefined)
    throw new TypeError('Ended trees are named by endedBefore, keep or keepBytes');
  if (endedBefore !== undefined) checkTime('endedBefore', endedBefore);
  if (keep !== undefined) checkCount('number of trees to keep', keep);
  if (keepBytes !== undefined) checkCount('number of bytes to keep', keepBytes);
  if (definition !== undefined) checkId('definition name', definition);
  checkList('statuses', status);
  for (const one of status ?? []) checkOneOf('status of an ended run', one, FINAL_STATUSES);
  parsePlace(after);
  return { ...trees, limit: checkedLimit(trees.limit) };
}
