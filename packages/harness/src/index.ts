export type { ApprovalOptions, DecisionOptions } from '@prusik/durable';
export { defineHarness } from './define-harness.ts';
export type { HarnessOptions } from './harness-options.ts';
export type {
  Harness,
  HarnessGrantQuery,
  HarnessRequestQuery,
  HarnessRunOptions,
  HarnessStartOptions,
  RunRef,
} from './harness-types.ts';
export type { RequestRef } from '@prusik/core';
export type { Decided, Drained, DrainOptions, Responder, RunResult, WatchRequestsOptions } from '@prusik/durable';
export type { ModelFacts, SkillFacts, SourceFacts, ToolFacts } from './facts.ts';
export type { InspectedDefinition, InspectedModel, Inspection } from './inspect.ts';
