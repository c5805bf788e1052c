import type { RunState } from '@prusik/core';
import { createSortedIndex, type SortedIndex } from './sorted-index.ts';

/** Whatever holds a run's state; it is taken out before the state changes its place, and put back after. */
export interface Claimable {
  readonly state: RunState;
}

/** Which runs could be claimed, by what makes them claimable: an order of their own for each, so that a claim looks only at its first ones. */
export interface RunIndex {
  readonly ready: SortedIndex<Claimable>;
  readonly timers: SortedIndex<Claimable>;
  readonly leases: SortedIndex<Claimable>;
  add(run: Claimable): void;
  remove(run: Claimable): void;
  isEmpty(): boolean;
}

export function createRunIndex(): RunIndex {
  const ready = createSortedIndex<Claimable>(
    ({ state: a }, { state: b }) =>
      b.priority - a.priority || Number(a.readyAt) - Number(b.readyAt) || a.number - b.number,
  );
  const timers = createSortedIndex<Claimable>(
    ({ state: a }, { state: b }) => Number(a.wakeAt) - Number(b.wakeAt) || a.number - b.number,
  );
  const leases = createSortedIndex<Claimable>(
    ({ state: a }, { state: b }) => Number(a.leaseUntil) - Number(b.leaseUntil) || a.number - b.number,
  );

  function placeOf({ state }: Claimable): SortedIndex<Claimable> | undefined {
    if (state.readyAt !== null) return ready;
    if (state.leaseUntil !== null) return leases;
    return state.wakeAt === null ? undefined : timers;
  }

  return {
    ready,
    timers,
    leases,
    add: (run) => placeOf(run)?.add(run),
    remove: (run) => placeOf(run)?.remove(run),
    isEmpty: () => ready.size() + timers.size() + leases.size() === 0,
  };
}
