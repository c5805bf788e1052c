import type { RunKey } from '../ids.ts';
import type { WakeResult } from '../wake.ts';
import { requireRun, rootOf } from './rows.ts';
import type { StoreTransaction } from './tables.ts';

/** Nothing is left of it in the inbox: a run that waits for a time or for news looks again, and parks again where there are none. */
export function wakeRun(tx: StoreTransaction, key: RunKey): WakeResult {
  const { tables, now, news } = tx;
  const state = tables.state(key);
  if (state === undefined) return { outcome: 'unknown' };
  if (state.status === 'blocked') return { outcome: 'refused', code: 'RUN_BLOCKED', run: requireRun(tx, key) };
  if (state.status !== 'waiting') return { outcome: 'nothing', run: requireRun(tx, key) };
  tables.saveRun({ ...state, status: 'queued', readyAt: now, wakeAt: null });
  news.run(key, 'signal');
  news.queue(rootOf(state));
  return { outcome: 'woken', run: requireRun(tx, key) };
}
