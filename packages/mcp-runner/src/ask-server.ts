import { PrusikError, type Clock, type JsonObject } from '@prusik/core';
import { told } from './call-failure.ts';
import type { Connection } from './connection.ts';
import { endOfSent } from './connection-end.ts';
import { unavailable } from './errors.ts';
import { ANYTHING } from './list-pages.ts';
import type { McpLimits } from './limits.ts';
import { isNoResult } from './no-result.ts';
import { isObject } from './plain.ts';

export interface AskServerOptions {
  readonly server: string;
  readonly limits: Pick<McpLimits, 'callMs'>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * A request that only reads, within `callMs`: whatever became of one that was lost, it may be made again.
 *
 * @throws {PrusikError} `MCP_SERVER_ERROR`, `MCP_PROTOCOL_ERROR`; `MCP_UNAVAILABLE` (retryable) where no answer came.
 * @throws the reason of `signal`.
 */
export async function askServer(
  connection: Connection,
  request: { readonly method: 'resources/read' | 'prompts/get'; readonly params: JsonObject },
  { server, limits, clock, signal }: AskServerOptions,
): Promise<JsonObject> {
  const late = new AbortController();
  const timer = clock.after(limits.callMs, () => late.abort());
  const stop = AbortSignal.any([signal, late.signal]);
  try {
    const result = await connection.client.request(request, ANYTHING, { signal: stop, timeout: 2 * limits.callMs });
    if (isObject(result)) return result;
    throw new PrusikError('MCP_PROTOCOL_ERROR', `The MCP server ${server} answered ${request.method} with nothing`);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof PrusikError) throw cause;
    const ended = await endOfSent(connection, cause, clock);
    if (ended !== undefined) throw ended;
    throw failed(server, request.method, late.signal.aborted ? `no answer within ${limits.callMs} ms` : cause);
  } finally {
    timer[Symbol.dispose]();
  }
}

function failed(server: string, method: string, cause: unknown): PrusikError {
  const code: unknown = (cause as { readonly code?: unknown }).code;
  const what = `The MCP server ${server} answered ${method}`;
  if (isNoResult(cause))
    return new PrusikError('MCP_PROTOCOL_ERROR', `${what} with no result: ${told(cause)}`, { meta: { server } });
  if (typeof code === 'number')
    return new PrusikError('MCP_SERVER_ERROR', `${what} with the error ${code}: ${told(cause)}`, {
      meta: { server, rpcCode: code },
    });
  return unavailable(server, told(cause), { meta: { sent: true }, cause });
}
