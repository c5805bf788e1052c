import { bareError, isPrusikError, PrusikError, withoutSecrets, type ErrorMeta } from '@prusik/core';
import type { McpLimits } from './limits.ts';

/** What is told of a server that cannot be used now. */
export interface UnavailableOptions {
  readonly cause?: unknown;
  readonly retryAfterMs?: number;
  readonly meta?: ErrorMeta;
}

/** `MCP_UNAVAILABLE`: nothing of the request was sent, so it may be made again. */
export function unavailable(server: string, why: string, options: UnavailableOptions = {}): PrusikError {
  const { cause, retryAfterMs, meta } = options;
  return new PrusikError('MCP_UNAVAILABLE', `The MCP server ${JSON.stringify(server)} cannot be used now: ${why}`, {
    retryable: true,
    meta: { server, sent: false, ...(retryAfterMs === undefined ? {} : { retryAfterMs }), ...meta },
    ...(cause === undefined ? {} : { cause }),
  });
}

/**
 * Whether the error says that a request was never written. The pool makes it again on another connection, once. A server that has answered that it has no room
 * (`meta.status`) is not asked again at once.
 */
export function wasNotSent(error: unknown): boolean {
  return isPrusikError(error, 'MCP_UNAVAILABLE') && error.meta['sent'] === false && error.meta['status'] === undefined;
}

/** `MCP_START_FAILED`: there was no process of it. */
export function notStarted(
  server: string,
  error: unknown,
  redact: (text: string) => string = withoutSecrets,
): PrusikError {
  const cause = bareError(error, redact);
  const message = `The MCP server ${JSON.stringify(server)} was not started: ${redact(cause.message)}`;
  const retryable = isPrusikError(error) && error.retryable;
  return new PrusikError('MCP_START_FAILED', message, { retryable, meta: { server }, cause });
}

export function startTimeout(server: string, { startMs }: Pick<McpLimits, 'startMs'>): PrusikError {
  const message = `The MCP server ${JSON.stringify(server)} was not ready within startMs = ${startMs}`;
  return new PrusikError('MCP_START_TIMEOUT', message, { retryable: true, meta: { server, limit: startMs } });
}

/** `MCP_CLOSED`, once and for all. */
export const runnerClosed = (): PrusikError => new PrusikError('MCP_CLOSED', 'The MCP runner is closed');

export const codeOf = (error: unknown): string => (isPrusikError(error) ? error.code : 'UNKNOWN_ERROR');

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
