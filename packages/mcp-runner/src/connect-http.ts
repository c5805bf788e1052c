import { PrusikError, withoutSecrets, type Clock } from '@prusik/core';
import type { Connect, Connection, ConnectOptions } from './connection.ts';
import type { EraVerdicts } from './era-verdicts.ts';
import { startTimeout } from './errors.ts';
import { shakeHands } from './handshake.ts';
import type { HttpCaller } from './http-caller.ts';
import { createHttpTransport, type HttpTransport } from './http-transport.ts';
import type { McpLimits } from './limits.ts';
import type { HttpServer } from './options.ts';
import { safeFetch, type Resolve } from './safe-fetch.ts';

/** What is late by more than this is not waited for by the caller's own deadline any more. */
const GRACE_MS = 1_000;

export interface ConnectHttpOptions {
  readonly name: string;
  readonly server: HttpServer;
  readonly caller: HttpCaller;
  readonly limits: McpLimits;
  readonly verdicts: EraVerdicts;
  readonly clock: Clock;
  readonly resolve?: Resolve;
}

/**
 * A server over Streamable HTTP.
 *
 * @throws {PrusikError} `MCP_START_TIMEOUT`, `MCP_START_FAILED`, `MCP_UNAVAILABLE`, `MCP_ADDRESS_REFUSED`, `MCP_SIGN_IN_REQUIRED`, `MCP_SIGN_IN_FAILED`,
 * `MCP_PROTOCOL_ERROR`, `MCP_MESSAGE_TOO_LARGE`; no socket is left then.
 * @throws the reason of `signal`, unwrapped.
 */
export function connectHttp(options: ConnectHttpOptions): Connect {
  const { name, server, caller, limits, verdicts, clock, resolve } = options;
  const url = new URL(server.url);
  return async ({ signal, events, setup }: ConnectOptions): Promise<Connection> => {
    const late = new AbortController();
    const timer = clock.after(limits.startMs, () => late.abort(startTimeout(name, limits)));
    const until = AbortSignal.any([signal, late.signal]);
    until.throwIfAborted();
    const oddity = (text: string): void => events.oddity(withoutSecrets(caller.redact(text)));
    let transport: HttpTransport | undefined;
    const safe = safeFetch({
      own: url,
      network: server.network ?? 'public',
      messageBytes: limits.messageBytes,
      requestMs: limits.totalMs + GRACE_MS,
      clock,
      ca: server.ca,
      onHeard: () => transport?.heard(),
      ...(resolve === undefined ? {} : { resolve }),
    });
    transport = await createHttpTransport({ server: name, url, caller, safe, limits, clock, oddity });
    const { close, ready, failure, ended, heardAt } = transport;
    const onAbort = (): void => void close();
    until.addEventListener('abort', onAbort, { once: true });
    if (until.aborted) onAbort();
    try {
      const shaken = await shakeHands({
        transport,
        protocol: server.protocol ?? 'auto',
        legacy: verdicts.isLegacy(name),
        // Over HTTP silence says nothing of the revision, so there is no other question to leave time for.
        probeMs: limits.startMs,
        timeoutMs: limits.startMs,
        setup,
        events: { ...events, oddity },
      });
      until.throwIfAborted();
      verdicts.note(name, shaken.protocol.era);
      ready();
      return { ...shaken, ended, heardAt, close };
    } catch (error) {
      const told = startFailed(name, await failure(error));
      await close();
      until.throwIfAborted();
      throw told;
    } finally {
      until.removeEventListener('abort', onAbort);
      timer[Symbol.dispose]();
    }
  };
}

/** Of a handshake nothing is in doubt: it is made again from the start. */
function startFailed(name: string, error: PrusikError): PrusikError {
  const { status } = error.meta;
  if (error.code !== 'MCP_CALL_LOST' && error.code !== 'MCP_CALL_TIMEOUT' && error.code !== 'MCP_SERVER_ERROR')
    return error;
  return new PrusikError('MCP_START_FAILED', `The MCP server ${JSON.stringify(name)} was not ready: ${error.message}`, {
    cause: error,
    retryable: error.code !== 'MCP_SERVER_ERROR',
    meta: { server: name, ...(status === undefined ? {} : { status }) },
  });
}
