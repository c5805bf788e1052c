import type { SessionKey, RunKey } from '../ids.ts';
import { REMOVAL_LIMIT, type Removal, type RemovedRows, type RemoveResult } from '../removal.ts';
import { isFinal } from '../run.ts';
import { requireRun, requireSession, threadOf, threadOfSession } from './rows.ts';
import type { RunState, SessionState, StoreTransaction } from './tables.ts';

export interface Removed {
  readonly answer: RemoveResult;
  /** Whom it has hidden. */
  readonly runs: readonly RunKey[];
}

/** Hides what is asked for; the rows are deleted after it, in transactions that do not stop other writes. */
export function hideRemoved(tx: StoreTransaction, removal: Removal): Removed {
  const { tenant } = removal;
  if ('session' in removal) return removeSession(tx, { tenant, session: removal.session });
  if ('run' in removal) return removeTree(tx, { tenant, run: removal.run });
  return removeEnded(tx, tenant, removal.endedBefore, removal.limit);
}

function removeSession(tx: StoreTransaction, key: SessionKey): Removed {
  const { tables } = tx;
  const session = tables.sessionState(key);
  if (session === undefined) return nothing({ outcome: 'unknown' });
  if (session.state !== 'closed')
    return nothing({ outcome: 'refused', code: 'SESSION_NOT_CLOSED', session: requireSession(tx, key) });
  const runs = [...tables.runsOfSession(key)].flatMap((root) => [...tables.treeOf(root.key)]);
  return refuseLive(tx, runs) ?? hide(tx, runs, { session });
}

function removeTree(tx: StoreTransaction, key: RunKey): Removed {
  const root = tx.tables.state(key);
  if (root === undefined) return nothing({ outcome: 'unknown' });
  if (root.parent !== undefined) return nothing({ outcome: 'refused', code: 'RUN_NOT_ROOT', run: requireRun(tx, key) });
  const runs = [...tx.tables.treeOf(key)];
  return refuseLive(tx, runs) ?? hide(tx, runs);
}

function removeEnded(tx: StoreTransaction, tenant: string, before: number, limit: number): Removed {
  const runs: RunState[] = [];
  let trees = 0;
  let more = false;
  for (const root of tx.tables.endedRoots(tenant, before)) {
    const tree = [...tx.tables.treeOf(root.key)];
    if (tree.some(isLive)) continue;
    more = trees === limit || (trees > 0 && runs.length + tree.length > REMOVAL_LIMIT);
    if (more) break;
    runs.push(...tree);
    trees += 1;
  }
  return hide(tx, runs, { more });
}

const isLive = ({ status }: RunState): boolean => !isFinal(status);

/** An ended root may have children that have not heard of it yet: they write, so they stay, and their tree with them. */
function refuseLive(tx: StoreTransaction, runs: readonly RunState[]): Removed | undefined {
  const live = runs.find(isLive);
  return live && nothing({ outcome: 'refused', code: 'RUN_LIVE', run: requireRun(tx, live.key) });
}

function hide(
  tx: StoreTransaction,
  runs: readonly RunState[],
  { session, more = false }: { readonly session?: SessionState; readonly more?: boolean } = {},
): Removed {
  const { tables, news } = tx;
  const parts = runs.map((run) => rowsOf(tx, run));
  if (session !== undefined) {
    // Numbers have no gaps, so the ends of a thread say how many there are.
    const messages = tables.threadHead(threadOfSession(session.key)) - session.threadFloor;
    parts.push({
      ...NO_ROWS,
      sessions: 1,
      messages,
      notes: tables.noteCount(threadOfSession(session.key)),
      slots: tables.slots(threadOfSession(session.key)).length,
    });
    tables.hideSession(session);
  }
  for (const run of runs) {
    tables.hideRun(run);
    // A reader that was not through has to learn that nothing will come.
    news.run(run.key, 'end');
  }
  const [first] = runs;
  if (first !== undefined) news.requestsRemoved(first.key.tenant);
  return {
    answer: { outcome: 'removed', removed: parts.reduce(sum, NO_ROWS), more },
    runs: runs.map(({ key }) => key),
  };
}

const nothing = (answer: RemoveResult): Removed => ({ answer, runs: [] });

const NO_ROWS: RemovedRows = {
  sessions: 0,
  runs: 0,
  entries: 0,
  messages: 0,
  notes: 0,
  slots: 0,
  signals: 0,
  requests: 0,
  ledgers: 0,
};

/** Messages, notes and slots of a run in a session are the session's, and stay with it. */
function rowsOf(tx: StoreTransaction, run: RunState): RemovedRows {
  const { tables } = tx;
  return {
    sessions: 0,
    runs: 1,
    entries: run.seq,
    messages: run.session === undefined ? threadLength(tx, run) : 0,
    notes: run.session === undefined ? tables.noteCount(threadOf(run)) : 0,
    slots: run.session === undefined ? tables.slots(threadOf(run)).length : 0,
    signals: run.inbox,
    requests: tables.requestCount(run),
    ledgers: tables.ledger(run.key) === undefined ? 0 : 1,
  };
}

/** The thread of a run that was imported without its session begins where that one's messages for it do. */
function threadLength({ tables }: StoreTransaction, run: RunState): number {
  const [first] = tables.messages(threadOf(run), { after: 0, limit: 1 });
  return first === undefined ? 0 : tables.threadHead(threadOf(run)) - first.n + 1;
}

function sum(a: RemovedRows, b: RemovedRows): RemovedRows {
  return {
    sessions: a.sessions + b.sessions,
    runs: a.runs + b.runs,
    entries: a.entries + b.entries,
    messages: a.messages + b.messages,
    notes: a.notes + b.notes,
    slots: a.slots + b.slots,
    signals: a.signals + b.signals,
    requests: a.requests + b.requests,
    ledgers: a.ledgers + b.ledgers,
  };
}
