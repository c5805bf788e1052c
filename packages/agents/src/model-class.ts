import { isPrusikError, primaryError } from '@prusik/core';

/** What kind of failure a model call met: what is worth asking another model for, and what not. */
export type ModelErrorClass =
  /** This caller has had its share (HTTP 429). */
  | 'rate-limit'
  /** The provider has no room for anybody (503, 529). */
  | 'overloaded'
  /** The connection or the provider broke, or what came was no reply. */
  | 'unavailable'
  /** Nothing came in time. */
  | 'timeout'
  /** The prompt is longer than the model takes. */
  | 'context-overflow'
  /** The provider withheld the reply, or would not take the prompt, for what it says. */
  | 'refused'
  /** Key, rights or credit. */
  | 'auth'
  /** The request itself, or a defect; it would fail the same way again. */
  | 'invalid';

/** Failures that say nothing about the request: the same one may succeed later, or elsewhere. */
export const TRANSIENT: readonly ModelErrorClass[] = ['rate-limit', 'overloaded', 'unavailable', 'timeout'];

export const MODEL_ERROR_CLASSES: readonly ModelErrorClass[] = [
  ...TRANSIENT,
  'context-overflow',
  'refused',
  'auth',
  'invalid',
];

/** The class of an error that a model call failed with; `undefined` for any other error, and for a call that was told to stop. */
export function modelErrorClass(error: unknown): ModelErrorClass | undefined {
  const first = primaryError(error);
  const said = isPrusikError(first) ? first.meta['class'] : undefined;
  return MODEL_ERROR_CLASSES.find((known) => known === said);
}

/** Codes that Node's sockets and its fetch give to a connection that failed. */
const TRANSPORT_CODE = /^(ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|UND_ERR_)/;
const TIMEOUT_CODE = /TIMEDOUT|TIMEOUT/;

/** What the AI SDK throws for a body that it cannot make sense of. */
const GARBAGE = new Set([
  'AI_JSONParseError',
  'AI_TypeValidationError',
  'AI_InvalidResponseDataError',
  'AI_EmptyResponseBodyError',
]);

/** Providers have no common code for it, but all of them say it in one of these ways. */
const OVERFLOW =
  /context[_ -]?(length|window|limit|size)|(prompt|input|request)( is|'s)? too (long|large)|maximum (context|prompt|input)|(input|prompt|token)[^.]{0,40}(exceed|too many)|exceed[^.]{0,60}(context|token limit|tokens allowed)|request_too_large/i;
const POLICY = /content[_ -]?(filter|policy|management)|safety|moderation/i;

const BY_STATUS: Readonly<Record<number, ModelErrorClass>> = {
  401: 'auth',
  402: 'auth',
  403: 'auth',
  408: 'timeout',
  409: 'unavailable',
  413: 'context-overflow',
  429: 'rate-limit',
  503: 'overloaded',
  504: 'timeout',
  524: 'timeout',
  529: 'overloaded',
};

/** Types and codes that providers put into the body of an error, in a stream that had begun among others. */
const BY_NAME: readonly (readonly [RegExp, ModelErrorClass])[] = [
  [/rate_?limit|too_many_requests|resource_exhausted|throttl/i, 'rate-limit'],
  [/overloaded|service_?unavailable|capacity/i, 'overloaded'],
  [/authentication|permission|billing|insufficient_quota|invalid_api_key|unauthorized|LoadAPIKey/i, 'auth'],
  [/timeout|deadline_exceeded/i, 'timeout'],
  [/api_error|server_error|internal|unavailable/i, 'unavailable'],
];

/** What anything that a provider threw or streamed as its error is. */
export function classify(thrown: unknown): ModelErrorClass {
  const { statusCode, name, type, code, isRetryable } = (thrown ?? {}) as Readonly<Record<string, unknown>>;
  const told = [type, code, bodyOf(thrown)].filter((text) => typeof text === 'string').join(' ');
  const status = typeof statusCode === 'number' ? statusCode : undefined;
  const isRefusedRequest = status === undefined || status === 400 || status === 422 || status === 413;
  if (isRefusedRequest && isRetryable !== true) {
    if (OVERFLOW.test(`${told} ${messageOf(thrown)}`)) return 'context-overflow';
    if (POLICY.test(told)) return 'refused';
  }
  const byStatus = status === undefined ? undefined : BY_STATUS[status];
  if (byStatus !== undefined) return byStatus;
  if (status !== undefined && status >= 400) return status >= 500 ? 'unavailable' : 'invalid';
  const transport = transportCode(thrown);
  if (transport !== undefined) return TIMEOUT_CODE.test(transport) ? 'timeout' : 'unavailable';
  if (typeof name === 'string' && GARBAGE.has(name)) return 'unavailable';
  const names = [type, code, name].filter((text) => typeof text === 'string').join(' ');
  return BY_NAME.find(([shape]) => shape.test(names))?.[1] ?? (isRetryable === true ? 'unavailable' : 'invalid');
}

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message.slice(0, 4_000) : '');

function bodyOf(thrown: unknown): string | undefined {
  const { responseBody } = (thrown ?? {}) as { readonly responseBody?: unknown };
  return typeof responseBody === 'string' ? responseBody.slice(0, 4_000) : undefined;
}

/** What a socket or fetch failed with, however deep it lies. */
function transportCode(thrown: unknown, depth = 0): string | undefined {
  if (!(thrown instanceof Error) || depth > 5) return undefined;
  const { code } = thrown as { readonly code?: unknown };
  if (typeof code === 'string' && TRANSPORT_CODE.test(code)) return code;
  const inner = transportCode(thrown.cause, depth + 1);
  if (inner !== undefined) return inner;
  // What fetch throws for every network failure; the reason is its cause.
  const isFetch = thrown instanceof TypeError && (thrown.message === 'fetch failed' || thrown.message === 'terminated');
  return isFetch ? 'fetch' : undefined;
}
