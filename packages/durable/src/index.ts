export type {
  Decided,
  DrainOptions,
  Drained,
  DriveOptions,
  Engine,
  EngineHealth,
  EngineLimits,
  EngineOptions,
  EngineWarning,
  EventOptions,
  PersonDecision,
  Responder,
  RunResult,
  StartOptions,
  WatchRequestsOptions,
} from './engine-types.ts';
export { createEngine } from './engine.ts';
export { warningsTo, type WarningsTo } from './warnings.ts';
export type { Intervention } from './intervention.ts';
export { DEFAULT_LIMITS } from './limits.ts';
export { runDurable, type RunDurableOptions } from './run-durable.ts';
export { createDecisions, type ApprovalOptions, type DecisionOptions, type Decisions } from './person-decisions.ts';
