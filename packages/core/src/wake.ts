import type { Run } from './run.ts';

/** Whether a run was woken. */
export type WakeResult =
  /** `woken`: it was waiting, and may be claimed now. `nothing`: it may be claimed or is held already, stands in the queue of its session, or has ended. */
  | { readonly outcome: 'woken' | 'nothing'; readonly run: Run }
  /** What it is blocked for is decided by a person; `run` says which request that is. */
  | { readonly outcome: 'refused'; readonly code: 'RUN_BLOCKED'; readonly run: Run }
  | { readonly outcome: 'unknown' };
