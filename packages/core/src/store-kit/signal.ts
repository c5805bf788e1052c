import { isFinal } from '../run.ts';
import { INBOX_LIMIT, type NewSignal, type Signal, type SignalKind, type SignalResult } from '../signal.ts';
import { rootOf } from './rows.ts';
import type { RunState, StoreTransaction } from './tables.ts';

export function signalRun(tx: StoreTransaction, signal: NewSignal): SignalResult {
  const state = tx.tables.state(signal.run);
  if (state === undefined) return { outcome: 'unknown' };
  if (isFinal(state.status)) return { outcome: 'closed' };
  const earlier = tx.tables.findSignal(state, signal.kind, signal.key);
  if (earlier !== undefined) return { outcome: 'duplicate', signal: earlier };
  if (signal.kind === 'user' && state.inbox - state.seen >= INBOX_LIMIT) return { outcome: 'full' };
  return { outcome: 'delivered', signal: deliver(tx, state, signal) };
}

/** Puts a signal that was found to be new into a live run's inbox, and wakes the run where the kind does. */
function deliver(tx: StoreTransaction, state: RunState, { kind, key, body }: NewSignal): Signal {
  const { tables, now, news } = tx;
  const signal: Signal = { n: state.inbox + 1, kind, key, body, at: now };
  tables.appendSignal(state, signal);
  const asked = kind === 'cancel' && state.cancel === 'none';
  const wakes = isWokenBy(state, kind);
  if (asked || wakes) {
    tables.saveRun({
      ...state,
      ...(asked ? { cancel: 'asked' } : {}),
      ...(wakes ? { status: 'queued', readyAt: now, wakeAt: null, blocked: null } : {}),
    });
  }
  news.run(state.key, 'signal');
  // A run that anybody may cancel can be taken by workers that could not take it before.
  if (asked || wakes) news.queue(rootOf(state));
  return signal;
}

/** A run in its session's queue is woken by nothing but a cancel: it ends without its turn. */
function isWokenBy(state: RunState, kind: SignalKind): boolean {
  switch (state.status) {
    case 'waiting':
      return true;
    case 'blocked':
      return kind === 'cancel' || kind === 'decision';
    case 'queued':
      return state.inQueue && state.readyAt === null && kind === 'cancel';
    default:
      return false;
  }
}
