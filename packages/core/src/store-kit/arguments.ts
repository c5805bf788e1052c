import type { BlobSweep } from '../blob.ts';
import { checkId, type RunKey, type SessionKey } from '../ids.ts';
import type { Amount } from '../ledger.ts';
import type { LiveTextMark, LiveTextWrite } from '../live-text.ts';
import { blobsOf, type Message, type ThreadKey } from '../message.ts';
import type { Removal } from '../removal.ts';
import type { SessionLife, SessionQuery } from '../session.ts';
import type { ClaimQuery } from '../claim.ts';
import type { Commit } from '../commit.ts';
import type { NewRun } from '../new-run.ts';
import { PAGE_LIMIT, type PageAfter, type PageBefore } from '../page.ts';
import type { NewDecision, RequestQuery } from '../request.ts';
import type { RunQuery } from '../run.ts';
import type { NewSignal } from '../signal.ts';
import { checkItems, copied } from './copied.ts';

/**
 * What comes in is checked and copied before it is queued: the caller may change its objects while the write waits, both
 * stores keep the same value of the same argument, and nothing throws once a transaction has begun to write.
 */

export function checkedRun(run: NewRun): NewRun {
  const copy = copied(run);
  checkRun(copy);
  return copy;
}

function checkRun(copy: NewRun): void {
  checkRunKey(copy.key);
  checkId('definition name', copy.definition);
  checkText('version', copy.version);
  checkText('input hash', copy.inputHash);
  checkId('run', copy.root);
  checkCount('depth', copy.depth);
  if (!Number.isSafeInteger(copy.priority))
    throw new TypeError(`The priority must be an integer, not ${copy.priority}`);
  if (copy.session !== undefined) checkId('session', copy.session.id);
  if (copy.parent === undefined) {
    if (copy.root !== copy.key.run) throw new TypeError('A run without a parent is its own root');
  } else {
    checkId('run', copy.parent.run);
    checkId('step key', copy.parent.key);
    if (copy.parent.run === copy.key.run || copy.root === copy.key.run)
      throw new TypeError(`Run ${copy.key.run} cannot be its own parent or root`);
    if (copy.budget !== undefined) throw new TypeError('Only a root has a budget');
  }
  checkAmount(copy.budget);
  checkItems('messages', copy.messages);
  checkItems('blobs', copy.blobs);
  for (const hash of copy.blobs ?? []) checkBlobHash(hash);
}

/** A child belongs to its parent's tree, and to no session: its messages are its own. */
function checkChild(child: NewRun, parent: RunKey): void {
  if (child.key.tenant !== parent.tenant || child.parent?.run !== parent.run)
    throw new TypeError(`Run ${child.key.run} is not a child of run ${parent.run}`);
  if (child.session !== undefined) throw new TypeError('A child run belongs to no session');
  checkRun(child);
}

export function checkedCommit(commit: Commit): Commit {
  const copy = copied(commit);
  checkRunKey(copy.run);
  checkCount('epoch', copy.epoch);
  checkItems('entries', copy.entries);
  checkItems('messages', copy.messages?.items);
  checkItems('blobs', copy.blobs);
  checkItems('children', copy.children);
  checkItems('cancel', copy.cancel);
  checkItems('requests', copy.requests);
  checkItems('closeRequests', copy.closeRequests);
  checkItems('claimRequests', copy.claimRequests);
  const last = copy.entries.at(-1);
  for (const entry of copy.entries) {
    // The journal's first and last entries mark the run's life: they are written with it, or not at all.
    if (entry.type === 'run-start') throw new TypeError('Entry 1 is written by start alone');
    if (entry.type === 'run-end' && !(entry === last && copy.transition?.type === 'end'))
      throw new TypeError('The entry run-end is the last one, of the commit that ends the run');
  }
  if (copy.transition?.type === 'end' && last?.type !== 'run-end')
    throw new TypeError('The commit that ends a run ends with the entry run-end');
  for (const child of copy.children ?? []) checkChild(child, copy.run);
  for (const hash of copy.blobs ?? []) checkBlobHash(hash);
  if (copy.messages !== undefined) checkCount('message number', copy.messages.from);
  if (copy.seen !== undefined) checkCount('last signal seen', copy.seen);
  if ((copy.transition?.type === 'park' || copy.transition?.type === 'block') && copy.seen === undefined)
    throw new TypeError(`A ${copy.transition.type} needs the last signal seen`);
  if (copy.transition?.type === 'park' && copy.transition.wakeAt !== null) checkTime('wakeAt', copy.transition.wakeAt);
  if (copy.transition?.type === 'block') checkText('code', copy.transition.code);
  if (copy.notBefore !== undefined) checkTime('notBefore', copy.notBefore);
  const ids = new Set<string>();
  for (const request of copy.requests ?? []) {
    checkId('request', request.id);
    if (ids.has(request.id)) throw new TypeError(`Request ${JSON.stringify(request.id)} is there twice`);
    ids.add(request.id);
    if (request.stepKey !== '') checkId('step key', request.stepKey);
    if (request.expiresAt !== null) checkTime('expiresAt', request.expiresAt);
  }
  for (const id of copy.claimRequests ?? []) checkId('request', id);
  for (const { id } of copy.closeRequests ?? []) checkId('request', id);
  for (const key of copy.cancel ?? []) {
    checkRunKey(key);
    if (key.tenant !== copy.run.tenant) throw new TypeError('A child is of the same tenant as its parent');
  }
  checkAmount(copy.ledger?.release);
  checkAmount(copy.ledger?.use);
  checkAmount(copy.ledger?.reserve);
  return copy;
}

export function checkedSignal(signal: NewSignal): NewSignal {
  const copy = copied(signal);
  checkRunKey(copy.run);
  checkId('signal', copy.key);
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
  checkItems('messages', copy);
  for (const hash of copy.flatMap(blobsOf)) checkBlobHash(hash);
  return copy;
}

export function checkedRemoval(removal: Removal): Removal {
  const copy = copied(removal);
  checkId('tenant', copy.tenant);
  const named = ['session', 'run', 'endedBefore'].filter((name) => name in copy);
  if (named.length !== 1) throw new TypeError(`A removal names a session, a run or endedBefore, and one of them alone`);
  if ('session' in copy) checkId('session', copy.session);
  else if ('run' in copy) checkId('run', copy.run);
  else {
    checkTime('endedBefore', copy.endedBefore);
    return { ...copy, limit: checkedLimit(copy.limit) };
  }
  return copy;
}

const DECISIONS: ReadonlySet<string> = new Set(['approved', 'edited', 'rejected', 'answered', 'expired', 'withdrawn']);

export function checkedDecision(decision: NewDecision): NewDecision {
  const copy = copied(decision);
  checkRunKey(copy.run);
  checkId('request', copy.request);
  if (!DECISIONS.has(copy.decision.status))
    throw new TypeError(
      `A decision is one of ${[...DECISIONS].join(', ')}, not ${JSON.stringify(copy.decision.status)}`,
    );
  return copy;
}

export function checkedQuery(query: ClaimQuery): ClaimQuery {
  const copy = copied(query);
  checkText('worker', copy.worker);
  checkLeaseMs(copy.leaseMs);
  checkCount('limit', copy.limit);
  const { room, alone } = copy.suspects;
  if (!(room >= 0 && room <= 1)) throw new TypeError(`The room for suspects must be from 0 to 1, not ${room}`);
  for (const { run, epoch } of copy.except ?? []) {
    checkRunKey(run);
    checkCount('epoch', epoch);
  }
  checkCount('number of losses of a suspect that is alone', alone);
  if (copy.only !== undefined) {
    const named = 'run' in copy.only ? [copy.only.run] : copy.only.roots;
    if (named.length > PAGE_LIMIT)
      throw new TypeError(`A claim names at most ${PAGE_LIMIT} trees, not ${named.length}`);
    for (const key of named) checkRunKey(key);
  }
  return { ...copy, limit: Math.min(copy.limit, PAGE_LIMIT) };
}

export function checkLeaseMs(ms: number): void {
  if (!(Number.isSafeInteger(ms) && ms > 0)) throw new TypeError(`leaseMs must be a positive integer, not ${ms}`);
}

export function checkedLiveText(writes: readonly LiveTextWrite[]): readonly LiveTextWrite[] {
  const copy = copied(writes);
  for (const { run, epoch, texts, ended } of copy) {
    checkRunKey(run);
    checkCount('epoch', epoch);
    for (const step of ended) checkId('step key', step);
    for (const { step, attempt, offset, text, head } of texts) {
      checkId('step key', step);
      checkCount('attempt', attempt);
      checkCount('offset', offset);
      checkCount('head', head);
      if (typeof text !== 'string' || !text.isWellFormed())
        throw new TypeError(`The text of step ${step} is no string, or holds an unpaired surrogate`);
      if (head < offset + text.length) throw new TypeError(`The text of step ${step} goes past its head`);
    }
  }
  return copy;
}

export function checkedMarks(have: readonly LiveTextMark[]): readonly LiveTextMark[] {
  for (const { step, epoch, attempt, offset } of have) {
    checkId('step key', step);
    checkCount('epoch', epoch);
    checkCount('attempt', attempt);
    checkCount('offset', offset);
  }
  return have;
}

/** The same page with its limit within bounds. */
export function checkedPage<T extends PageAfter | PageBefore>(page: T): T {
  checkCount('page position', 'after' in page ? page.after : page.before);
  return { ...page, limit: checkedLimit(page.limit) };
}

function checkedLimit(limit: number): number {
  if (!(Number.isSafeInteger(limit) && limit > 0))
    throw new TypeError(`limit must be a positive integer, not ${limit}`);
  return Math.min(limit, PAGE_LIMIT);
}

export function checkedRunQuery(query: RunQuery): RunQuery {
  checkList(query);
  if (query.definition !== undefined) checkId('definition name', query.definition);
  if (query.session !== undefined) checkId('session', query.session);
  if (query.parent !== undefined) checkId('run', query.parent);
  return { ...query, limit: checkedLimit(query.limit) };
}

export function checkedSessionQuery(query: SessionQuery): SessionQuery {
  checkList(query);
  return { ...query, limit: checkedLimit(query.limit) };
}

export function checkedRequestQuery(query: RequestQuery): RequestQuery {
  checkList(query);
  if (query.run !== undefined) checkId('run', query.run);
  return { ...query, limit: checkedLimit(query.limit) };
}

function checkList({ tenant, root, after }: { tenant: string; root?: string; after?: string }): void {
  checkId('tenant', tenant);
  if (root !== undefined) checkId('run', root);
  parseCursor(after);
}

/** The number in a cursor of ours; 0 is before the first. */
export function parseCursor(cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined;
  if (!/^[1-9]\d{0,15}$/.test(cursor)) throw new TypeError(`${JSON.stringify(cursor)} is no cursor of this store`);
  return Number(cursor);
}

export function checkBlobHash(hash: unknown): void {
  if (typeof hash !== 'string' || !/^sha256:[0-9a-f]{64}$/.test(hash))
    throw new TypeError('The hash of a blob is "sha256:" and 64 hexadecimal digits');
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
  if (stage === undefined) throw new TypeError(`${JSON.stringify(after)} is no cursor of a sweep`);
  const number = Number(digits);
  return { graceMs, limit: checkedLimit(limit), at: stage === 'row' ? { row: number } : { portion: number } };
}

export function checkRunKey({ tenant, run }: RunKey): void {
  checkId('tenant', tenant);
  checkId('run', run);
}

export function checkedSessionKey({ tenant, session }: SessionKey): SessionKey {
  return { tenant: checkId('tenant', tenant), session: checkId('session', session) };
}

export function checkThreadKey({ tenant, of, id }: ThreadKey): void {
  checkId('tenant', tenant);
  checkId(of, id);
}

/** A name that is not an id of ours: of a version, a worker, a code. */
function checkText(name: string, value: unknown): void {
  if (typeof value !== 'string' || value.length > 200 || !value.isWellFormed() || value.includes('\0'))
    throw new TypeError(`The ${name} must be a string of at most 200 characters without NUL or an unpaired surrogate`);
}

function checkCount(name: string, value: unknown): void {
  if (!Number.isSafeInteger(value) || (value as number) < 0)
    throw new TypeError(`The ${name} must be a whole number, not ${String(value)}`);
}

function checkTime(name: string, value: unknown): void {
  if (!Number.isFinite(value))
    throw new TypeError(`${name} must be milliseconds since the epoch, not ${String(value)}`);
}

/** Anything but whole units would make a limit that NaN slips under, or sums that drift. */
function checkAmount(amount: Amount | undefined): void {
  if (amount === undefined) return;
  for (const [dimension, value] of Object.entries(amount)) checkCount(`amount of ${dimension}`, value);
}
