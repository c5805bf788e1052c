import type { SessionKey, RunKey } from '../ids.ts';
import type { Removal, RemovedRows, EndedTree, RemoveResult } from '../removal.ts';
import { isFinal } from '../run.ts';
import type { StoreBackend } from './backend.ts';
import { walkEndedTrees } from './ended-trees.ts';
import { ownThread, requireRun, requireSession, threadOf, threadOfSession } from './rows.ts';
import type { RunState, SessionState, StoreTransaction } from './tables.ts';

/** What a tree or a session takes is not known before it is looked at, so it shares its transaction with few others. */
const MANY_ROWS = 1_000;

export interface Removed {
  readonly answer: RemoveResult;
  /** Whom it has hidden. */
  readonly runs: readonly RunKey[];
}

/** Hides what is asked for; the rows are deleted after it, in transactions that do not stop other writes. */
export async function hideRemoved(backend: Pick<StoreBackend, 'reads' | 'write'>, removal: Removal): Promise<Removed> {
  const { tenant, dryRun = false } = removal;
  if ('limit' in removal) {
    const takeTree = (tx: StoreTransaction, tree: readonly RunState[]): TakenAway => takeAway(tx, tree, { dryRun });
    const { done, next } = await walkEndedTrees(backend, removal, takeTree, { compacted: true });
    return {
      answer: {
        outcome: 'removed',
        removed: done.map(({ removed }) => removed).reduce(sum, NO_ROWS),
        trees: done.flatMap(({ trees }) => trees),
        ...(next === undefined ? {} : { next }),
      },
      runs: done.flatMap(({ runs }) => runs),
    };
  }
  return backend.write({ rows: MANY_ROWS, runs: 0 }, (tx) =>
    'session' in removal
      ? removeSession(tx, { tenant, session: removal.session }, dryRun)
      : removeTree(tx, { tenant, run: removal.run }, dryRun),
  );
}

function removeSession(tx: StoreTransaction, key: SessionKey, dryRun: boolean): Removed {
  const { tables } = tx;
  const session = tables.sessionState(key);
  if (session === undefined) return nothing({ outcome: 'unknown' });
  if (session.state !== 'closed')
    return nothing({ outcome: 'refused', code: 'SESSION_NOT_CLOSED', session: requireSession(tx, key) });
  const runs = [...tables.runsOfSession(key)].flatMap((root) => [...tables.treeOf(root.key)]);
  const refused = refusedAsLive(tx, runs);
  return refused === undefined ? removed(takeAway(tx, runs, { session, dryRun })) : nothing(refused);
}

function removeTree(tx: StoreTransaction, key: RunKey, dryRun: boolean): Removed {
  const found = endedTree(tx, key);
  return 'outcome' in found ? nothing(found) : removed(takeAway(tx, found.runs, { dryRun }));
}

type NotWhole = Exclude<RemoveResult, { readonly outcome: 'removed' } | { readonly code: 'SESSION_NOT_CLOSED' }>;

/** The runs of a root's tree, if all of them have ended. */
export function endedTree(tx: StoreTransaction, key: RunKey): NotWhole | { readonly runs: readonly RunState[] } {
  const root = tx.tables.state(key);
  if (root === undefined) return { outcome: 'unknown' };
  if (root.parent !== undefined) return { outcome: 'refused', code: 'RUN_NOT_ROOT', run: requireRun(tx, key) };
  const runs = [...tx.tables.treeOf(key)];
  return refusedAsLive(tx, runs) ?? { runs };
}

const isLive = ({ status }: RunState): boolean => !isFinal(status);

/** An ended root may have children that have not heard of it yet: they write, so they stay, and their tree with them. */
function refusedAsLive(tx: StoreTransaction, runs: readonly RunState[]): NotWhole | undefined {
  const live = runs.find(isLive);
  return live && { outcome: 'refused', code: 'RUN_LIVE', run: requireRun(tx, live.key) };
}

interface TakenAway {
  readonly removed: RemovedRows;
  readonly trees: readonly EndedTree[];
  readonly runs: readonly RunKey[];
}

/** Counts, and hides what was counted unless it is only asked. */
function takeAway(
  tx: StoreTransaction,
  runs: readonly RunState[],
  { session, dryRun }: { readonly session?: SessionState; readonly dryRun: boolean },
): TakenAway {
  const parts = runs.map((run) => rowsOf(tx, run));
  if (session !== undefined) parts.push(rowsOfSession(tx, session));
  const answer = { removed: parts.reduce(sum, NO_ROWS), trees: treesOf(runs) };
  if (dryRun) return { ...answer, runs: [] };
  if (session !== undefined) tx.tables.hideSession(session);
  for (const run of runs) {
    tx.tables.hideRun(run);
    // A reader that was not through has to learn that nothing will come.
    tx.news.run(run.key, 'end');
  }
  const [first] = runs;
  if (first !== undefined) tx.news.requestsRemoved(first.key.tenant);
  return { ...answer, runs: runs.map(({ key }) => key) };
}

export function treesOf(runs: readonly RunState[]): readonly EndedTree[] {
  const sizes = new Map<string, number>();
  for (const { root } of runs) sizes.set(root, (sizes.get(root) ?? 0) + 1);
  return runs.flatMap(({ key, parent, definition, status, endedAt }) =>
    parent === undefined && isFinal(status) && endedAt !== null
      ? [{ root: key, definition, status, endedAt, runs: sizes.get(key.run) ?? 1 }]
      : [],
  );
}

const removed = ({ runs, ...answer }: TakenAway): Removed => ({ answer: { outcome: 'removed', ...answer }, runs });
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

function rowsOfSession({ tables }: StoreTransaction, session: SessionState): RemovedRows {
  const thread = threadOfSession(session.key);
  return {
    ...NO_ROWS,
    sessions: 1,
    // Numbers have no gaps, so the ends of a thread say how many there are.
    messages: tables.threadHead(thread) - session.threadFloor,
    notes: tables.noteCount(thread),
    slots: tables.slots(thread).length,
  };
}

/** Messages, notes and slots of a run in a session are the session's, and stay with it; what the run has made does not. */
function rowsOf(tx: StoreTransaction, run: RunState): RemovedRows {
  const { tables } = tx;
  return {
    sessions: 0,
    runs: 1,
    entries: run.compactedAt === null ? run.seq : 0,
    messages: run.session === undefined ? threadLength(tx, run) : 0,
    notes: tables.noteCount(ownThread(run)),
    slots: run.session === undefined ? tables.slots(threadOf(run)).length : 0,
    signals: run.compactedAt === null ? run.inbox : 0,
    requests: tables.requestCount(run),
    ledgers: tables.ledger(run.key) === undefined ? 0 : 1,
  };
}

/** The thread of a run that was imported without its session begins where that one's messages for it do. */
export function threadLength({ tables }: StoreTransaction, run: RunState): number {
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
