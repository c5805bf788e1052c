import { shown } from '../shown.ts';
import { toArtifactData } from '../artifact.ts';
import type { BlobSweep } from '../blob.ts';
import { checkMessage } from '../check-message.ts';
import type { ClaimQuery, Lease } from '../claim.ts';
import type { Commit, Transition } from '../commit.ts';
import type { EntryBody } from '../entry.ts';
import type { GrantKey } from '../grant.ts';
import { checkId, type RunKey } from '../ids.ts';
import { checkAmount, checkBudget } from '../ledger.ts';
import type { Message } from '../message.ts';
import { WHEN_BUSY, type NewRun } from '../new-run.ts';
import { ARTIFACT_NOTE } from '../note.ts';
import { PAGE_LIMIT } from '../page.ts';
import { partialReason } from '../partial.ts';
import type { EndedTrees, Removal } from '../removal.ts';
import { DECISIONS_OF, type NewDecision, type RequestKind } from '../request.ts';
import { FINAL_STATUSES, type RunKind } from '../run.ts';
import type { SessionLife } from '../session.ts';
import type { NewSignal, SignalKind } from '../signal.ts';
import type { TreeCompaction } from '../tree-compaction.ts';
import { toTraceContext } from '../trace-context.ts';
import { checkCount, checkJson, checkList, checkOneOf, checkRecords, checkText, checkTime } from './argument-values.ts';
import { checkItems, copied } from './copied.ts';
import { checkBlobHash, checkRunKey } from './key-arguments.ts';
import { checkedLimit, parseCursor } from './page-arguments.ts';
import { parsePlace } from './place.ts';

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
const RUN_KINDS: readonly RunKind[] = ['workflow', 'agent', 'function'];
export const SIGNAL_KINDS: readonly SignalKind[] = ['user', 'cancel', 'child', 'decision', 'steer', 'wake'];
export const REQUEST_KINDS: readonly RequestKind[] = Object.keys(DECISIONS_OF) as RequestKind[];
const TRANSITIONS: readonly Transition['type'][] = ['park', 'release', 'block', 'end'];

/**
 * What comes in is checked and copied before it is queued: the caller may change its objects while the write waits, both
 * stores keep the same value of the same argument, and nothing throws once a transaction has begun to write.
 */

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

/** Its id is what names a message from outside. */
function checkMessageIds(messages: readonly Message[]): void {
  for (const { id } of messages) checkId('message', id);
}

function checkMessages(messages: readonly Message[]): void {
  checkJson('list of messages', messages);
  checkRecords('messages', messages);
  checkItems('messages', messages);
}

function checkBlobs(blobs: readonly string[] | undefined): void {
  checkList('blobs', blobs);
  checkItems('blobs', blobs);
  for (const hash of blobs ?? []) checkBlobHash(hash);
}

/** A child belongs to its parent's tree, and to no session: its messages are its own. */
function checkChild(child: NewRun, parent: RunKey): void {
  if (child.key.tenant !== parent.tenant || child.parent?.run !== parent.run)
    throw new TypeError(`Run ${child.key.run} is not a child of run ${parent.run}`);
  if (child.session !== undefined) throw new TypeError('A child run belongs to no session');
  checkRun(child);
}

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

function checkRequests(requests: NonNullable<Commit['requests']>): void {
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

export function checkedSignal(signal: NewSignal): NewSignal {
  const copy = copied(signal);
  checkRunKey(copy.run);
  checkOneOf('kind of a signal', copy.kind, SIGNAL_KINDS);
  checkId('signal', copy.key);
  checkJson('body of a signal', copy.body);
  return copy;
}

export function checkedMove(to: SessionLife): SessionLife {
  if (to !== 'closing' && to !== 'closed')
    throw new TypeError(`A session moves to closing or closed, not ${JSON.stringify(to)}`);
  return to;
}

export function checkedMessages(messages: readonly Message[], expectedHead: number): readonly Message[] {
  checkCount('expected head', expectedHead);
  const copy = copied(messages);
  checkMessages(copy);
  for (const message of copy) checkMessage(message);
  return copy;
}

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

const DECISIONS: readonly string[] = ['approved', 'edited', 'rejected', 'answered', 'expired', 'withdrawn'];

export function checkedDecision(decision: NewDecision): NewDecision {
  const copy = copied(decision);
  checkRunKey(copy.run);
  checkId('request', copy.request);
  checkOneOf('decision', copy.decision.status, DECISIONS);
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

/** A sweep with its cursor read. Rows come first, then bytes that have none. */
export function checkedSweep({
  graceMs,
  limit,
  after = 'row-0',
}: BlobSweep & { readonly graceMs: number; readonly limit: number }): {
  readonly graceMs: number;
  readonly limit: number;
  readonly at: { readonly row: number } | { readonly portion: number };
} {
  if (!(Number.isFinite(graceMs) && graceMs >= 0)) throw new TypeError(`graceMs must be 0 or more, not ${graceMs}`);
  const [, stage, digits] = /^(row|bytes)-(\d{1,15})$/.exec(after) ?? [];
  if (stage === undefined) throw new TypeError(`${shown(after)} is no cursor of a sweep`);
  const number = Number(digits);
  return { graceMs, limit: checkedLimit(limit), at: stage === 'row' ? { row: number } : { portion: number } };
}
