import { isPrusikError, PrusikError } from '@prusik/core';

const STATUS: Readonly<Record<string, number>> = {
  CHAT_BODY_INVALID: 400,
  INPUT_INVALID: 400,
  RUN_INPUT_TOO_LARGE: 413,
  VALUE_TOO_LARGE: 413,
  CHAT_BODY_TOO_LARGE: 413,
  CHAT_FORBIDDEN: 403,
  RESPONDER_REFUSED: 403,
  CHAT_METHOD: 405,
  CHAT_UNKNOWN: 404,
  CHAT_OUTDATED: 409,
  MESSAGE_UNKNOWN: 409,
  RUN_UNKNOWN: 409,
  MESSAGE_ID_TAKEN: 409,
  MESSAGE_NOT_THE_USERS: 409,
  MESSAGE_IN_EXCHANGE: 409,
  THREAD_MOVED: 409,
  SESSION_CUTS_FULL: 409,
  RUN_INPUT_MISMATCH: 409,
  SESSION_BUSY: 409,
  SESSION_QUEUE_FULL: 429,
  SESSION_CLOSED: 410,
  ENGINE_CLOSED: 503,
  SESSIONS_CLOSED: 503,
  STORE_UNAVAILABLE: 503,
  STORE_BUSY: 503,
};

/** An error as a client may see it: of what is no condition of ours, nothing but that it was. */
export function errorResponse(error: unknown): Response {
  const known = isPrusikError(error) ? error : new PrusikError('CHAT_FAILED', 'The request failed');
  const { code, message, retryable, meta } = known;
  const status = STATUS[code] ?? (isPrusikError(error) ? 422 : 500);
  return Response.json({ error: { ...meta, code, message, retryable } }, { status });
}
