import { isPrusikError, PrusikError } from '@prusik/core';
import type { LanguageModelObject } from './model-registry.ts';
import { describeError } from './redact.ts';

/** Codes that Node's sockets and its fetch give to a connection that failed. */
const TRANSPORT_CODE = /^(ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|UND_ERR_)/;

/** What a model call failed with, under one code; `retryable` where the same call may succeed later. */
export function modelError(thrown: unknown, model: LanguageModelObject): PrusikError {
  if (isPrusikError(thrown)) return thrown;
  const { statusCode } = (thrown ?? {}) as { readonly statusCode?: unknown };
  const status = typeof statusCode === 'number' ? statusCode : undefined;
  const { provider, modelId } = model;
  return new PrusikError(
    'MODEL_CALL_FAILED',
    `${provider}/${modelId} failed${status === undefined ? '' : ` with HTTP ${status}`}: ${describeError(thrown)}`,
    {
      cause: thrown,
      retryable: isRetryable(thrown),
      meta: { provider, modelId, ...(status === undefined ? {} : { statusCode: status }) },
    },
  );
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
