import type { SessionKey } from '../ids.ts';
import { SESSION_LIVES, type MoveSessionResult, type SessionLife } from '../session.ts';
import { requireSession } from './rows.ts';
import type { SessionState, StoreTransaction } from './tables.ts';

export function moveSession(tx: StoreTransaction, key: SessionKey, to: SessionLife): MoveSessionResult {
  const state = tx.tables.sessionState(key);
  if (state === undefined) return { outcome: 'unknown' };
  const isThere = SESSION_LIVES.indexOf(state.state) >= SESSION_LIVES.indexOf(to);
  if (isThere) return { outcome: 'already', session: requireSession(tx, key) };
  if (to === 'closed' && isHeld(tx, state)) return { outcome: 'busy', session: requireSession(tx, key) };
  tx.tables.saveSession({ ...state, state: to });
  return { outcome: 'moved', session: requireSession(tx, key) };
}

/** Also by a run that is only queued: it was accepted, so it has its turn or its cancel before. */
export function isHeld({ tables }: StoreTransaction, { key, activeRun }: SessionState): boolean {
  return activeRun !== null || tables.queueLength(key) > 0;
}
