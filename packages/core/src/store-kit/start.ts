import { openLedger } from '../ledger.ts';
import type { RunStart } from '../entry.ts';
import type { RunKey } from '../ids.ts';
import { blobsOf, type Message } from '../message.ts';
import { SESSION_QUEUE_LIMIT, type NewRun, type StartResult } from '../new-run.ts';
import { withTimeout } from '../rights.ts';
import type { ThreadCut } from '../session.ts';
import { findUnknownBlob } from './blob-rows.ts';
import { readMessage, withCut } from './cut-messages.ts';
import { openRequestsOf } from './decide.ts';
import { requireRun, requireSession, requireState, rootOf, threadOf, threadOfSession } from './rows.ts';
import { mayBeAbsorbed, steer } from './steer.ts';
import type { RunState, SessionState, StoreTransaction } from './tables.ts';

export function startRun(tx: StoreTransaction, run: NewRun): StartResult {
  const { tables } = tx;
  const existing = tables.state(run.key);
  if (existing !== undefined) {
    const found = requireRun(tx, run.key);
    return isSameStart(existing, run)
      ? { outcome: 'existing', run: found }
      : { outcome: 'refused', code: 'RUN_INPUT_MISMATCH', run: found };
  }
  const session = sessionFor(tx, run);
  if (session !== undefined && session.state !== 'open')
    return { outcome: 'refused', code: 'SESSION_CLOSED', session: requireSession(tx, session.key) };
  const active = session?.activeRun ?? null;
  if (session !== undefined && active !== null) {
    const refuses = run.session?.whenBusy === 'refuse' || run.session?.cut !== undefined;
    if (refuses || tables.queueLength(session.key) >= SESSION_QUEUE_LIMIT) {
      const holder = requireRun(tx, { tenant: run.key.tenant, run: active });
      const code = refuses ? 'SESSION_BUSY' : 'SESSION_QUEUE_FULL';
      return { outcome: 'refused', code, run: holder, requestIds: openRequestIds(tx, holder.key) };
    }
  }
  const cut = cutFor(tx, run, session);
  if (cut.refused !== undefined) return cut.refused;
  const taken = findTakenId(tx, run, cut.after);
  if (taken !== undefined) return { outcome: 'refused', code: 'MESSAGE_ID_TAKEN', message: taken };
  const blob = findUnknownBlob(tx, run.key.tenant, run.blobs);
  if (blob !== undefined) return { outcome: 'refused', code: 'BLOB_UNKNOWN', blob };
  if (session !== undefined && cut.cuts !== undefined) tables.saveCuts(session, cut.cuts);
  createRun(tx, run, { session });
  if (active !== null) steer(tx, run, active);
  return { outcome: 'created', run: requireRun(tx, run.key) };
}

/** What the start hides of its session's thread. `after`: what stays ends there. */
interface CutForStart {
  readonly after: number;
  readonly cuts?: readonly ThreadCut[];
  readonly refused?: StartResult;
}

function cutFor(tx: StoreTransaction, run: NewRun, session: SessionState | undefined): CutForStart {
  const cut = run.session?.cut;
  if (cut === undefined) return { after: Number.MAX_SAFE_INTEGER };
  const { after } = cut;
  const head = session === undefined ? 0 : tx.tables.threadHead(threadOfSession(session.key));
  if (session === undefined || head !== cut.head)
    return { after, refused: { outcome: 'refused', code: 'THREAD_MOVED', head } };
  const cuts = withCut(tx, session, after, head);
  return cuts === undefined
    ? { after, refused: { outcome: 'refused', code: 'SESSION_CUTS_FULL', session: requireSession(tx, session.key) } }
    : { after, cuts };
}

/** An id that a message of the conversation, or one that waits to enter it, has already. What is cut off now may come back. */
function findTakenId({ tables }: StoreTransaction, run: NewRun, after: number): string | undefined {
  const { key, session, messages } = run;
  const twice = messages.find(({ id }, index) => messages.some((other, at) => at < index && other.id === id));
  if (twice !== undefined || session === undefined || messages.length === 0) return twice?.id;
  const { queue = [] } = tables.session({ tenant: key.tenant, session: session.id }) ?? {};
  const waiting = new Set(
    queue.flatMap((id) => tables.queuedMessages({ tenant: key.tenant, run: id }).map((message) => message.id)),
  );
  const thread = threadOfSession({ tenant: key.tenant, session: session.id });
  return messages.find(({ id }) => waiting.has(id) || (readMessage(tables, thread, id)?.n ?? Infinity) <= after)?.id;
}

/** Whether a start that names this run means this run. A child is the same only as the same parent's. */
export function isSameStart(state: RunState, run: NewRun): boolean {
  return (
    state.definition === run.definition &&
    state.inputHash === run.inputHash &&
    state.session === run.session?.id &&
    state.parent?.run === run.parent?.run
  );
}

/** What a run that was found to be new needs besides. */
interface Around {
  /** Its session's row, where it has one and the row exists. */
  readonly session?: SessionState | undefined;
  /** Messages of its parent that are the first of its own thread. */
  readonly history?: readonly Message[];
}

export function createRun(tx: StoreTransaction, run: NewRun, { session, history = [] }: Around = {}): void {
  const { tables, now, news } = tx;
  const queued = session !== undefined && session.activeRun !== null;
  const thread = threadOf({ key: run.key, ...(run.session === undefined ? {} : { session: run.session.id }) });
  const rights = withTimeout(run.rights, run.timeoutMs, now);
  tables.insertRun(Object.keys(rights).length === 0 ? run : { ...run, rights }, {
    key: run.key,
    definition: run.definition,
    version: run.version,
    inputHash: run.inputHash,
    ...(run.session === undefined ? {} : { session: run.session.id }),
    root: run.root,
    ...(run.parent === undefined ? {} : { parent: run.parent }),
    depth: run.depth,
    priority: run.priority,
    status: 'queued',
    epoch: 0,
    seq: 1,
    at: now,
    inbox: 0,
    seen: 0,
    lost: 0,
    cancel: 'none',
    inQueue: queued,
    steers: queued && mayBeAbsorbed(run),
    readyAt: queued ? null : now,
    wakeAt: null,
    leaseUntil: null,
    worker: null,
    endedAt: null,
    deadlineAt: rights.deadlineAt ?? null,
    blocked: null,
    compactedAt: null,
  });
  const created = requireState(tx, run.key);
  if (run.session !== undefined && !queued) {
    const key = { tenant: run.key.tenant, session: run.session.id };
    const activeRun = run.key.run;
    if (session === undefined) tables.insertSession({ key, state: 'open', activeRun, threadFloor: 0 }, now);
    else tables.saveSession({ ...session, activeRun });
  }
  if (history.length > 0) tables.appendMessages(thread, 1, history);
  const enters = !queued && run.messages.length > 0;
  // The thread of its own has nothing but what was just copied into it.
  const head = run.session === undefined ? history.length : tables.threadHead(thread);
  const from = enters ? head + 1 : 0;
  if (enters) tables.appendMessages(thread, from, run.messages);
  const entry: RunStart = {
    type: 'run-start',
    definition: run.definition,
    version: run.version,
    ...(history.length > 0 ? { history: { from: 1, count: history.length } } : {}),
    ...(enters ? { messages: { from, count: run.messages.length } } : {}),
    ...(run.trace === undefined ? {} : { trace: run.trace }),
  };
  tables.appendEntries(created, 1, now, [entry]);
  if (run.blobs !== undefined) tables.useBlobs(created, run.blobs);
  const named = [...new Set(history.flatMap(blobsOf))];
  if (named.length > 0) tables.useBlobs(created, named);
  if (run.budget !== undefined) tables.saveLedger(run.key, openLedger(run.budget));
  news.run(run.key, 'commit');
  if (!queued) news.queue(rootOf(run));
}

function sessionFor(tx: StoreTransaction, run: NewRun): SessionState | undefined {
  return run.session && tx.tables.sessionState({ tenant: run.key.tenant, session: run.session.id });
}

function openRequestIds(tx: StoreTransaction, key: RunKey): readonly string[] {
  return openRequestsOf(tx, requireState(tx, key)).map((request) => request.id);
}
