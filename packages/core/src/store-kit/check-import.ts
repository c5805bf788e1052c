import { checkMessage } from '../check-message.ts';
import { JOURNAL_LIMIT, WRITE_LIMIT } from '../commit.ts';
import { isPrusikError, PrusikError } from '../errors.ts';
import { checkId } from '../ids.ts';
import type { GrantRecord, NoteRecord, RequestRecord, RunImport, SessionImport } from '../imported.ts';
import { isObject, type Json } from '../json.ts';
import { checkBudget } from '../ledger.ts';
import { ARTIFACT_NOTE } from '../note.ts';
import { partialReason } from '../partial.ts';
import { CLOSED_STATUSES } from '../request.ts';
import { isFinal } from '../run.ts';
import { SESSION_CUT_LIMIT } from '../session.ts';
import { SLOT_LIMIT } from '../slot.ts';
import { checkCount, checkJson, checkOneOf, checkText, checkTime } from './argument-values.ts';
import { checkEntry } from './check-entry.ts';
import { copied } from './copied.ts';
import { checkBlobHash } from './key-arguments.ts';
import { newRunOf } from './recorded-run.ts';
import { REQUEST_KINDS } from './request-arguments.ts';
import { checkRun } from './run-arguments.ts';
import { SIGNAL_KINDS } from './signal-arguments.ts';

/** Lists of a record whose rows are looked at one by one. */
type Part = 'entries' | 'signals' | 'messages' | 'requests' | 'grants' | 'notes' | 'slots' | 'blobs';

/**
 * A copy of the record of an ended run, if it is one that a store could have written: all of its rows, each by itself and how they hang together. Pure. What
 * only a store can know (its time, what stands there) is looked at where it is written.
 *
 * @throws {PrusikError} `RUN_LIVE` for a run that has not ended, `IMPORT_TOO_LARGE` past {@link WRITE_LIMIT}, `IMPORT_INVALID` for everything else; `meta.part` and
 *   `meta.index` say which row, where it is one.
 */
export function checkedRunImport(record: RunImport): RunImport {
  const copy = copiedRecord(record);
  checkRunImport(copy);
  return copy;
}

/** The same of a closed session. */
export function checkedSessionImport(record: SessionImport): SessionImport {
  const copy = copiedRecord(record);
  checkSessionImport(copy);
  return copy;
}

/** A record is one write, and has no portions. */
function copiedRecord<T>(record: T): T {
  try {
    return copied(record);
  } catch (error) {
    if (error instanceof TypeError) throw importInvalid(error.message);
    if (!isPrusikError(error, 'WRITE_TOO_LARGE')) throw error;
    throw new PrusikError('IMPORT_TOO_LARGE', `A run or a session to be imported has at most ${WRITE_LIMIT} bytes`, {
      cause: error,
      meta: { maxBytes: WRITE_LIMIT },
    });
  }
}

function checkRunImport(record: RunImport): void {
  const { run, entries, signals, requests, notes, ledger, latest } = record;
  part('run', () => {
    checkObject('run', run);
    if (!isFinal(run.status)) {
      checkOneOf('status of a run', run.status, ['queued', 'running', 'waiting', 'blocked']);
      throw new PrusikError('RUN_LIVE', `The run ${checkId('run', run.key.run)} has not ended`, {
        meta: { run: run.key.run },
      });
    }
    checkRun(newRunOf(run));
    for (const [name, value] of Object.entries({ epoch: run.epoch, seq: run.seq, inbox: run.inbox }))
      checkCount(name, value);
    checkFlag('attended', run.attended);
    checkFlag('cancelRequested', run.cancelRequested);
    checkPast('createdAt', run.createdAt, latest);
    checkPast('endedAt', run.endedAt, latest);
    if (run.endedAt < run.createdAt) throw new TypeError('endedAt is before createdAt');
    if (run.partial !== undefined) partialReason(run.partial);
    if (run.error !== undefined) checkError(run.error);
    if (run.absorbedBy !== undefined) checkId('run', run.absorbedBy);
    if (run.blocked !== undefined) throw new TypeError('A run that has ended is not blocked');
    if (run.wakeAt !== null) throw new TypeError('A run that has ended has no timer');
    if (run.parent !== undefined && run.session !== undefined) throw new TypeError('A child belongs to no session');
    if (run.seq !== entries.length) throw new TypeError(`There are ${entries.length} entries and not ${run.seq}`);
    if (run.inbox !== signals.length) throw new TypeError(`There are ${signals.length} signals and not ${run.inbox}`);
    if (entries.length < 2 || entries.length > JOURNAL_LIMIT + 1_000)
      throw new TypeError(`A journal of an ended run does not have ${entries.length} entries`);
    if (run.session !== undefined && (record.messages.length > 0 || record.slots.length > 0))
      throw new TypeError('Messages and slots of a run in a session are those of the session');
  });
  let at = run.createdAt;
  each('entries', entries, (entry, index) => {
    checkEntry(entry);
    checkPlace('entry', entry.seq, index + 1);
    checkPast('time of an entry', entry.at, latest);
    if (entry.at < at) throw new TypeError('The time of an entry is before that of the one before');
    at = entry.at;
    if ((entry.type === 'run-start') !== (index === 0)) throw new TypeError('run-start is entry 1, and no other');
    if ((entry.type === 'run-end') !== (index === entries.length - 1))
      throw new TypeError('run-end is the last entry, and no other');
    if (entry.type === 'run-start' && (entry.at !== run.createdAt || entry.definition !== run.definition))
      throw new TypeError('Entry 1 is about another run');
    if (entry.type === 'run-end' && entry.status !== run.status) throw new TypeError('The run ended in another way');
  });
  const keys = new Set<string>();
  each('signals', signals, (signal, index) => {
    checkObject('signal', signal);
    checkPlace('signal', signal.n, index + 1);
    checkOneOf('kind of a signal', signal.kind, SIGNAL_KINDS);
    checkId('signal', signal.key);
    checkJson('body of a signal', signal.body);
    checkPast('time of a signal', signal.at, latest);
    unique(keys, `${signal.kind} ${signal.key}`);
  });
  const ids = new Set<string>();
  each('requests', requests, (request) => {
    checkRequest(request, latest);
    unique(ids, request.id);
  });
  each('notes', notes, (note) => checkNote(note, latest));
  if (ledger !== undefined)
    part('ledger', () => {
      checkObject('ledger', ledger);
      for (const amounts of [ledger.limits, ledger.used, ledger.reserved]) {
        checkObject('amounts of a ledger', amounts);
        checkBudget(amounts);
      }
      for (const dimension of ['calls', 'tokens', 'costMicros', 'runs'] as const)
        for (const amounts of [ledger.used, ledger.reserved]) checkCount(`amount of ${dimension}`, amounts[dimension]);
    });
  checkOwned(record);
  checkImported(record);
}

function checkSessionImport(record: SessionImport): void {
  const { session, notes, latest, messages } = record;
  part('session', () => {
    checkObject('session', session);
    checkObject('key', session.key);
    checkId('tenant', session.key.tenant);
    checkId('session', session.key.session);
    checkPast('createdAt', session.createdAt, latest);
    checkCount('floor of a thread', session.floor);
    if (session.forkedFrom !== undefined) {
      checkId('session', session.forkedFrom.session);
      checkCount('message number', session.forkedFrom.n);
    }
    if (!Array.isArray(session.cuts) || session.cuts.length > SESSION_CUT_LIMIT)
      throw new TypeError(`A session has at most ${SESSION_CUT_LIMIT} cuts`);
    const head = session.floor + messages.length;
    let end = 0;
    for (const cut of session.cuts) {
      checkObject('cut', cut);
      checkCount('first message of a cut', cut.from);
      checkCount('last message of a cut', cut.to);
      if (cut.from <= end || cut.to < cut.from || cut.to > head) throw new TypeError('Cuts rise and do not touch');
      end = cut.to + 1;
    }
  });
  each('messages', messages, ({ n }, index) => checkPlace('message', n, session.floor + index + 1));
  each('notes', notes, (note) => {
    checkNote(note, latest);
    checkId('run', note.run);
    checkId('definition name', note.definition);
    if (note.kind === ARTIFACT_NOTE) throw new TypeError('An artifact is of a run, and goes with it');
  });
  checkOwned(record);
  checkImported(record);
}

function checkOwned({ messages, slots, grants, blobs, latest }: RunImport | SessionImport): void {
  let n: number | undefined;
  each('messages', messages, (stored) => {
    checkObject('message', stored);
    checkPlace('message', stored.n, n === undefined ? Math.max(1, stored.n) : n + 1);
    n = stored.n;
    checkMessage(stored.message);
    checkId('message', stored.message.id);
  });
  const names = new Set<string>();
  each('slots', slots, (slot) => {
    checkObject('slot', slot);
    unique(names, checkId('slot', slot.name));
    checkJson('value of a slot', slot.value);
    if (names.size > SLOT_LIMIT) throw new TypeError(`There are at most ${SLOT_LIMIT} slots`);
  });
  each('grants', grants, (grant) => checkGrant(grant, latest));
  each('blobs', blobs, checkBlobHash);
}

function checkRequest(request: RequestRecord, latest: number): void {
  checkObject('request', request);
  checkId('request', request.id);
  checkOneOf('kind of a request', request.kind, REQUEST_KINDS);
  checkOneOf('status of a request of an ended run', request.status, CLOSED_STATUSES);
  if (request.stepKey !== '') checkId('step key', request.stepKey);
  checkJson('body of a request', request.body);
  if (request.schema !== undefined) checkObject('schema', request.schema);
  if (request.expiresAt !== null) checkTime('expiresAt', request.expiresAt);
  checkPast('openedAt', request.openedAt, latest);
  checkFlag('claimed', request.claimed);
  const { decision } = request;
  if (decision === undefined) return;
  checkObject('decision', decision);
  if (decision.status !== request.status) throw new TypeError('The decision is another than the status');
  checkPast('time of a decision', decision.at, latest);
  if (decision.by !== undefined) checkText('name of who decided', decision.by);
  if (decision.reason !== undefined && typeof decision.reason !== 'string')
    throw new TypeError('The reason of a decision is text');
}

function checkGrant(grant: GrantRecord, latest: number): void {
  checkObject('grant', grant);
  checkText('tool of a grant', grant.tool);
  checkText('hash of a tool', grant.toolHash);
  checkJson('part of a grant', grant.part);
  checkFlag('exact', grant.exact);
  if (grant.expiresAt !== null) checkTime('expiresAt', grant.expiresAt);
  checkObject('giving of a grant', grant.given);
  checkId('run', grant.given.run);
  checkId('request', grant.given.request);
  checkPast('time of a grant', grant.given.at, latest);
  if (grant.given.by !== undefined) checkText('name of who granted', grant.given.by);
  if (grant.revoked === undefined) return;
  checkObject('revocation', grant.revoked);
  checkPast('time of a revocation', grant.revoked.at, latest);
  if (grant.revoked.by !== undefined) checkText('name of who revoked', grant.revoked.by);
}

function checkNote(note: NoteRecord, latest: number): void {
  checkObject('note', note);
  checkId('kind of a note', note.kind);
  checkId('step key', note.key);
  checkJson('data of a note', note.data);
  checkPast('time of a note', note.at, latest);
}

function checkImported({ imported, latest }: RunImport | SessionImport): void {
  part('imported', () => {
    checkObject('imported', imported);
    checkBlobHash(imported.digest);
    if (imported.redacted !== undefined && imported.redacted !== true)
      throw new TypeError('redacted is true, or missing');
    if ('session' in imported && imported.session !== undefined) checkId('session', imported.session);
    checkTime('latest', latest);
  });
}

function checkError(error: unknown): void {
  if (!isObject(error as Json)) throw new TypeError('An error is an object');
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  checkText('code of an error', code);
  if (typeof message !== 'string') throw new TypeError('The message of an error is text');
}

function checkObject(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TypeError(`The ${name} must be an object`);
}

function checkFlag(name: string, value: unknown): void {
  if (typeof value !== 'boolean') throw new TypeError(`${name} is true or false`);
}

function checkPlace(name: string, n: unknown, expected: number): void {
  checkCount(`number of a ${name}`, n);
  if (n !== expected) throw new TypeError(`The ${name} has the number ${String(n)}, not ${expected}`);
}

function checkPast(name: string, at: unknown, latest: number): asserts at is number {
  checkTime(name, at);
  if (!((at as number) >= 0 && (at as number) <= latest))
    throw new TypeError(`${name} is ${String(at)}, which is not between 0 and ${latest}`);
}

function unique(seen: Set<string>, name: string): void {
  if (seen.has(name)) throw new TypeError('It is there twice');
  seen.add(name);
}

function each<T>(name: Part, items: readonly T[], check: (item: T, index: number) => void): void {
  part(name, () => {
    if (!Array.isArray(items)) throw new TypeError(`The ${name} must be a list`);
  });
  for (const [index, item] of items.entries()) part(name, () => check(item, index), index);
}

/** What is wrong with an argument is a `TypeError` elsewhere; here it is what somebody's file holds. */
function part(name: string, check: () => void, index?: number): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof TypeError) && !isPrusikError(error, 'MESSAGE_INVALID')) throw error;
    throw importInvalid(`${name}${index === undefined ? '' : `[${index}]`}: ${error.message}`, {
      part: name,
      ...(index === undefined ? {} : { index }),
    });
  }
}

export function importInvalid(what: string, meta: Readonly<Record<string, Json>> = {}): PrusikError {
  return new PrusikError('IMPORT_INVALID', what, { meta });
}
