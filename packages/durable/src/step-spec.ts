import type { StepOptions, StepScope } from '@prusik/core';

/** A step as the function asked for it. */
export interface StepSpec {
  readonly key: string;
  readonly body: (scope: StepScope) => unknown;
  readonly options: StepOptions;
}
