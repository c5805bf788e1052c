import type { Decision, DecideResult, NewDecision, Request } from '../request.ts';
import type { Json } from '../json.ts';
import { grantOf } from './grants.ts';
import { signalRun } from './signal.ts';
import type { RunState, StoreTransaction } from './tables.ts';

export function decideRequest(tx: StoreTransaction, { run, request: id, decision }: NewDecision): DecideResult {
  const state = tx.tables.state(run);
  const request = state && tx.tables.request(run, id);
  if (state === undefined || request === undefined) return { outcome: 'unknown' };
  if (request.status !== 'open') return { outcome: 'already', request };
  // The edge is the same as a lease's: from `expiresAt` on, nobody decides any more, and before it nobody expires.
  const past = isPast(request, tx.now);
  if (decision.status === 'expired' && !past) return { outcome: 'early', request };
  if (past) {
    const expired = settleRequest(tx, state, request, { status: 'expired' });
    return { outcome: decision.status === 'expired' ? 'decided' : 'already', request: expired };
  }
  const grant = decision.grant && grantOf(tx, state, request, decision, decision.grant);
  if (grant === 'too-many') return { outcome: 'refused', code: 'TOO_MANY_GRANTS', request };
  if (grant !== undefined) tx.tables.insertGrant(grant);
  return { outcome: 'decided', request: settleRequest(tx, state, request, decision) };
}

/** Closes an open request, and tells its run and its watchers: whoever waits for it learns what became of it in the one way there is. */
export function settleRequest(
  tx: StoreTransaction,
  state: RunState,
  request: Request,
  decision: Omit<Decision, 'at'>,
): Request {
  const settled: Decision = { ...decision, at: tx.now };
  const decided: Request = { ...request, status: settled.status, decision: settled };
  tx.tables.saveRequest(state, decided);
  // The cast drops the interface; a Decision holds nothing but JSON.
  signalRun(tx, { run: state.key, kind: 'decision', key: request.id, body: settled as unknown as Json });
  tx.news.request({ run: state.key, request: request.id });
  return decided;
}

/** Open requests of a run that somebody may still decide. */
export function openRequestsOf({ tables, now }: StoreTransaction, state: RunState): readonly Request[] {
  return tables.openRequests(state).filter((request) => !isPast(request, now));
}

/** The request as it reads at a time: nobody may decide it any more once it is past, whether or not that is on record yet. */
export function requestAt(request: Request, now: number): Request {
  return request.status === 'open' && isPast(request, now) ? { ...request, status: 'expired' } : request;
}

const isPast = ({ expiresAt }: Request, now: number): boolean => expiresAt !== null && now >= expiresAt;

/** Whether an approval may be used now: given, and not used before. */
export function isClaimable(request: Request | undefined): boolean {
  return request !== undefined && !request.claimed && (request.status === 'approved' || request.status === 'edited');
}
