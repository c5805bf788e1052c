import { bareError, isPrusikError, PrusikError, withoutSecrets, type ErrorMeta } from '@prusik/core';
import { messageOf, unavailable } from './errors.ts';

/** Of what a server says of its failure, in a message. */
const TOLD_CHARACTERS = 300;
/** Who has no room: nothing was done. */
const NO_ROOM: ReadonlySet<number> = new Set([429, 503, 529]);

/** What is known of the answer to a request. */
export interface HttpAnswer {
  readonly status: number;
  readonly retryAfterMs: number | undefined;
  readonly isStream: boolean;
}

export interface HttpFailure {
  readonly server: string;
  readonly error: unknown;
  /** Missing while nothing was answered. */
  readonly answer: HttpAnswer | undefined;
  /** Whether anything of the request can have reached the server. */
  readonly sent: boolean;
  /** Takes out what was given to the server in confidence. */
  readonly redact: (text: string) => string;
}

/**
 * A failure over HTTP by our codes. An answer is definite where it says that nothing was done; what the server was in the middle of when it failed, nobody knows.
 */
export function httpError({ server, error, answer, sent, redact }: HttpFailure): PrusikError {
  const own = prusikErrorIn(error);
  if (own !== undefined) return own;
  const name = `The MCP server ${JSON.stringify(server)}`;
  const safe = (text: string): string => withoutSecrets(redact(text));
  const said = safe(messageOf(error)).slice(0, TOLD_CHARACTERS);
  // The SDK's own error holds what the server has said, with its headers.
  const cause = bareError(error, safe);
  if (answer === undefined)
    return sent
      ? lost(server, `${name} did not answer: ${said}`, cause)
      : unavailable(server, `it was not reached: ${said}`, { cause });
  const { status, retryAfterMs } = answer;
  // An answer that refuses says that nothing was done.
  const meta: ErrorMeta = { server, status, sent: false };
  if (NO_ROOM.has(status))
    return unavailable(server, `it has no room (HTTP ${status})`, {
      cause,
      meta: { status },
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    });
  const told = `${name} answered with HTTP ${status}: ${said}`;
  if (status >= 500) return lost(server, told, cause, status);
  if (status === 401 || status === 403) return new PrusikError('MCP_SIGN_IN_FAILED', told, { cause, meta });
  if (status >= 400) return new PrusikError('MCP_SERVER_ERROR', told, { cause, meta });
  if (status >= 300) return new PrusikError('MCP_ADDRESS_REFUSED', told, { cause, meta });
  return new PrusikError('MCP_PROTOCOL_ERROR', `${name} answered with what is no answer: ${said}`, {
    cause,
    meta: { ...meta, sent: true },
  });
}

/** `MCP_CALL_LOST`: it was sent, and nobody knows what became of it. */
export function lost(server: string, message: string, cause?: unknown, status?: number): PrusikError {
  return new PrusikError('MCP_CALL_LOST', message, {
    meta: { server, sent: true, ...(status === undefined ? {} : { status }) },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** An error of ours, however deep the SDK has wrapped it. */
export function prusikErrorIn(error: unknown): PrusikError | undefined {
  let inner = error;
  for (let depth = 0; depth < 8 && inner instanceof Error; depth += 1) {
    if (isPrusikError(inner)) return inner;
    inner = inner.cause;
  }
  return undefined;
}

/** `Retry-After`, as a number of seconds or as a date, from now on in milliseconds. */
export function retryAfterOf(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d{1,9}$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - now;
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}
