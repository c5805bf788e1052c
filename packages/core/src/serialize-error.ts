import { isErrorCode } from './error-code.ts';
import { isPrusikError, PrusikError, type ErrorMeta } from './errors.ts';
import { toJson, type Json } from './json.ts';
import { primaryError } from './primary-error.ts';

/** An error as the journal keeps it and another process reads it. */
export interface SerializedError {
  readonly code: string;
  readonly message: string;
  readonly retryable?: boolean;
  readonly meta?: ErrorMeta;
}

const MESSAGE_LIMIT = 2_000;
const META_LIMIT = 16_384;

/**
 * Anything thrown, as a record: unknown throws become `UNKNOWN_ERROR` (or `fallbackCode`), and what holds several errors its {@link primaryError}. So does a code that
 * is none (1 to 64 capitals, digits and `_`): codes go where no text may go, such as traces and answers of chats. Messages are cut at 2,000 characters; of meta of more than 16 KiB only what Prusik itself goes by is kept. Never throws: what throws when it is looked at is told without its content.
 */
export function serializeError(thrown: unknown, fallbackCode = 'UNKNOWN_ERROR'): SerializedError {
  const error = primaryError(thrown);
  try {
    if (isPrusikError(error)) return serializePrusikError(error, fallbackCode);
  } catch {
    // A getter or a proxy of somebody who imitates our errors.
  }
  return { code: fallbackCode, message: describeThrown(error).slice(0, MESSAGE_LIMIT) };
}

function serializePrusikError(error: PrusikError, fallbackCode: string): SerializedError {
  const meta = metaOf(error);
  return {
    code: isErrorCode(error.code) ? error.code : fallbackCode,
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
  const meta = jsonOf(given) ?? factsOf(given as Readonly<Record<string, unknown>>);
  return Object.keys(meta).length > 0 ? meta : undefined;
}

function jsonOf(given: object): ErrorMeta | undefined {
  try {
    return toJson(given, META_LIMIT) as ErrorMeta;
  } catch {
    return undefined;
  }
}

/** What decides about a retry, a doubt or another model must not be lost with whatever stands beside it. */
const FACTS = ['class', 'inDoubt', 'retryAfterMs', 'sent', 'statusCode'];
const FACT_LIMIT = 200;

function factsOf(given: Readonly<Record<string, unknown>>): ErrorMeta {
  const facts: Record<string, Json> = {};
  for (const name of FACTS) {
    try {
      const value = given[name];
      if (typeof value === 'string' ? value.length <= FACT_LIMIT : typeof value === 'boolean' || Number.isFinite(value))
        facts[name] = value as Json;
    } catch {
      // A getter that throws costs its own fact.
    }
  }
  return facts;
}

function describeThrown(error: unknown): string {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  } catch {
    return 'A value that cannot be printed was thrown';
  }
}
