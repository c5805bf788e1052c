export type { DecisionOptions } from './decisions.ts';
export { defineHarness } from './define-harness.ts';
export type { HarnessOptions } from './harness-options.ts';
export type { Harness, HarnessRequestQuery, HarnessRunOptions, HarnessStartOptions, RunRef } from './harness-types.ts';
export type { Drained, DrainOptions, RequestRef, RunResult } from '@prusik/durable';
export type { InspectedDefinition, Inspection } from './inspect.ts';
