import { isPrusikError, PrusikError } from '@prusik/core';
import type { LanguageModelObject } from './model-registry.ts';
import { describeError } from './redact.ts';

/** Codes that Node's sockets and its fetch give to a connection that failed. */
const TRANSPORT_CODE = /^(ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|UND_ERR_)/;

/** Too many requests, unavailable, overloaded: the provider did nothing and may be asked again. */
const NO_CAPACITY: ReadonlySet<number> = new Set([429, 503, 529]);

/**
 * What a model call failed with, under one code; `retryable` where the same call may succeed later. With `retryAfterMs` in its meta where the
 * provider has no room, which the engine waits out.
 */
export function modelError(thrown: unknown, model: LanguageModelObject, now: number): PrusikError {
  if (isPrusikError(thrown)) return thrown;
  const { statusCode, responseHeaders } = (thrown ?? {}) as {
    readonly statusCode?: unknown;
    readonly responseHeaders?: unknown;
  };
  const status = typeof statusCode === 'number' ? statusCode : undefined;
  const retryable = isRetryable(thrown);
  const refused = retryable && status !== undefined && NO_CAPACITY.has(status);
  const { provider, modelId } = model;
  return new PrusikError(
    'MODEL_CALL_FAILED',
    `${provider}/${modelId} failed${status === undefined ? '' : ` with HTTP ${status}`}: ${describeError(thrown)}`,
    {
      cause: thrown,
      retryable,
      meta: {
        provider,
        modelId,
        ...(status === undefined ? {} : { statusCode: status }),
        ...(refused ? { retryAfterMs: retryAfterMs(responseHeaders, now) } : {}),
      },
    },
  );
}

/** Whether the provider had no room. */
export const wasRefused = (error: unknown): boolean => isPrusikError(error) && 'retryAfterMs' in error.meta;

/** What `Retry-After` says, in seconds or as a date; 0 where it says nothing that can be read. */
function retryAfterMs(headers: unknown, now: number): number {
  const { 'retry-after-ms': ms, 'retry-after': after } = (headers ?? {}) as Readonly<Record<string, unknown>>;
  const said = [Number(ms ?? Number.NaN), Number(after ?? Number.NaN) * 1_000, Date.parse(String(after)) - now];
  return Math.max(0, Math.ceil(said.find(Number.isFinite) ?? 0));
}

function isRetryable(thrown: unknown): boolean {
  const { isRetryable: said } = (thrown ?? {}) as { readonly isRetryable?: unknown };
  return typeof said === 'boolean' ? said : isTransportError(thrown);
}

function isTransportError(thrown: unknown, depth = 0): boolean {
  if (!(thrown instanceof Error) || depth > 5) return false;
  const { code } = thrown as { readonly code?: unknown };
  if (typeof code === 'string' && TRANSPORT_CODE.test(code)) return true;
  // What fetch throws for every network failure; the reason is its cause.
  if (thrown instanceof TypeError && (thrown.message === 'fetch failed' || thrown.message === 'terminated'))
    return true;
  return isTransportError(thrown.cause, depth + 1);
}
