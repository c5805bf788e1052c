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
  readonly deadlines: SortedIndex<Claimable>;
  /** Each once. */
  all(): Iterable<Claimable>;
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
  const deadlines = createSortedIndex<Claimable>(
    ({ state: a }, { state: b }) => Number(a.deadlineAt) - Number(b.deadlineAt) || a.number - b.number,
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
    deadlines,
    all: () => new Set([...ready, ...timers, ...leases, ...deadlines]),
    add(run) {
      placeOf(run)?.add(run);
      if (hasDeadline(run)) deadlines.add(run);
    },
    remove(run) {
      placeOf(run)?.remove(run);
      if (hasDeadline(run)) deadlines.remove(run);
    },
    isEmpty: () => ready.size() + timers.size() + leases.size() + deadlines.size() === 0,
  };
}

/** One that is blocked waits for a person, and one in a session's queue for its turn. */
function hasDeadline({ state }: Claimable): boolean {
  return state.deadlineAt !== null && state.endedAt === null && state.blocked === null && !state.inQueue;
}
