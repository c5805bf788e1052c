import type { Lease, RenewedLease } from '../claim.ts';
import type { StoreTransaction } from './tables.ts';

export function renewLeases(tx: StoreTransaction, held: readonly Lease[], leaseMs: number): readonly RenewedLease[] {
  const { tables, now } = tx;
  return held.flatMap(({ run, epoch }): readonly RenewedLease[] => {
    const state = tables.state(run);
    // `now < leaseUntil`: a lease that is past belongs to nobody, so nobody can extend it.
    if (state?.status !== 'running' || state.epoch !== epoch || now >= (state.leaseUntil ?? now)) return [];
    tables.saveRun({ ...state, leaseUntil: Math.max(state.leaseUntil ?? now, now + leaseMs) });
    return [{ run, epoch, inbox: state.inbox, cancelRequested: state.cancel !== 'none' }];
  });
}
