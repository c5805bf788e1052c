export type {
  DriveOptions,
  Engine,
  EngineLimits,
  EngineOptions,
  EngineWarning,
  EventOptions,
  RunResult,
  StartOptions,
} from './engine-types.ts';
