import type { EndedTree, EndedTrees, RemovedRows } from './removal.ts';
import type { Run } from './run.ts';

/** Of what is to be left the record alone: of one root with its tree, or of trees that have ended and are not compacted, as {@link EndedTrees} names them. */
export type TreeCompaction = {
  readonly tenant: string;
  /** Answers what the same call would take, and writes nothing. @default false */
  readonly dryRun?: boolean;
} & ({ readonly run: string } | EndedTrees);

/** Rows that were taken, and the runs that they were of. */
export type CompactedRows = Pick<RemovedRows, 'runs' | 'entries' | 'messages' | 'notes' | 'slots' | 'signals'>;

/** `compacted`: all of it. `refused` and `unknown`: nothing. */
export type CompactResult =
  | {
      readonly outcome: 'compacted';
      readonly taken: CompactedRows;
      readonly trees: readonly EndedTree[];
      /** There may be more such trees, behind this cursor. */
      readonly next?: string;
    }
  /** `run` is one of the tree that has not ended, or a child, which is compacted with its root alone. */
  | { readonly outcome: 'refused'; readonly code: 'RUN_LIVE' | 'RUN_NOT_ROOT'; readonly run: Run }
  | { readonly outcome: 'unknown' };
