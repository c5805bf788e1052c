export { systemClock, type Clock } from './clock.ts';
export {
  deserializeError,
  isPrusikError,
  PrusikError,
  serializeError,
  type ErrorMeta,
  type PrusikErrorOptions,
  type SerializedError,
} from './errors.ts';
export {
  checkId,
  DEFAULT_TENANT,
  derivedRandom,
  derivedUuid,
  hashJson,
  ID_LIMITS,
  randomId,
  runKeyText,
  sameRun,
  type NewId,
  type RunKey,
  type SessionKey,
} from './ids.ts';
export { canonicalJson, toJson, type Json, type JsonObject } from './json.ts';
export {
  describeIssues,
  type InferInput,
  type InferOutput,
  type SchemaIssue,
  type SchemaResult,
  type StandardSchema,
} from './schema.ts';
