import { toArtifactData } from '../artifact.ts';
import type { Commit, Transition } from '../commit.ts';
import type { EntryBody } from '../entry.ts';
import { checkId, type RunKey } from '../ids.ts';
import { checkAmount } from '../ledger.ts';
import type { NewRun } from '../new-run.ts';
import { ARTIFACT_NOTE } from '../note.ts';
import { partialReason } from '../partial.ts';
import { FINAL_STATUSES } from '../run.ts';
import { toTraceContext } from '../trace-context.ts';
import { checkCount, checkJson, checkList, checkOneOf, checkRecords, checkText, checkTime } from './argument-values.ts';
import { checkBlobs } from './blob-arguments.ts';
import { checkItems, copied } from './copied.ts';
import { checkRunKey } from './key-arguments.ts';
import { checkMessageIds, checkMessages } from './message-arguments.ts';
import { checkRequests } from './request-arguments.ts';
import { checkRun } from './run-arguments.ts';

const ENTRY_TYPES: readonly EntryBody['type'][] = [
  'run-start',
  'run-claim',
  'step-intent',
  'step-pause',
  'step-end',
  'wait-start',
  'wait-end',
  'note',
  'measure',
  'run-park',
  'run-block',
  'run-unblock',
  'run-cancel',
  'run-deadline',
  'run-end',
];
const TRANSITIONS: readonly Transition['type'][] = ['park', 'release', 'block', 'end'];
const LISTS_OF_A_COMMIT = ['entries', 'notes', 'slots', 'children', 'cancel', 'requests', 'closeRequests'] as const;

export function checkedCommit(commit: Commit): Commit {
  const copy = copied(commit);
  checkRunKey(copy.run);
  checkCount('epoch', copy.epoch);
  if (copy.messages !== undefined) {
    checkMessages(copy.messages.items);
    checkMessageIds(copy.messages.items);
  }
  checkBlobs(copy.blobs);
  for (const name of LISTS_OF_A_COMMIT) {
    if (copy[name] === undefined) continue;
    checkRecords(name, copy[name]);
    checkItems(name, copy[name]);
  }
  checkList('claimRequests', copy.claimRequests);
  checkItems('claimRequests', copy.claimRequests);
  const last = copy.entries.at(-1);
  for (const entry of copy.entries) {
    checkOneOf('type of an entry', entry.type, ENTRY_TYPES);
    // The journal's first and last entries mark the run's life: they are written with it, or not at all.
    if (entry.type === 'run-start') throw new TypeError('Entry 1 is written by start alone');
    if (entry.type === 'run-end' && !(entry === last && copy.transition?.type === 'end'))
      throw new TypeError('The entry run-end is the last one, of the commit that ends the run');
    if (entry.type === 'run-claim' && entry.trace !== undefined) toTraceContext(entry.trace);
  }
  if (copy.transition?.type === 'end' && last?.type !== 'run-end')
    throw new TypeError('The commit that ends a run ends with the entry run-end');
  for (const child of copy.children ?? []) checkChild(child, copy.run);
  if (copy.transition !== undefined) checkOneOf('transition', copy.transition.type, TRANSITIONS);
  if (copy.transition?.type === 'end') {
    const { status, partial } = copy.transition;
    checkOneOf('status of an end', status, FINAL_STATUSES);
    if (partial !== undefined) partialReason(partial);
    if (partial !== undefined && status !== 'completed')
      throw new TypeError(`The output of a run that is ${status} cannot be partial`);
  }
  if (copy.messages !== undefined) checkCount('message number', copy.messages.from);
  if (copy.seen !== undefined) checkCount('last signal seen', copy.seen);
  if ((copy.transition?.type === 'park' || copy.transition?.type === 'block') && copy.seen === undefined)
    throw new TypeError(`A ${copy.transition.type} needs the last signal seen`);
  if (copy.transition?.type === 'park' && copy.transition.wakeAt !== null) checkTime('wakeAt', copy.transition.wakeAt);
  if (copy.transition?.type === 'block') checkText('code', copy.transition.code);
  if (copy.notBefore !== undefined) checkTime('notBefore', copy.notBefore);
  if (copy.requests !== undefined) checkRequests(copy.requests);
  for (const { name } of copy.slots ?? []) checkId('slot', name);
  for (const { kind, key, data } of copy.notes ?? []) {
    checkId('kind of a note', kind);
    checkId('step key', key);
    checkJson('data of a note', data);
    if (kind === ARTIFACT_NOTE) toArtifactData(data);
  }
  for (const id of copy.claimRequests ?? []) checkId('request', id);
  checkList('absorb', copy.absorb);
  checkItems('absorb', copy.absorb);
  for (const id of copy.absorb ?? []) checkId('run', id);
  for (const { id, reason } of copy.closeRequests ?? []) {
    checkId('request', id);
    if (reason !== undefined) checkText('reason of a withdrawal', reason);
  }
  for (const { run: key, reason } of copy.cancel ?? []) {
    checkRunKey(key);
    checkText('reason of a cancel', reason);
    if (key.tenant !== copy.run.tenant) throw new TypeError('A child is of the same tenant as its parent');
  }
  checkAmount(copy.ledger?.release);
  checkAmount(copy.ledger?.use);
  checkAmount(copy.ledger?.reserve);
  return copy;
}

/** A child belongs to its parent's tree, and to no session: its messages are its own. */
function checkChild(child: NewRun, parent: RunKey): void {
  if (child.key.tenant !== parent.tenant || child.parent?.run !== parent.run)
    throw new TypeError(`Run ${child.key.run} is not a child of run ${parent.run}`);
  if (child.session !== undefined) throw new TypeError('A child run belongs to no session');
  checkRun(child);
}
