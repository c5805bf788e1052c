import { toJson, type Json } from './json.ts';

/** What may be told about an error without telling content: ids, numbers, names of limits. Never user or model text. */
export type ErrorMeta = Readonly<Record<string, Json>>;

/** What an error says beside its code and message. */
export interface PrusikErrorOptions {
  readonly cause?: unknown;
  /** Whether the same call may succeed later without a change by the caller. @default false */
  readonly retryable?: boolean;
  readonly meta?: ErrorMeta;
}

/**
 * Every condition that Prusik reports. Branch on `code`: it is stable within a major version, `message` is not.
 * Compare the code, never `instanceof`: two installed copies of core break the latter. Use {@link isPrusikError}.
 */
export class PrusikError extends Error {
  override readonly name = 'PrusikError';
  readonly code: string;
  readonly retryable: boolean;
  readonly meta: ErrorMeta;

  constructor(code: string, message: string, options: PrusikErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.meta = options.meta ?? {};
  }
}

/** True for an error of any copy of Prusik; with `code`, only for that one. Never throws, whatever was thrown: what cannot be looked at is none. */
export function isPrusikError(error: unknown, code?: string): error is PrusikError {
  try {
    return (
      error instanceof Error &&
      error.name === 'PrusikError' &&
      typeof (error as { code?: unknown }).code === 'string' &&
      (code === undefined || (error as PrusikError).code === code)
    );
  } catch {
    return false;
  }
}

/**
 * True for an error by which whoever was asked says that nobody knows whether it happened: `inDoubt: true` in its meta. Of a step of effect `once` that is a
 * doubt and no failure.
 */
export const isInDoubt = (error: unknown): error is PrusikError => {
  try {
    return isPrusikError(error) && error.meta['inDoubt'] === true;
  } catch {
    return false;
  }
};

/** An error as the journal keeps it and another process reads it. */
export interface SerializedError {
  readonly code: string;
  readonly message: string;
  readonly retryable?: boolean;
  readonly meta?: ErrorMeta;
}

const MESSAGE_LIMIT = 2_000;
const CODE_LIMIT = 200;
const META_LIMIT = 16_384;

/**
 * Anything thrown, as a record: unknown throws become `UNKNOWN_ERROR` (or `fallbackCode`); messages are cut at 2,000 characters, codes at 200, and meta of more than 16 KiB is left out. Never throws:
 * what throws when it is looked at is told without its content.
 */
export function serializeError(error: unknown, fallbackCode = 'UNKNOWN_ERROR'): SerializedError {
  try {
    if (isPrusikError(error)) return serializePrusikError(error);
  } catch {
    // A getter or a proxy of somebody who imitates our errors.
  }
  return { code: fallbackCode, message: describeThrown(error).slice(0, MESSAGE_LIMIT) };
}

function serializePrusikError(error: PrusikError): SerializedError {
  const meta = metaOf(error);
  return {
    code: error.code.slice(0, CODE_LIMIT),
    message: String(error.message).slice(0, MESSAGE_LIMIT),
    ...(error.retryable === true ? { retryable: true } : {}),
    ...(meta === undefined ? {} : { meta }),
  };
}

/** The same condition again, as a throwable. The stack is the reader's own. */
export function deserializeError(error: SerializedError): PrusikError {
  return new PrusikError(error.code, error.message, {
    retryable: error.retryable ?? false,
    ...(error.meta ? { meta: error.meta } : {}),
  });
}

/** What another copy of core, or somebody's imitation, put there may be anything; what is not JSON, or is more than a few facts, is left out. */
function metaOf(error: PrusikError): ErrorMeta | undefined {
  const given: unknown = error.meta;
  if (typeof given !== 'object' || given === null) return undefined;
  try {
    const meta = toJson(given, META_LIMIT) as ErrorMeta;
    return Object.keys(meta).length > 0 ? meta : undefined;
  } catch {
    return undefined;
  }
}

function describeThrown(error: unknown): string {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  } catch {
    return 'A value that cannot be printed was thrown';
  }
}
