import { isPrusikError, PrusikError, withoutSecrets } from '@prusik/core';
import { messageOf } from './errors.ts';
import { isNoResult } from './no-result.ts';
import { isObject } from './plain.ts';
import { visibleText } from './visible-text.ts';

/** A request that has come to no result. */
export interface CallFailure {
  readonly server: string;
  readonly tool: string;
  /** What the client rejected with. */
  readonly thrown: unknown;
  /** Whether anything of it may have reached the server. */
  readonly sent: boolean;
  /** `thrown` is why the connection is over, which says nothing of this request. */
  readonly ended: boolean;
}

const LONGEST = 1_000;

/**
 * What a failed request means. Nothing was sent: it may be made again. The server has said so itself: it is over. Everything else is in doubt: `meta.inDoubt`.
 */
export function callFailure({ server, tool, thrown, sent, ended }: CallFailure): PrusikError {
  const meta = { server, tool };
  const where = `The tool ${JSON.stringify(tool)} of the MCP server ${JSON.stringify(server)}`;
  if (!sent) {
    if (isPrusikError(thrown)) return thrown;
    return new PrusikError('MCP_UNAVAILABLE', `${where} was not called: ${told(thrown)}`, {
      retryable: true,
      meta: { ...meta, sent: false },
      cause: thrown,
    });
  }
  // Whoever reaches the server knows better, and says so.
  if (!ended && isPrusikError(thrown) && (thrown.meta['sent'] === false || thrown.code.startsWith('MCP_SIGN_IN_')))
    return thrown;
  const error = thrown as { readonly name?: unknown; readonly code?: unknown; readonly status?: unknown };
  if (isNoResult(thrown))
    return new PrusikError('MCP_PROTOCOL_ERROR', `${where} answered, but not with a result: ${told(thrown)}`, { meta });
  if (typeof error.code === 'number')
    return new PrusikError('MCP_SERVER_ERROR', `${where} answered with the error ${error.code}: ${told(thrown)}`, {
      meta: { ...meta, rpcCode: error.code },
      cause: thrown,
    });
  return (
    refusedByHttp(where, meta, thrown) ??
    new PrusikError('MCP_CALL_LOST', `${where} was called, and nobody knows what became of it: ${told(thrown)}`, {
      meta: { ...meta, inDoubt: true, ...causeOf(thrown) },
      cause: thrown,
    })
  );
}

/** Of HTTP, what says that nothing was executed. A gateway that gave up says nothing of the sort. */
function refusedByHttp(
  where: string,
  meta: { readonly server: string; readonly tool: string },
  thrown: unknown,
): PrusikError | undefined {
  const status: unknown = isObject(thrown) ? thrown['status'] : undefined;
  if (typeof status !== 'number') return undefined;
  if (status === 404 || status === 429 || status === 503)
    return new PrusikError('MCP_UNAVAILABLE', `${where} was not called: HTTP ${status}`, {
      retryable: true,
      meta: { ...meta, status },
    });
  if (status < 400 || status >= 500) return undefined;
  return new PrusikError('MCP_SERVER_ERROR', `${where} was refused: HTTP ${status}`, { meta: { ...meta, status } });
}

const causeOf = (thrown: unknown): { readonly reason?: string } =>
  isPrusikError(thrown) ? { reason: thrown.code } : {};

/** What a server says is somebody else's text. */
export function told(thrown: unknown): string {
  return withoutSecrets(visibleText(messageOf(thrown).slice(0, LONGEST)));
}
