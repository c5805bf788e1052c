import type {
  JSONRPCMessage,
  JSONRPCRequest,
  RequestId,
  Transport,
  TransportSendOptions,
} from '@modelcontextprotocol/client';
import { bareError, PrusikError, within, withoutSecrets, type Clock } from '@prusik/core';
import { redactMessage } from './redact-message.ts';
import { unavailable } from './errors.ts';
import { anonymous, challengeOf, type HttpCaller } from './http-caller.ts';
import { httpError, lost, prusikErrorIn, retryAfterOf, type HttpAnswer } from './http-error.ts';
import type { McpLimits } from './limits.ts';
import { createReconnects } from './reconnects.ts';
import type { SafeFetch } from './safe-fetch.ts';
import { markSent } from './sending.ts';

/** A stream has done its duty with its answer; one that a server keeps open holds a socket. */
const LINGER_MS = 1_000;
/** Of a session's end, told to the server. */
const FAREWELL_MS = 1_000;
/** Requests of the server that are not answered yet. */
const OPEN_REQUESTS = 64;
/** By this a request is known again where it is made; it goes no further. */
const MARK = 'x-prusik-request';

export interface HttpTransportOptions {
  readonly server: string;
  readonly url: URL;
  readonly caller: HttpCaller;
  readonly safe: SafeFetch;
  readonly limits: Pick<McpLimits, 'garbageLines'>;
  readonly clock: Clock;
  readonly oddity: (text: string) => void;
}

/** The SDK's transport over Streamable HTTP, which says of each request what became of it. */
export interface HttpTransport extends Transport {
  /** From now on failures are told by our codes; the handshake needs them as the SDK has them. */
  ready(): void;
  /** A failure of the handshake, by our codes. */
  failure(error: unknown): Promise<PrusikError>;
  /** Resolves when it is over, with what requests in flight are to be told. */
  readonly ended: Promise<PrusikError>;
  /** When the server was last heard, by the monotonic clock. */
  heardAt(): number;
  heard(): void;
  /** Tells the server, and closes all sockets. Never rejects; idempotent. */
  close(): Promise<void>;
}

/** A request that was made. */
interface Asked {
  readonly method: string;
  readonly options: TransportSendOptions | undefined;
  readonly stream: AbortController;
  /** Settles what the SDK was promised; its stream may stay for a while. */
  readonly resolve: () => void;
  /** Settles it, if nobody has, and holds nothing of it any more. */
  readonly end: (error?: unknown) => void;
  sent: boolean;
  answer: HttpAnswer | undefined;
  /** What broke its body off. */
  failure: unknown;
  lingering: Disposable | undefined;
}

export async function createHttpTransport(options: HttpTransportOptions): Promise<HttpTransport> {
  const { server, url, caller, safe, limits, clock, oddity } = options;
  const { InsufficientScopeError, StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client');
  const asked = new Map<RequestId, Asked>();
  const marked = new Map<string, Asked>();
  /** Whose streams are open, those of answers that have come included. */
  const live = new Set<Asked>();
  const askedOfUs = new Set<RequestId>();
  const reconnects = createReconnects(clock);
  const ended = Promise.withResolvers<PrusikError>();
  let isReady = false;
  let isOver = false;
  let closing: Promise<void> | undefined;
  let heardAt = clock.monotonic();
  let garbage = 0;
  let marks = 0;
  let latest: Asked | undefined;

  const inner = new StreamableHTTPClientTransport(url, {
    fetch: async (input, init) => fetchMarked(input, init),
    ...(caller.provider === undefined ? {} : { authProvider: caller.provider }),
    onInsufficientScope: 'throw',
    reconnectionScheduler: (reconnect, delayMs) => reconnects.schedule(reconnect, delayMs),
  });

  async function fetchMarked(input: string | URL, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    const one = marked.get(headers.get(MARK) ?? '');
    headers.delete(MARK);
    for (const [name, value] of await caller.headers(new URL(input))) headers.set(name, value);
    const response = await safe.fetch(
      input,
      { ...init, headers },
      {
        isLasting: one === undefined ? init.method === 'GET' : one.method === 'subscriptions/listen',
        onSent: () => {
          if (one === undefined) return;
          one.sent = true;
          markSent(one.options);
        },
        onBroken: (error) => {
          if (one !== undefined) one.failure = error;
        },
      },
    );
    const answer = {
      status: response.status,
      retryAfterMs: retryAfterOf(response.headers.get('retry-after'), clock.now()),
      isStream: (response.headers.get('content-type') ?? '').toLowerCase().includes('text/event-stream'),
    };
    if (one !== undefined) one.answer = answer;
    return response;
  }

  const over = (error: PrusikError): void => {
    if (isOver) return;
    isOver = true;
    reconnects.stop();
    ended.resolve(error);
    // Nothing more is read; whoever waits is told through the client.
    void inner.close();
    safe.close();
    for (const one of live) one.end();
    transport.onclose?.();
  };

  const told = async (error: unknown, one: Asked | undefined): Promise<PrusikError> => {
    const refusal = await refusalOf(error, one);
    if (refusal !== undefined) return refusal;
    const isGone = one?.answer?.status === 404 && inner.sessionId !== undefined;
    const failure = isGone
      ? unavailable(server, 'its session is over', {
          cause: bareError(error, (text) => withoutSecrets(caller.redact(text))),
        })
      : httpError({
          server,
          error: one?.failure ?? error,
          answer: one?.answer,
          sent: one?.sent ?? true,
          redact: caller.redact,
        });
    // Whoever asked is told first, and better than by the end of the connection.
    if (isGone || (failure.code === 'MCP_UNAVAILABLE' && one?.answer === undefined)) setImmediate(() => over(failure));
    return failure;
  };

  /** Somebody is not known to the server, or may not do what was asked. */
  const refusalOf = async (error: unknown, one: Asked | undefined): Promise<PrusikError | undefined> => {
    if (error instanceof InsufficientScopeError)
      return caller.refused(challengeOf(error.requiredScope, error.resourceMetadataUrl));
    return one?.answer?.status === 401 && prusikErrorIn(error) === undefined ? caller.refused({}) : undefined;
  };

  async function ask(message: JSONRPCRequest, sendOptions: TransportSendOptions | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const stream = new AbortController();
    const one: Asked = {
      method: message.method,
      options: sendOptions,
      stream,
      resolve,
      end(error) {
        one.lingering?.[Symbol.dispose]();
        live.delete(one);
        if (asked.get(message.id) === one) asked.delete(message.id);
        if (error === undefined) resolve();
        else reject(error);
      },
      sent: false,
      answer: undefined,
      failure: undefined,
      lingering: undefined,
    };
    const mark = String((marks += 1));
    live.add(one);
    asked.set(message.id, one);
    marked.set(mark, one);
    latest = one;
    const requestSignal = sendOptions?.requestSignal;
    // The end of a stream that was given up is not told.
    requestSignal?.addEventListener('abort', () => one.end(), { once: true });
    inner
      .send(message, {
        headers: { ...sendOptions?.headers, [MARK]: mark },
        requestSignal: requestSignal === undefined ? stream.signal : AbortSignal.any([requestSignal, stream.signal]),
        onRequestStreamEnd() {
          sendOptions?.onRequestStreamEnd?.();
          const why = `The MCP server ${JSON.stringify(server)} ended the stream of a request without an answer`;
          one.end(asked.get(message.id) === one ? (one.failure ?? lost(server, why)) : undefined);
        },
      })
      .then(
        () => {
          if (one.answer?.isStream === true) return;
          if (asked.get(message.id) !== one) return one.end();
          const why = `The MCP server ${JSON.stringify(server)} answered a request with something else than its answer`;
          one.end(new PrusikError('MCP_PROTOCOL_ERROR', why, { meta: { server, sent: true } }));
        },
        async (error: unknown) => one.end(isReady ? await told(error, one).catch((failed: unknown) => failed) : error),
      )
      .finally(() => marked.delete(mark));
    return promise;
  }

  /** Of a stream that is no longer of use: the SDK leaves those of the older revisions open. */
  const cancelled = (message: JSONRPCMessage): void => {
    const { requestId } = ('params' in message ? (message.params ?? {}) : {}) as { readonly requestId?: RequestId };
    const one = requestId === undefined ? undefined : asked.get(requestId);
    if (one === undefined || requestId === undefined) return;
    one.stream.abort();
    one.end();
  };

  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- a transport has no listeners
  inner.onmessage = (message) => {
    if (caller !== anonymous) redactMessage(message, caller.redact);
    if ('method' in message) {
      if (!('id' in message)) return transport.onmessage?.(message);
      if (askedOfUs.size >= OPEN_REQUESTS) {
        oddity(`More than ${OPEN_REQUESTS} requests at once: one is refused`);
        const error = { code: -32_000, message: 'Too many requests at once' };
        return void inner.send({ jsonrpc: '2.0', id: message.id, error }).catch(() => {});
      }
      askedOfUs.add(message.id);
      return transport.onmessage?.(message);
    }
    const { id } = message;
    const one = id === undefined ? undefined : asked.get(id);
    if (id === undefined || one === undefined) return oddity('An answer that nobody waits for');
    asked.delete(id);
    one.lingering = clock.after(LINGER_MS, () => {
      one.stream.abort();
      one.end();
    });
    one.resolve();
    transport.onmessage?.(message);
  };

  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- a transport has no listeners
  inner.onerror = (error) => {
    // What the SDK's own checks of a message throw.
    if (error instanceof SyntaxError || error.name.endsWith('ZodError')) garbage += 1;
    // While hands are shaken a refusal is an answer.
    // What the parser says of a text shows some of it.
    if (isReady) oddity(error instanceof SyntaxError ? 'A message that is no JSON' : caller.redact(error.message));
    if (garbage > limits.garbageLines) {
      const why = `sent more than garbageLines = ${limits.garbageLines} messages that are none`;
      over(
        new PrusikError('MCP_PROTOCOL_ERROR', `The MCP server ${JSON.stringify(server)} ${why}`, { meta: { server } }),
      );
    }
  };

  async function farewell(): Promise<void> {
    if (!isOver && inner.sessionId !== undefined)
      await within(clock, FAREWELL_MS, async () => inner.terminateSession()).catch(() => {});
    over(
      new PrusikError('MCP_CLOSED', `The connection to the MCP server ${JSON.stringify(server)} was closed`, {
        meta: { server },
      }),
    );
  }

  const transport: HttpTransport = {
    hasPerRequestStream: true,
    get sessionId() {
      return inner.sessionId;
    },
    setProtocolVersion: (version) => inner.setProtocolVersion(version),
    start: async () => inner.start(),
    async send(message, sendOptions) {
      if (isOver) throw unavailable(server, 'its connection is over');
      if ('method' in message && 'id' in message) return ask(message, sendOptions);
      if ('method' in message && message.method === 'notifications/cancelled') cancelled(message);
      try {
        await inner.send(message, sendOptions?.headers === undefined ? {} : { headers: sendOptions.headers });
      } catch (error) {
        throw isReady ? await told(error, undefined) : error;
      } finally {
        // Until the server has taken the answer, it holds a socket.
        if (!('method' in message)) askedOfUs.delete(message.id ?? '');
      }
    },
    ready: () => {
      isReady = true;
    },
    failure: async (error) => told(error, latest),
    ended: ended.promise,
    heardAt: () => heardAt,
    heard: () => {
      heardAt = clock.monotonic();
    },
    async close() {
      closing ??= farewell();
      return closing;
    },
  };
  return transport;
}
