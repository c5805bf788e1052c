import type { Claim, ClaimQuery, ClaimResult } from '../store.ts';
import { requireRun, threadOf } from './rows.ts';
import type { RunState, StoreTransaction } from './tables.ts';

/** Due timers and lost leases that are looked at beyond the query's limit, so that a higher priority behind them is found. */
const LOOK_AHEAD = 64;

export function claimRuns(tx: StoreTransaction, query: ClaimQuery): ClaimResult {
  const { tables, now } = tx;
  const sources = [
    collect(tables.ready(query), query, query.limit, now),
    collect(tables.timers(query), query, query.limit + LOOK_AHEAD, now),
    // Whoever is taken from here has lost a worker just now.
    ...(query.suspects > 0 ? [collect(tables.leases(query, now), query, query.limit + LOOK_AHEAD, now)] : []),
  ];
  const candidates = sources.flatMap((source) => source.due).toSorted((a, b) => byPriorityThenAge(a, b, now));
  const claims = choose(candidates, query).map((state) => take(tx, state, query));
  const upcoming = sources.flatMap((source) => source.next ?? []);
  return { claims, now, nextAt: upcoming.length === 0 ? null : Math.min(...upcoming) };
}

/** What the query may take of one source, and when the source's first later one falls due. */
function collect(
  source: Iterable<RunState>,
  query: ClaimQuery,
  limit: number,
  now: number,
): { readonly due: readonly RunState[]; readonly next?: number } {
  const due: RunState[] = [];
  let suspects = 0;
  for (const state of source) {
    if (!mayDrive(state, query)) continue;
    const since = runnableSince(state, now);
    if (isSuspect(state)) {
      if (suspects >= query.suspects && since <= now) continue;
      suspects += 1;
    }
    if (since > now) return { due, next: since };
    if (due.length >= limit) break;
    due.push(state);
  }
  return { due };
}

/** A run that is asked to cancel needs no definition: to end it takes only its journal. */
function mayDrive(state: RunState, query: ClaimQuery): boolean {
  return (
    state.cancel !== 'none' ||
    query.definitions.some(({ name, versions }) => name === state.definition && versions.includes(state.version))
  );
}

/** Claimed, it will have lost a worker since its last committed step. */
function isSuspect(state: RunState): boolean {
  return state.lost > 0 || state.status === 'running';
}

/** From when on it may be claimed. One edge rule everywhere: at `now >= leaseUntil` the lease is past, for its holder too. */
function runnableSince(state: RunState, now: number): number {
  return state.readyAt ?? state.wakeAt ?? state.leaseUntil ?? now;
}

function byPriorityThenAge(a: RunState, b: RunState, now: number): number {
  return b.priority - a.priority || runnableSince(a, now) - runnableSince(b, now) || a.number - b.number;
}

function choose(candidates: readonly RunState[], query: ClaimQuery): readonly RunState[] {
  let suspects = 0;
  return candidates.filter((state) => !isSuspect(state) || (suspects += 1) <= query.suspects).slice(0, query.limit);
}

function take(tx: StoreTransaction, state: RunState, query: ClaimQuery): Claim {
  const { tables, now } = tx;
  const taken: RunState = {
    ...state,
    status: 'running',
    epoch: state.epoch + 1,
    lost: state.status === 'running' ? state.lost + 1 : state.lost,
    cancel: state.cancel === 'none' ? 'none' : 'told',
    readyAt: null,
    wakeAt: null,
    leaseUntil: now + query.leaseMs,
    worker: query.worker,
    blocked: null,
  };
  tables.saveRun(taken);
  return { run: requireRun(tx, state.key), lost: taken.lost, threadHead: tables.threadHead(threadOf(taken)) };
}
