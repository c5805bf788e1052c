import type { Run } from './run.ts';
import type { Session } from './session.ts';

/** What is to be removed, always whole: a closed session with all its runs, a root with its tree, or trees by age. */
export type Removal = { readonly tenant: string } & (
  | { readonly session: string }
  | { readonly run: string }
  /** Trees whose root ended before this time, the longest ended first. A tree in which a run is still live is passed over. */
  | { readonly endedBefore: number; readonly limit: number }
);

/** Rows that were removed. */
export interface RemovedRows {
  readonly sessions: number;
  readonly runs: number;
  readonly entries: number;
  readonly messages: number;
  readonly notes: number;
  readonly slots: number;
  readonly signals: number;
  readonly requests: number;
  readonly ledgers: number;
}

/** `removed`: all of it. `refused` and `unknown`: nothing. */
export type RemoveResult =
  /** `more`: there are more such trees, and the same call removes them. */
  | { readonly outcome: 'removed'; readonly removed: RemovedRows; readonly more: boolean }
  /** `run` is one of the tree that has not ended, or a child, which is removed with its root alone. */
  | { readonly outcome: 'refused'; readonly code: 'RUN_LIVE' | 'RUN_NOT_ROOT'; readonly run: Run }
  | { readonly outcome: 'refused'; readonly code: 'SESSION_NOT_CLOSED'; readonly session: Session }
  | { readonly outcome: 'unknown' };

/** Runs that one removal by age takes at most, but always one tree. */
export const REMOVAL_LIMIT = 1_000;
