import { lookup as systemLookup } from 'node:dns/promises';
import { Agent as PlainAgent, request as plainRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { createSecureContext, rootCertificates } from 'node:tls';
import { callbackify } from 'node:util';
import { isPrusikError, PrusikError, type Clock } from '@prusik/core';
import { boundedBody } from './bounded-body.ts';
import { hostOf, isPortAllowed, reachOf, type Network } from './address-rules.ts';

/** Addresses of a name, as the system's resolver would say them. */
export type Resolve = (hostname: string) => Promise<readonly ResolvedAddress[]>;

interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

export interface SafeFetchOptions {
  /** The server's address: its port is the only one below 1,024 that is dialled beside the default ones. */
  readonly own: URL;
  readonly network: Network;
  /** Of a body, or of one event in a stream of them. */
  readonly messageBytes: number;
  /** Of a request in all; a stream of events that may stay has to begin by then. */
  readonly requestMs: number;
  readonly clock: Clock;
  /** Authorities besides the public ones, as PEM. */
  readonly ca: string | undefined;
  /** @default the system's */
  readonly resolve?: Resolve;
  /** Told whenever something has come. */
  readonly onHeard?: () => void;
}

/** What whoever asks knows of a request, and wants to. */
export interface FetchHooks {
  /** Its answer is a stream of events that may stay: only its beginning has to come in time. @default what is asked for with GET */
  readonly isLasting?: boolean;
  /** Told when something of it can have reached the server. */
  readonly onSent?: () => void;
  /** Told why its answer broke off, before whoever reads it is. */
  readonly onBroken?: (error: unknown) => void;
}

/** A `fetch` that dials only what a server may be at. Redirects are answers: whoever follows one comes back here. */
export interface SafeFetch {
  /**
   * @throws {PrusikError} `MCP_ADDRESS_REFUSED` and `MCP_CLOSED`, before anything was dialled; `MCP_UNAVAILABLE` while nothing was sent; `MCP_CALL_LOST` and
   * `MCP_CALL_TIMEOUT` once something was; `MCP_MESSAGE_TOO_LARGE`, also out of the body.
   */
  readonly fetch: (url: string | URL, init?: RequestInit, hooks?: FetchHooks) => Promise<Response>;
  /** Ends all sockets. Nothing is dialled after that. */
  close(): void;
}

/** Servers end idle connections after 5 s and more. One that ends as a request enters it loses the request, so ours end first. */
const IDLE_SOCKET_MS = 4_000;
const HEADER_BYTES = 32 * 1024;
const SOCKETS = 64;
const NO_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

/** By itself it would stand in place of the public ones. */
export const authoritiesWith = (ca: string): string[] => [...rootCertificates, ca];

/** No proxy, no cookie, no credential and no certificate switch of the environment has a say. */
export function safeFetch({
  own,
  network,
  messageBytes,
  requestMs,
  clock,
  ca,
  resolve = (name) => systemLookup(name, { all: true }),
  onHeard = () => {},
}: SafeFetchOptions): SafeFetch {
  const pool = { keepAlive: true, maxSockets: SOCKETS, timeout: IDLE_SOCKET_MS };
  const reachable = (protocol: string) => (address: string) => reachOf({ address, protocol, network }) === 'reachable';
  const plain = new PlainAgent({ ...pool, lookup: checkedLookup(resolve, reachable('http:'), network) });
  const tls = new TlsAgent({
    ...pool,
    lookup: checkedLookup(resolve, reachable('https:'), network),
    rejectUnauthorized: true,
    ...(ca === undefined ? {} : { secureContext: createSecureContext({ ca: authoritiesWith(ca) }) }),
  });
  let isClosed = false;

  return {
    async fetch(input, init = {}, hooks = {}) {
      const url = new URL(input);
      if (isClosed) throw closed(url);
      const refusal = refusalOf(url, own, network);
      if (refusal !== undefined) throw refused(url, refusal);
      const signal = init.signal ?? undefined;
      signal?.throwIfAborted();
      const headers = new Headers(init.headers);
      // What arrives is what is counted: nothing unpacks.
      headers.set('accept-encoding', 'identity');
      const body = bodyOf(init.body);
      const method = (init.method ?? 'GET').toUpperCase();
      const options = { method, headers: Object.fromEntries(headers), maxHeaderSize: HEADER_BYTES };
      const request =
        url.protocol === 'https:'
          ? tlsRequest(url, { ...options, agent: tls })
          : plainRequest(url, { ...options, agent: plain });
      const exchange = exchangeOf(request, url, signal, hooks.onSent);
      const late = clock.after(requestMs, () => exchange.end(timedOut(url, requestMs, exchange.isSent())));
      try {
        const answer = await exchange.send(body);
        onHeard();
        const { isLasting = method === 'GET', onBroken } = hooks;
        return responseOf(answer, url, exchange, late, { isLasting, messageBytes, onHeard, onBroken });
      } catch (error) {
        late[Symbol.dispose]();
        exchange.end();
        throw error;
      }
    },

    close() {
      isClosed = true;
      plain.destroy();
      tls.destroy();
    },
  };
}

/** Names are resolved once, for the dial: what was looked at is what is dialled, so a second answer of the resolver comes too late. */
function checkedLookup(resolve: Resolve, isReachable: (address: string) => boolean, network: Network): LookupFunction {
  const resolveName = callbackify(resolve);
  return (hostname, options, callback) => {
    resolveName(hostname, (error: NodeJS.ErrnoException | null, addresses) => {
      if (error) return callback(error, []);
      const [first, ...others] = addresses.filter(({ address }) => isReachable(address));
      if (first === undefined) return callback(refusedName(hostname, network), []);
      if (options.all === true) return callback(null, [first, ...others]);
      callback(null, first.address, first.family);
    });
  };
}

/** Why an address as it is written cannot be dialled. */
function refusalOf(url: URL, own: URL, network: Network): string | undefined {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return `the scheme ${url.protocol}`;
  if (url.username !== '' || url.password !== '') return 'credentials in the address';
  if (!isPortAllowed(url, own)) return `the port ${url.port}`;
  const host = hostOf(url);
  if (host.address === undefined)
    return url.protocol === 'http:' && network === 'public' ? 'http without TLS' : undefined;
  const reachIn = (wider: Network): string =>
    reachOf({ address: host.address ?? '', protocol: url.protocol, network: wider });
  const reach = reachIn(network);
  if (reach === 'reachable') return undefined;
  // Where somebody else has sent us, nobody is talked into letting more be dialled.
  const wider = url.origin === own.origin && WIDER.find((one) => reachIn(one) === 'reachable');
  return wider ? `${reach}, and it takes \`network: '${wider}'\` to reach it` : reach;
}

const WIDER: readonly Network[] = ['private', 'plain'];

interface Exchange {
  /** The head of the answer. */
  send(body: Uint8Array | undefined): Promise<IncomingMessage>;
  isSent(): boolean;
  /** Closes the socket; whoever reads the body is told why. */
  end(reason?: unknown): void;
  /** What failed, as whoever called is told. */
  lost(error: unknown): unknown;
}

function exchangeOf(
  request: ClientRequest,
  url: URL,
  signal: AbortSignal | undefined,
  onSent: () => void = () => {},
): Exchange {
  let sent = false;
  const markSent = (): void => {
    sent = true;
    onSent();
  };
  let ended: unknown;
  const end = (reason?: unknown) => {
    ended ??= reason;
    request.destroy();
  };
  const abort = () => end(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  request.once('close', () => signal?.removeEventListener('abort', abort));
  request.once('socket', (socket) => {
    socket.setKeepAlive(true, 30_000);
    // Of one that is handed on nobody hears again that it is connected.
    if (!socket.connecting) markSent();
    else socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', markSent);
  });
  const lost = (error: unknown) => ended ?? (isPrusikError(error) ? error : notAnswered(url, error, sent));
  return {
    isSent: () => sent,
    end,
    lost,
    send: async (body) =>
      new Promise((resolve, reject) => {
        request.once('response', resolve);
        request.on('error', (error) => reject(lost(error)));
        // One that was ended before it failed has no error to tell.
        request.once('close', () => reject(lost(new Error('the connection was closed'))));
        request.end(body);
      }),
  };
}

function responseOf(
  answer: IncomingMessage,
  url: URL,
  exchange: Exchange,
  late: Disposable,
  {
    isLasting,
    ...bounds
  }: {
    readonly isLasting: boolean;
    readonly messageBytes: number;
    readonly onHeard: () => void;
    readonly onBroken: ((error: unknown) => void) | undefined;
  },
): Response {
  const status = answer.statusCode ?? 0;
  const headers = new Headers();
  for (const [name, values] of Object.entries(answer.headersDistinct))
    for (const value of values ?? []) headers.append(name, value);
  const encoding = headers.get('content-encoding') ?? 'identity';
  if (status < 200 || status > 599 || encoding !== 'identity')
    throw new PrusikError(
      'MCP_PROTOCOL_ERROR',
      `${url.host} answered with HTTP ${status}, encoded as ${encoding.slice(0, 40)}`,
      {
        meta: { sent: true },
      },
    );
  const isStream = (headers.get('content-type') ?? '').trimStart().toLowerCase().startsWith('text/event-stream');
  answer.once('close', () => late[Symbol.dispose]());
  if (isLasting && isStream) late[Symbol.dispose]();
  if (NO_BODY.has(status)) {
    answer.resume();
    return new Response(null, { status, headers });
  }
  const body = boundedBody(answer, {
    ...bounds,
    isStream,
    host: url.host,
    end: exchange.end,
    lost: exchange.lost,
  });
  return new Response(body, { status, statusText: answer.statusMessage ?? '', headers });
}

function bodyOf(body: RequestInit['body']): Uint8Array | undefined {
  if (body === undefined || body === null) return undefined;
  if (typeof body === 'string' || body instanceof URLSearchParams) return Buffer.from(body.toString());
  throw new TypeError('A body is a text or a form');
}

// Paths and queries may hold secrets, so an address is told by its host.

function closed(url: URL): PrusikError {
  return new PrusikError('MCP_CLOSED', `${url.host} is not dialled any more: the runner or the connection is closed`, {
    meta: { host: url.host, sent: false },
  });
}

function refused(url: URL, what: string): PrusikError {
  return new PrusikError('MCP_ADDRESS_REFUSED', `${url.host} is not dialled: ${what}`, {
    meta: { host: url.host, sent: false },
  });
}

function refusedName(hostname: string, network: Network): PrusikError {
  const message = `${hostname} is not dialled: it has no address that \`network: '${network}'\` allows`;
  return new PrusikError('MCP_ADDRESS_REFUSED', message, { meta: { host: hostname, sent: false } });
}

function notAnswered(url: URL, error: unknown, sent: boolean): PrusikError {
  const { code } = error as NodeJS.ErrnoException;
  const reason = typeof code === 'string' ? code : 'no answer';
  const meta = { host: url.host, reason, sent };
  if (!sent)
    return new PrusikError('MCP_UNAVAILABLE', `${url.host} was not reached: ${reason}`, {
      cause: error,
      retryable: true,
      meta,
    });
  return new PrusikError('MCP_CALL_LOST', `${url.host} did not answer what was sent: ${reason}`, {
    cause: error,
    meta,
  });
}

function timedOut(url: URL, ms: number, sent: boolean): PrusikError {
  const meta = { host: url.host, sent };
  if (!sent)
    return new PrusikError('MCP_UNAVAILABLE', `${url.host} was not reached within ${ms} ms`, { retryable: true, meta });
  return new PrusikError('MCP_CALL_TIMEOUT', `${url.host} took longer than ${ms} ms`, { meta });
}
