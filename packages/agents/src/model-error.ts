import { bareError, isPrusikError, primaryError, PrusikError, retryAfterMs, withoutQueries } from '@prusik/core';
import { classify, modelErrorClass, TRANSIENT, type ModelErrorClass } from './model-class.ts';
import type { LanguageModelObject } from './language-model.ts';
import { describeError } from './redact.ts';

/** The provider did nothing and may be asked again: it says so by 429, 503 or 529, or by name in a stream that had begun. */
const NO_CAPACITY: ReadonlySet<ModelErrorClass> = new Set(['rate-limit', 'overloaded']);

/**
 * What a model call failed with, under one code; its meta has the class, and `retryAfterMs` where the provider has no room, which the engine
 * waits out. `retryable` where the same call may succeed later.
 */
export function modelError(thrown: unknown, model: LanguageModelObject, now: number): PrusikError {
  try {
    const error = primaryError(thrown);
    return isPrusikError(error) ? withClass(error) : failed(error, model, now);
  } catch {
    // It throws when it is looked at.
    return failed(new Error(describeError(thrown)), model, now);
  }
}

function failed(thrown: unknown, model: LanguageModelObject, now: number): PrusikError {
  const { statusCode, responseHeaders, isRetryable } = (thrown ?? {}) as Readonly<Record<string, unknown>>;
  const status = typeof statusCode === 'number' ? statusCode : undefined;
  const kind = classify(thrown);
  const retryable = typeof isRetryable === 'boolean' ? isRetryable : TRANSIENT.includes(kind);
  const refused = retryable && NO_CAPACITY.has(kind);
  const { provider, modelId } = model;
  return new PrusikError(
    'MODEL_CALL_FAILED',
    `${provider}/${modelId} failed${status === undefined ? '' : ` with HTTP ${status}`}: ${withoutQueries(describeError(thrown))}`,
    {
      // A provider's own error has the request and the answer on it, with their headers and bodies.
      cause: bareError(thrown),
      retryable,
      meta: {
        class: kind,
        provider,
        modelId,
        ...(status === undefined ? {} : { statusCode: status }),
        ...(refused ? { retryAfterMs: pauseOf(responseHeaders, now) } : {}),
      },
    },
  );
}

/** One of ours that has no class yet: a model that is a program of the user's may throw those. */
function withClass(error: PrusikError): PrusikError {
  if (modelErrorClass(error) !== undefined) return error;
  const kind: ModelErrorClass = error.retryable ? 'unavailable' : 'invalid';
  const { code, message, retryable, meta } = error;
  return new PrusikError(code, message, { cause: error.cause, retryable, meta: { ...meta, class: kind } });
}

/** Whether the provider had no room. */
export const wasRefused = (error: unknown): boolean => retryAfterMs(error) !== undefined;

/** What `Retry-After` says, in seconds or as a date; 0 where it says nothing that can be read. */
function pauseOf(headers: unknown, now: number): number {
  const { 'retry-after-ms': ms, 'retry-after': after } = (headers ?? {}) as Readonly<Record<string, unknown>>;
  const said = [Number(ms ?? Number.NaN), Number(after ?? Number.NaN) * 1_000, Date.parse(String(after)) - now];
  return Math.max(0, Math.ceil(said.find(Number.isFinite) ?? 0));
}
