import { checkId } from '../ids.ts';
import { checkBudget } from '../ledger.ts';
import { WHEN_BUSY, type NewRun } from '../new-run.ts';
import type { RunKind } from '../run.ts';
import { toTraceContext } from '../trace-context.ts';
import { checkCount, checkJson, checkOneOf, checkText, checkTime } from './argument-values.ts';
import { checkBlobs } from './blob-arguments.ts';
import { copied } from './copied.ts';
import { checkRunKey } from './key-arguments.ts';
import { checkMessageIds, checkMessages } from './message-arguments.ts';

const RUN_KINDS: readonly RunKind[] = ['workflow', 'agent', 'function'];

export function checkedRun(run: NewRun): NewRun {
  const copy = copied(run);
  // Who starts it alone could name a parent that is not there, or has ended.
  if (copy.parent !== undefined) throw new TypeError('A child is started by a commit of its parent');
  checkRun(copy);
  return copy;
}

export function checkRun(copy: NewRun): void {
  checkRunKey(copy.key);
  checkOneOf('kind of a run', copy.kind, RUN_KINDS);
  checkId('definition name', copy.definition);
  checkText('version', copy.version);
  checkText('input hash', copy.inputHash);
  checkId('run', copy.root);
  checkCount('depth', copy.depth);
  if (!Number.isSafeInteger(copy.priority))
    throw new TypeError(`The priority must be an integer, not ${copy.priority}`);
  checkJson('input', copy.input);
  checkJson('context', copy.context);
  if (copy.turn?.mode !== undefined) checkOneOf('mode of a turn', copy.turn.mode, ['conversation', 'task']);
  if (copy.turn?.whenExhausted !== undefined)
    checkOneOf('end of an exhausted turn', copy.turn.whenExhausted, ['fail', 'partial']);
  if (copy.attended !== undefined && typeof copy.attended !== 'boolean')
    throw new TypeError('`attended` is true or false');
  const { levels, deadlineAt } = copy.rights ?? {};
  if (levels !== undefined) checkCount('number of levels', levels);
  if (deadlineAt !== undefined) checkTime('deadlineAt', deadlineAt);
  if (copy.workspace !== undefined) {
    if (copy.parent === undefined) throw new TypeError('Only a child is given a workspace');
    checkId('workspace', copy.workspace);
  }
  if (copy.timeoutMs !== undefined && !(Number.isFinite(copy.timeoutMs) && copy.timeoutMs >= 0))
    throw new TypeError(`timeoutMs must be 0 or more, not ${copy.timeoutMs}`);
  if (copy.session !== undefined) {
    checkId('session', copy.session.id);
    checkOneOf('way of a run whose session is busy', copy.session.whenBusy, WHEN_BUSY);
    if (copy.session.cut !== undefined) {
      checkCount('message number', copy.session.cut.after);
      checkCount('expected head', copy.session.cut.head);
    }
  }
  if (copy.parent === undefined) {
    if (copy.root !== copy.key.run) throw new TypeError('A run without a parent is its own root');
  } else {
    checkId('run', copy.parent.run);
    checkId('step key', copy.parent.key);
    if (copy.parent.maxResultBytes !== undefined) checkCount('maxResultBytes', copy.parent.maxResultBytes);
    if (copy.parent.run === copy.key.run || copy.root === copy.key.run)
      throw new TypeError(`Run ${copy.key.run} cannot be its own parent or root`);
  }
  checkBudget(copy.budget);
  if (copy.trace !== undefined) toTraceContext(copy.trace);
  if (copy.history !== undefined) {
    if (copy.parent === undefined) throw new TypeError('Only a child has a history of its parent');
    checkCount('message number', copy.history.upTo);
  }
  checkMessages(copy.messages);
  checkMessageIds(copy.messages);
  checkBlobs(copy.blobs);
}
