import { toArtifactData } from '../artifact.ts';
import type { Ledger } from '../ledger.ts';
import type { RunKey } from '../ids.ts';
import { JOURNAL_LIMIT, type Commit, type CommitResult } from '../commit.ts';
import type { NewRun } from '../new-run.ts';
import { ARTIFACT_NOTE, type NewNote } from '../note.ts';
import { OPEN_REQUEST_LIMIT } from '../request.ts';
import { findUnknownBlob } from './blob-rows.ts';
import { historiesOf, type Histories } from './histories.ts';
import { isClaimable, openRequestsOf, settleRequest } from './decide.ts';
import { applyToLedgersOf } from './ledger-path.ts';
import { threadOf } from './rows.ts';
import { signalRun } from './signal.ts';
import { createRun, isSameStart } from './start.ts';
import { absorb, mayAbsorb } from './steer.ts';
import { SLOT_LIMIT, type SlotChange } from '../slot.ts';
import type { RunState, StoreTransaction } from './tables.ts';
import { makeTransition } from './transition.ts';

/** What the checks have found out and the writes need. */
interface Approved {
  readonly newChildren: readonly NewRun[];
  readonly histories: Histories;
  readonly ledgers: readonly { readonly key: RunKey; readonly ledger: Ledger }[];
}

type Refusal = Omit<Extract<CommitResult, { outcome: 'refused' }>, 'outcome' | 'now'>;

/** Everything is looked at before the first write, so that a refused commit leaves nothing behind in a shared transaction. */
export function commitRun(tx: StoreTransaction, commit: Commit): CommitResult {
  const state = tx.tables.state(commit.run);
  // The epoch alone is the fence: a lease that ran out and that nobody took is still the last holder's, and recording an
  // effect that happened is better than to leave it in doubt.
  if (state === undefined || state.status !== 'running' || state.epoch !== commit.epoch) return { outcome: 'stale' };
  const checked = check(tx, state, commit);
  if ('code' in checked) return { outcome: 'refused', ...checked, now: tx.now };
  const at = Math.max(tx.now, state.at);
  const { inbox } = write(tx, state, commit, checked, at);
  return {
    outcome: 'committed',
    seq: state.seq + commit.entries.length,
    at,
    inbox,
    cancelRequested: state.cancel !== 'none',
  };
}

/** The order of the refusals is part of the contract: the first one found is the answer. */
function check(tx: StoreTransaction, state: RunState, commit: Commit): Refusal | Approved {
  const { tables, now } = tx;
  const { tenant } = state.key;
  if (commit.notBefore !== undefined && now < commit.notBefore) return { code: 'TOO_EARLY' };
  // What a person chose for a full journal has to fit as well.
  const ends =
    commit.transition?.type === 'end' ||
    commit.transition?.type === 'block' ||
    commit.entries.some(({ type }) => type === 'run-unblock');
  if (!ends && commit.entries.length > 0 && state.seq + commit.entries.length > JOURNAL_LIMIT)
    return { code: 'JOURNAL_FULL' };
  if (commit.messages !== undefined && commit.messages.from !== tables.threadHead(threadOf(state)) + 1)
    return { code: 'THREAD_MOVED' };
  if (!mayAbsorb(tx, state, commit.absorb ?? [])) return { code: 'STEER_WITHDRAWN' };
  const newChildren = commit.children === undefined ? [] : findNewChildren(tx, commit.children);
  if (newChildren === undefined) return { code: 'RUN_INPUT_MISMATCH' };
  if (
    findUnknownBlob(tx, tenant, commit.blobs) !== undefined ||
    (commit.notes !== undefined && findUnknownBlob(tx, tenant, bytesOf(commit.notes)) !== undefined) ||
    newChildren.some(({ blobs }) => findUnknownBlob(tx, tenant, blobs) !== undefined)
  )
    return { code: 'BLOB_UNKNOWN' };
  const histories = historiesOf(tables, state, newChildren);
  if (typeof histories === 'string') return { code: histories };
  const claimed = commit.claimRequests ?? [];
  if (claimed.some((id, index) => claimed.indexOf(id) < index || !isClaimable(tables.request(state.key, id))))
    return { code: 'REQUEST_CLAIMED' };
  if (tooManyRequests(tx, state, commit)) return { code: 'TOO_MANY_REQUESTS' };
  if (tooManySlots(tx, state, commit.slots ?? [])) return { code: 'TOO_MANY_SLOTS' };
  checkNames(tx, state, commit);
  if (commit.ledger === undefined && newChildren.length === 0) return { newChildren, histories, ledgers: [] };
  const applied = applyToLedgersOf(tx, state, commit.ledger ?? {}, newChildren.length);
  return applied.ok
    ? { newChildren, histories, ledgers: applied.rows }
    : { code: 'BUDGET_EXCEEDED', noRoom: applied.noRoom };
}

/** Hashes of the bytes of artifacts. */
function bytesOf(notes: readonly NewNote[]): readonly string[] {
  return notes.flatMap(({ kind, data }) => (kind === ARTIFACT_NOTE ? [toArtifactData(data).hash] : []));
}

/** Children without a row; `undefined` when one of them is another run. */
function findNewChildren(tx: StoreTransaction, children: readonly NewRun[]): readonly NewRun[] | undefined {
  const found = new Map<string, NewRun>();
  for (const child of children) {
    const existing = tx.tables.state(child.key);
    const twin = found.get(child.key.run);
    if (existing !== undefined ? !isSameStart(existing, child) : twin !== undefined && !isTwin(twin, child))
      return undefined;
    if (existing === undefined) found.set(child.key.run, child);
  }
  return [...found.values()];
}

function isTwin(a: NewRun, b: NewRun): boolean {
  return a.definition === b.definition && a.inputHash === b.inputHash;
}

function tooManyRequests(tx: StoreTransaction, state: RunState, commit: Commit): boolean {
  if (commit.requests === undefined || commit.requests.length === 0) return false;
  // A blocked run must always be able to ask for help.
  const counted = commit.requests.filter(({ kind }) => kind !== 'intervention');
  if (counted.length === 0) return false;
  const open = new Set(openRequestsOf(tx, state).flatMap(({ id, kind }) => (kind === 'intervention' ? [] : [id])));
  for (const { id } of commit.closeRequests ?? []) open.delete(id);
  return open.size + counted.length > OPEN_REQUEST_LIMIT;
}

function tooManySlots({ tables }: StoreTransaction, state: RunState, changes: readonly SlotChange[]): boolean {
  if (changes.length === 0) return false;
  const held = new Set(tables.slots(threadOf(state)).map(({ name }) => name));
  for (const { name, value } of changes) {
    if (value === undefined) held.delete(name);
    else held.add(name);
  }
  return held.size > SLOT_LIMIT;
}

/** What only a defect of the caller can get wrong. */
function checkNames({ tables }: StoreTransaction, state: RunState, commit: Commit): void {
  const run = `Run ${state.key.run}`;
  for (const { id } of commit.requests ?? []) {
    if (tables.request(state.key, id) !== undefined)
      throw new TypeError(`${run} has had a request ${JSON.stringify(id)} before`);
  }
  for (const { key, root } of commit.children ?? []) {
    if (root !== state.root)
      throw new TypeError(`Run ${key.run} is a child of run ${state.key.run} and does not belong to its tree`);
  }
  for (const { run: key } of commit.cancel ?? []) {
    const child = tables.state(key);
    if (child !== undefined && child.parent?.run !== state.key.run)
      throw new TypeError(`${run} is not the parent of run ${key.run}, which it wants cancelled`);
  }
  if (commit.transition?.type === 'block') {
    const { request: id } = commit.transition;
    if (tables.request(state.key, id) === undefined && !commit.requests?.some((request) => request.id === id))
      throw new TypeError(`${run} has no request ${JSON.stringify(id)} to be blocked by`);
  }
}

function write(tx: StoreTransaction, before: RunState, commit: Commit, approved: Approved, at: number): RunState {
  const { tables, news } = tx;
  // What is withdrawn is told to the run itself, so its inbox grows by this commit.
  const state =
    commit.closeRequests === undefined
      ? before
      : { ...before, inbox: before.inbox + withdraw(tx, before, commit.closeRequests) };
  if (commit.entries.length > 0) tables.appendEntries(state, state.seq + 1, at, commit.entries);
  if (commit.messages !== undefined)
    tables.appendMessages(threadOf(state), commit.messages.from, commit.messages.items);
  for (const id of commit.absorb ?? []) absorb(tx, state, id);
  if (commit.slots !== undefined) tables.saveSlots(threadOf(state), commit.slots);
  if (commit.notes !== undefined) {
    tables.appendNotes(state, at, commit.notes);
    const made = bytesOf(commit.notes);
    if (made.length > 0) tables.useOwnBlobs(state, made);
  }
  if (commit.blobs !== undefined) tables.useBlobs(state, commit.blobs);
  for (const child of approved.newChildren)
    createRun(tx, child, { history: approved.histories.get(child.key.run) ?? [] });
  for (const id of commit.claimRequests ?? []) {
    const request = tables.request(state.key, id);
    if (request !== undefined) tables.saveRequest(state, { ...request, claimed: true });
    news.request({ run: state.key, request: id });
  }
  for (const request of commit.requests ?? []) {
    tables.insertRequest(state, request, at);
    news.request({ run: state.key, request: request.id });
  }
  for (const { key, ledger } of approved.ledgers) tables.saveLedger(key, ledger);
  for (const { run, reason } of commit.cancel ?? [])
    signalRun(tx, { run, kind: 'cancel', key: 'cancel', body: { reason } });
  const seen = Math.max(state.seen, Math.min(commit.seen ?? 0, state.inbox));
  const lost = commit.progress ? 0 : state.lost;
  // A plain step leaves the run's row alone: its place in the journal is the only thing that has changed.
  if (commit.transition !== undefined || seen !== state.seen || lost !== state.lost) {
    const held: RunState = { ...state, seq: state.seq + commit.entries.length, at, seen, lost };
    if (commit.transition === undefined) tables.saveRun(held);
    else makeTransition(tx, held, commit.transition, commit.seen ?? 0);
  }
  news.run(state.key, commit.transition?.type === 'end' ? 'end' : 'commit', () =>
    commit.entries.map((body, index) => ({ ...body, seq: state.seq + 1 + index, at })),
  );
  return state;
}

/** How many there were to withdraw. */
function withdraw(tx: StoreTransaction, state: RunState, requests: NonNullable<Commit['closeRequests']>): number {
  let withdrawn = 0;
  for (const { id, reason } of requests) {
    const request = tx.tables.request(state.key, id);
    if (request?.status !== 'open') continue;
    settleRequest(tx, state, request, { status: 'withdrawn', ...(reason === undefined ? {} : { reason }) });
    withdrawn += 1;
  }
  return withdrawn;
}
