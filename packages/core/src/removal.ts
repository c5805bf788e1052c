import type { RunKey } from './ids.ts';
import type { FinalStatus, Run } from './run.ts';
import type { Session } from './session.ts';

/** What is to be removed, always whole: a closed session with all its runs, a root with its tree, or trees that have ended, by age and number. */
export type Removal = {
  readonly tenant: string;
  /** Answers what the same call would remove, and writes nothing. @default false */
  readonly dryRun?: boolean;
} & ({ readonly session: string } | { readonly run: string } | EndedTrees);

/**
 * Trees that have ended, those of the longest ended roots first: the ones that are past one of the three limits that are given, at least one. Passed over are a tree in which a run is still live, and the run that an open session would go on from when its last answer is asked for again.
 */
export interface EndedTrees {
  /** Those whose root ended before this time. */
  readonly endedBefore?: number;
  /** Those before the last so many to end, of the ones that `definition` and `status` name. */
  readonly keep?: number;
  /**
   * Those before the last to end that together have no more than so many bytes: of the JSON texts of everything that the call would take, of their runs. Not of
   * blobs, which trees share.
   */
  readonly keepBytes?: number;
  /** Of the root. */
  readonly definition?: string;
  /** Of the root. */
  readonly status?: readonly FinalStatus[];
  /** Trees at most, see also {@link REMOVAL_LIMIT}. */
  readonly limit: number;
  /** `next` of an answer: goes on behind it. */
  readonly after?: string;
}

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

/** A tree that has ended, as it was when something was done to it whole. */
export interface EndedTree {
  readonly root: RunKey;
  /** Of the root, as `status` and `endedAt` are. */
  readonly definition: string;
  readonly status: FinalStatus;
  readonly endedAt: number;
  /** The root among them. */
  readonly runs: number;
}

/** `removed`: all of it. `refused` and `unknown`: nothing. */
export type RemoveResult =
  | {
      readonly outcome: 'removed';
      readonly removed: RemovedRows;
      readonly trees: readonly EndedTree[];
      /** There may be more such trees; the same call goes on with them, without this as its `after` from the first again. */
      readonly next?: string;
    }
  /** `run` is one of the tree that has not ended, or a child, which is removed with its root alone. */
  | { readonly outcome: 'refused'; readonly code: 'RUN_LIVE' | 'RUN_NOT_ROOT'; readonly run: Run }
  | { readonly outcome: 'refused'; readonly code: 'SESSION_NOT_CLOSED'; readonly session: Session }
  | { readonly outcome: 'unknown' };

/** Runs that one removal of ended trees takes at most, but always one tree. */
export const REMOVAL_LIMIT = 1_000;
