import type { Invariant } from './invariants.ts';

/** One thing that is wrong. No content of a run is told. */
export interface StoreProblem {
  readonly about: 'file' | 'blob' | Invariant['about'];
  readonly tenant?: string;
  /** Id of the run, session or request; hash of the blob. */
  readonly id?: string;
  /** A sentence for people. */
  readonly message: string;
}
