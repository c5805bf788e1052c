import { suspectShare, type Claim, type ClaimQuery, type ClaimResult } from '../claim.ts';
import { budgetOf } from './ledger-path.ts';
import { requireRun, threadOf } from './rows.ts';
import type { RunState, StoreTransaction } from './tables.ts';

/** Due timers and lost leases that are looked at beyond the query's limit, so that a higher priority behind them is found. */
const LOOK_AHEAD = 64;

export function claimRuns(tx: StoreTransaction, query: ClaimQuery): ClaimResult {
  const { tables, now } = tx;
  const sources: readonly Found[] = [
    collect(tables.ready(query), query, query.limit, now),
    collect(tables.timers(query), query, query.limit + LOOK_AHEAD, now),
    ...(query.suspects.room > 0 ? [collect(tables.leases(query, now), query, query.limit + LOOK_AHEAD, now)] : []),
    collectOverdue(tables.deadlines(query), query, now),
  ];
  const candidates = sources.flatMap((source) => source.due).toSorted((a, b) => byPriorityThenAge(a, b, now));
  const chosen = choose(candidates, query);
  const claims = chosen.map((state) => take(tx, state, query));
  // Whoever is held and taken all the same has lost its worker just now.
  const recovered = chosen.filter(({ status }) => status === 'running').length;
  if (recovered > 0) tables.addRecoveries(recovered, now);
  const upcoming = sources.flatMap((source) => source.next ?? []);
  return { claims, now, nextAt: upcoming.length === 0 ? null : Math.min(...upcoming) };
}

/** What the query may take of one source, and when the source's first later one falls due. */
interface Found {
  readonly due: readonly RunState[];
  readonly next?: number;
}

function collect(source: Iterable<RunState>, query: ClaimQuery, limit: number, now: number): Found {
  const due: RunState[] = [];
  // Counted apart: suspects that turn out not to fit must not stand in the places of those behind them.
  let healthy = 0;
  let suspects = 0;
  let { room } = query.suspects;
  for (const state of source) {
    if (!mayDrive(state, query) || isExcepted(state, query)) continue;
    const since = runnableSince(state, now);
    if (since > now) return { due, next: since };
    if (isSuspect(state)) {
      // The first that does not fit is looked at too: what comes behind it, from another source as well, waits for it.
      if (room <= 0) continue;
      if (suspects >= limit) {
        // Behind a run that lost its worker just now there are only others.
        if (state.status === 'running') break;
        continue;
      }
      room -= shareOf(state, query);
      suspects += 1;
    } else {
      if (healthy >= limit) break;
      healthy += 1;
    }
    due.push(state);
  }
  return { due };
}

/**
 * Runs whose time is up, whatever they wait for. A worker that knows the definition comes first, since it can end the run with what its function makes of that; a
 * lease later any worker ends it by its journal alone.
 */
function collectOverdue(source: Iterable<RunState>, query: ClaimQuery, now: number): Found {
  const due: RunState[] = [];
  let next = Infinity;
  for (const state of source) {
    const deadlineAt = state.deadlineAt ?? 0;
    const isKnown = mayDrive(state, query);
    const { readyAt, wakeAt, leaseUntil } = state;
    if (isParkedOverdue(state, deadlineAt)) continue;
    // One that is claimable without its deadline was found by what makes it so.
    if (isExcepted(state, query) || (isKnown && (readyAt ?? wakeAt ?? leaseUntil ?? Infinity) <= now)) continue;
    const since = Math.max(isKnown ? deadlineAt : deadlineAt + query.leaseMs, leaseUntil ?? 0);
    if (since <= now) due.push(state);
    else next = Math.min(next, since);
    if (deadlineAt > now || due.length >= query.limit + LOOK_AHEAD) break;
  }
  return next === Infinity ? { due } : { due, next };
}

/** Whoever parked it then has met its deadline, and waits for its children: it would be claimed and parked again as fast as a store can. */
function isParkedOverdue({ status, wakeAt, at }: RunState, deadlineAt: number): boolean {
  return status === 'waiting' && wakeAt === null && at >= deadlineAt;
}

/** A run that is asked to cancel needs no definition: to end it takes only its journal. */
function mayDrive(state: RunState, query: ClaimQuery): boolean {
  return (
    state.cancel !== 'none' ||
    query.definitions.some(({ name, versions }) => name === state.definition && versions.includes(state.version))
  );
}

function isExcepted(state: RunState, { except = [] }: ClaimQuery): boolean {
  return (
    state.status === 'running' &&
    except.some(
      ({ run, epoch }) => epoch === state.epoch && run.run === state.key.run && run.tenant === state.key.tenant,
    )
  );
}

/** Claimed, it will have lost a worker since its last committed step. */
function isSuspect(state: RunState): boolean {
  return lostWithClaim(state) > 0;
}

/** Whoever is taken although it is held has lost its worker just now. */
function lostWithClaim(state: RunState): number {
  return state.status === 'running' ? state.lost + 1 : state.lost;
}

function shareOf(state: RunState, { suspects }: ClaimQuery): number {
  const lost = lostWithClaim(state);
  return lost === 0 ? 0 : suspectShare(lost, suspects.alone);
}

/** From when on it may be claimed. One edge rule everywhere: at `now >= leaseUntil` the lease is past, for its holder too. */
function runnableSince(state: RunState, now: number): number {
  return state.readyAt ?? state.wakeAt ?? state.leaseUntil ?? state.deadlineAt ?? now;
}

function byPriorityThenAge(a: RunState, b: RunState, now: number): number {
  return b.priority - a.priority || runnableSince(a, now) - runnableSince(b, now) || a.number - b.number;
}

function choose(candidates: readonly RunState[], query: ClaimQuery): readonly RunState[] {
  let { room } = query.suspects;
  const fits = (state: RunState): boolean => {
    const share = shareOf(state, query);
    const fit = share <= room;
    // Of suspects the first that does not fit ends it: a light one must not pass a heavy one, which would wait for ever.
    room = fit ? room - share : 0;
    return fit;
  };
  return candidates.filter((state) => !isSuspect(state) || fits(state)).slice(0, query.limit);
}

function take(tx: StoreTransaction, state: RunState, query: ClaimQuery): Claim {
  const { tables, now } = tx;
  const taken: RunState = {
    ...state,
    status: 'running',
    epoch: state.epoch + 1,
    lost: lostWithClaim(state),
    cancel: state.cancel === 'none' ? 'none' : 'told',
    readyAt: null,
    wakeAt: null,
    leaseUntil: now + query.leaseMs,
    worker: query.worker,
    blocked: null,
  };
  tables.saveRun(taken);
  const budget = budgetOf(tx, taken);
  return {
    run: requireRun(tx, state.key),
    lost: taken.lost,
    threadHead: tables.threadHead(threadOf(taken)),
    ...(budget === undefined ? {} : { budget }),
  };
}
