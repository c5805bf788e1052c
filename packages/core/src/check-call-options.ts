import { shown } from './shown.ts';
import type { CallOptions } from './call-options.ts';
import { checkOptions } from './known-options.ts';
import { checkBudget } from './ledger.ts';
import type { RunRights } from './rights.ts';
import { checkOneOf } from './store-kit/argument-values.ts';

const KNOWN = {
  names: {
    context: true,
    priority: true,
    signal: true,
    onParentEnd: true,
    timeoutMs: true,
    turn: true,
    rights: true,
    budget: true,
    maxResultBytes: true,
    history: true,
    workspace: true,
  } satisfies Record<keyof CallOptions, true>,
  elsewhere: { abortSignal: 'signal', timeout: 'timeoutMs', deadlineAt: 'rights.deadlineAt', depth: 'rights.levels' },
};

/** A caller may hand on its own as they are; of those a policy is none of its child's. */
const RIGHTS = {
  names: { levels: true, deadlineAt: true, delegation: true } satisfies Record<keyof RunRights, true>,
  elsewhere: { depth: 'levels', maxDepth: 'levels', deadline: 'deadlineAt' },
};

/**
 * What can be wrong with the options of a call by themselves: passed over, a misspelt bound would bound nothing.
 *
 * @throws {TypeError} naming `where`, the option and what is wrong.
 */
export function checkCallOptions(where: string, options: CallOptions): void {
  checkOptions(where, options, KNOWN);
  const { priority, timeoutMs, rights = {}, budget, maxResultBytes, onParentEnd, history, workspace } = options;
  check(where, 'priority', priority, Number.isSafeInteger, 'a whole number');
  check(where, 'timeoutMs', timeoutMs, isMs, 'a number of milliseconds');
  if (typeof rights !== 'object' || rights === null) throw new TypeError(`${where}: rights must be an object`);
  checkOptions(`${where}: rights`, rights, RIGHTS);
  check(where, 'rights.levels', rights.levels, isCount, 'a whole number of at least 0');
  check(where, 'rights.deadlineAt', rights.deadlineAt, isMs, 'milliseconds since the epoch');
  check(where, 'maxResultBytes', maxResultBytes, isCount, 'a whole number of bytes');
  if (onParentEnd !== undefined) checkOneOf(`option onParentEnd of ${where}`, onParentEnd, ['cancel', 'leave']);
  if (history !== undefined) checkOneOf(`option history of ${where}`, history, ['fresh', 'snapshot']);
  if (workspace !== undefined) checkOneOf(`option workspace of ${where}`, workspace, ['fork', 'share', 'none']);
  checkBudget(budget);
}

const isMs = (value: number): boolean => Number.isFinite(value) && value >= 0;
const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

function check(
  where: string,
  option: string,
  value: number | undefined,
  isRight: (value: number) => boolean,
  what: string,
): void {
  if (value !== undefined && !isRight(value))
    throw new TypeError(`${where}: ${option} must be ${what}, not ${shown(value)}`);
}
