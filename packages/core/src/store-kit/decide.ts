import type { Decision, Request } from '../request.ts';
import type { DecideResult, NewDecision } from '../request.ts';
import type { Json } from '../json.ts';
import { signalRun } from './signal.ts';
import type { StoreTransaction } from './tables.ts';

export function decideRequest(tx: StoreTransaction, { run, request: id, decision }: NewDecision): DecideResult {
  const state = tx.tables.state(run);
  const request = state && tx.tables.request(state, id);
  if (state === undefined || request === undefined) return { outcome: 'unknown' };
  if (request.status !== 'open') return { outcome: 'already', request };
  // The edge is the same as a lease's: from `expiresAt` on, nobody decides any more, and before it nobody expires.
  const past = request.expiresAt !== null && tx.now >= request.expiresAt;
  if (decision.status === 'expired' && !past) return { outcome: 'early', request };
  const settled: Decision = past ? { status: 'expired', at: tx.now } : { ...decision, at: tx.now };
  const decided: Request = { ...request, status: settled.status, decision: settled };
  tx.tables.saveRequest(state, decided);
  // The cast drops the interface; a Decision holds nothing but JSON.
  signalRun(tx, { run, kind: 'decision', key: id, body: settled as unknown as Json });
  return { outcome: past && decision.status !== 'expired' ? 'already' : 'decided', request: decided };
}

/** Whether an approval may be used now: given, and not used before. */
export function isClaimable(request: Request | undefined): boolean {
  return request !== undefined && !request.claimed && (request.status === 'approved' || request.status === 'edited');
}
