import type { Transport } from '@modelcontextprotocol/client';
import { PrusikError, randomId, systemClock, type CallResult, type Clock, type Effect } from '@prusik/core';
import type { Connection } from '../src/connection.ts';
import { shakeHands } from '../src/handshake.ts';
import { DEFAULT_LIMITS, type McpLimits } from '../src/limits.ts';
import { markSent } from '../src/sending.ts';
import { createServerAsks, type ServerAsksOptions } from '../src/server-asks.ts';
import { createServerCalls, type CallWatcher, type ServerCall, type UseConnection } from '../src/server-calls.ts';
import type { TraceFields } from '../src/trace-meta.ts';

/** Calls of a server at the other end of a transport. */
export interface CallsOver {
  readonly connection: Connection;
  call(call?: Partial<ServerCall>, by?: CallWatcher): Promise<CallResult>;
  readonly oddities: readonly string[];
  /** Uses of the connection that are not over. */
  readonly held: number;
  /** Ends the connection, as the death of a server does. */
  die(): Promise<void>;
}

export interface CallsOverOptions {
  readonly era?: 'legacy' | 'modern';
  readonly clock?: Clock;
  readonly limits?: Partial<McpLimits>;
  readonly asks?: Partial<ServerAsksOptions>;
  readonly directory?: string;
  readonly traceContext?: TraceFields;
  /** What a call is refused with before it is written. */
  readonly unsendable?: Error;
}

/** The real client and the real calls; the transport has no process behind it. */
export async function callsOver(transport: Transport, options: CallsOverOptions = {}): Promise<CallsOver> {
  const { era = 'legacy', clock = systemClock } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const oddities: string[] = [];
  const oddity = (text: string): void => void oddities.push(text);
  const offers = {
    server: 'raw',
    elicitation: 'ask',
    sampling: undefined,
    roots: true,
    oddity,
    clock,
    doubtMs: 1_000,
  } as const;
  const asks = createServerAsks({ ...offers, ...options.asks });
  const send = transport.send.bind(transport);
  transport.send = (message, given) => {
    if (options.unsendable !== undefined && 'method' in message && message.method === 'tools/call')
      return Promise.reject(options.unsendable);
    markSent(given);
    return send(message, given);
  };
  const shaken = await shakeHands({
    transport,
    protocol: era === 'modern' ? '2026-07-28' : '2025-11-25',
    legacy: false,
    probeMs: 5_000,
    timeoutMs: 10_000,
    setup: asks.setup,
    ...(options.directory === undefined ? {} : { directory: options.directory }),
    events: { oddity, listChanged() {} },
  });
  const ended = Promise.withResolvers<PrusikError>();
  const connection: Connection = {
    ...shaken,
    ended: ended.promise,
    heardAt: () => 0,
    close: () => shaken.client.close(),
  };
  const { traceContext } = options;
  const calls = createServerCalls({ server: 'raw', asks, limits, clock, newId: randomId, oddity, traceContext });
  let held = 0;
  const use: UseConnection = async (work) => {
    held += 1;
    try {
      return await work(connection);
    } finally {
      held -= 1;
    }
  };
  return {
    connection,
    call: (call, by) => calls.call({ use, ...callOf(call) }, by ?? watcher()),
    oddities,
    get held() {
      return held;
    },
    async die() {
      const meta = { sent: false };
      const why = 'The server "raw" ended with exit code 9';
      ended.resolve(new PrusikError('MCP_UNAVAILABLE', why, { retryable: true, meta }));
      await transport.close();
    },
  };
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
