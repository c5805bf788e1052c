import type { Spent } from '@prusik/core';
import type { Tries } from './retry.ts';
import type { StepSpec } from './step-spec.ts';

/** The longest pause between two executions that is waited out in memory, recorded or not; for a longer one, which is recorded, the run parks. */
export const LONGEST_IN_MEMORY_MS = 20_000;

/** A step that is to be executed, with what it has behind it. */
export interface PendingStep {
  readonly spec: StepSpec;
  readonly tries: Tries;
  /** An earlier execution of this drive has written the intent, or the outcome that leads here, and it holds for this one. */
  readonly intended: boolean;
  /** That intent is on its way to the store, which has answered with this. */
  readonly answered?: Promise<unknown>;
  /** What earlier executions told that they used. */
  readonly spent?: Spent;
  /** It waits, or has waited, for what others of its tree hold in reserve. */
  readonly forRoom?: boolean;
}

/** A step that is executed again at `until`, by the store's clock. */
export interface PausedStep extends PendingStep {
  readonly until: number;
}
