import { Client, InMemoryTransport, type JSONRPCMessage } from '@modelcontextprotocol/client';
import {
  PrusikError,
  randomId,
  systemClock,
  type CallResult,
  type Clock,
  type Effect,
  type JsonObject,
} from '@prusik/core';
import type { Connection } from '../src/connection.ts';
import { DEFAULT_LIMITS, type McpLimits } from '../src/limits.ts';
import { markSent } from '../src/sending.ts';
import { createServerAsks, type ServerAsksOptions } from '../src/server-asks.ts';
import { createServerCalls, type CallWatcher, type ServerCall, type UseConnection } from '../src/server-calls.ts';
import type { TraceContext } from '../src/trace-meta.ts';

/** A message as it goes over the wire. */
export type Rpc = { readonly id?: number | string; readonly method?: string; readonly [key: string]: unknown };

/** A server in this process that says exactly what a test wants it to. */
export interface RawServer {
  call(call?: Partial<ServerCall>, by?: CallWatcher): Promise<CallResult>;
  readonly connection: Connection;
  /** What the client has written, but for the handshake. */
  readonly received: readonly Rpc[];
  readonly oddities: readonly string[];
  /** Uses of the connection that are not over. */
  readonly held: number;
  say(message: Rpc): void;
  answer(request: Rpc, result: JsonObject): void;
  /** Resolves with the next message of that method that has not been asked for. */
  next(method: string): Promise<Rpc>;
  /** Ends the connection, as the death of a server does. */
  die(): Promise<void>;
}

export interface RawServerOptions {
  readonly era?: 'legacy' | 'modern';
  readonly clock?: Clock;
  readonly limits?: Partial<McpLimits>;
  readonly asks?: Partial<ServerAsksOptions>;
  readonly directory?: string;
  readonly traceContext?: TraceContext;
  /** What a request is refused with before it is written. */
  readonly unsendable?: Error;
}

export async function rawServer(options: RawServerOptions = {}): Promise<RawServer> {
  const { era = 'legacy', clock = systemClock } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const [clientSide, serverSide] = InMemoryTransport.createLinkedPair();
  const received: Rpc[] = [];
  const oddities: string[] = [];
  const waiting = new Map<string, ((message: Rpc) => void)[]>();
  const unread: Rpc[] = [];
  const oddity = (text: string): void => void oddities.push(text);
  const say = (message: Rpc): void =>
    void serverSide.send({ jsonrpc: '2.0', ...message } as unknown as JSONRPCMessage).catch(() => {});

  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- a transport has no listeners
  serverSide.onmessage = (message) => {
    const rpc = message as unknown as Rpc;
    const greeting = handshake(rpc);
    if (greeting === 'notification') return;
    if (greeting !== undefined) return say({ id: rpc.id ?? 0, result: greeting });
    received.push(rpc);
    const next = waiting.get(rpc.method ?? 'answer')?.shift();
    if (next === undefined) unread.push(rpc);
    else next(rpc);
  };
  await serverSide.start();

  const asks = createServerAsks({
    server: 'raw',
    elicitation: 'ask',
    sampling: undefined,
    roots: true,
    oddity,
    ...options.asks,
  });
  const client = new Client(
    { name: 'test', version: '1' },
    {
      capabilities: asks.setup.capabilities,
      inputRequired: { autoFulfill: false },
      versionNegotiation: { mode: era === 'modern' ? { pin: '2026-07-28' } : 'legacy' },
    },
  );
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- a client has no listeners
  client.onerror = ({ message }) => oddity(message.slice(0, 500));
  asks.setup.prepare(client, options.directory);
  const send = clientSide.send.bind(clientSide);
  clientSide.send = (message, given) => {
    if (options.unsendable !== undefined && 'method' in message && message.method === 'tools/call')
      return Promise.reject(options.unsendable);
    markSent(given);
    return send(message, given);
  };
  await client.connect(clientSide);
  const ended = Promise.withResolvers<PrusikError>();
  const connection: Connection = {
    client,
    protocol: { version: client.getNegotiatedProtocolVersion() ?? '', era },
    server: client.getServerVersion(),
    capabilities: client.getServerCapabilities() ?? {},
    instructions: undefined,
    ended: ended.promise,
    heardAt: () => 0,
    close: () => client.close(),
  };
  let held = 0;
  const calls = createServerCalls({
    server: 'raw',
    asks,
    limits,
    clock,
    newId: randomId,
    oddity,
    traceContext: options.traceContext,
  });
  const use: UseConnection = async (work) => {
    held += 1;
    try {
      return await work(connection);
    } finally {
      held -= 1;
    }
  };
  return {
    call: (call, by) => calls.call({ ...callOf(call), use }, by ?? watcher()),
    connection,
    received,
    oddities,
    get held() {
      return held;
    },
    say,
    answer: ({ id }, result) => say({ id: id ?? 0, result }),
    next(method) {
      const at = unread.findIndex((message) => (message.method ?? 'answer') === method);
      const [found] = at < 0 ? [] : unread.splice(at, 1);
      if (found !== undefined) return Promise.resolve(found);
      return new Promise((resolve) => void waiting.set(method, [...(waiting.get(method) ?? []), resolve]));
    },
    async die() {
      ended.resolve(
        new PrusikError('MCP_UNAVAILABLE', 'The server "raw" ended with exit code 9', {
          retryable: true,
          meta: { sent: false },
        }),
      );
      await clientSide.close();
    },
  };
}

const INFO = { capabilities: { tools: {} }, serverInfo: { name: 'raw', version: '1' } };

function handshake({ method }: Rpc): JsonObject | 'notification' | undefined {
  if (method === 'initialize') return { protocolVersion: '2025-11-25', ...INFO };
  if (method === 'server/discover')
    return { resultType: 'complete', supportedVersions: ['2026-07-28'], ttlMs: 0, cacheScope: 'private', ...INFO };
  return method === 'notifications/initialized' ? 'notification' : undefined;
}

/** A call of a tool that takes anything. */
const callOf = (more: Partial<ServerCall> = {}): Omit<ServerCall, 'use'> => ({
  name: 'climb',
  tool: () => Promise.resolve({ name: 'climb', inputSchema: { type: 'object' } }),
  input: { route: 'north' },
  effect: 'once' as Effect,
  ...more,
});

/** Somebody who waits for a call, with what was told. */
export function watcher(more: Partial<CallWatcher> = {}): CallWatcher & { readonly progressed: readonly string[] } {
  const progressed: string[] = [];
  return {
    asker: 'run-1',
    signal: new AbortController().signal,
    progress: (text) => void progressed.push(text),
    ...more,
    progressed,
  };
}
