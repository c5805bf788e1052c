import { InMemoryTransport, type JSONRPCMessage } from '@modelcontextprotocol/client';
import type { JsonObject } from '@prusik/core';
import { callsOver, type CallsOver, type CallsOverOptions } from './calls-over.ts';

/** A message as it goes over the wire. */
export type Rpc = { readonly id?: number | string; readonly method?: string; readonly [key: string]: unknown };

/** A server in this process that says exactly what a test wants it to. */
export interface RawServer extends CallsOver {
  /** What the client has written, but for the handshake. */
  readonly received: readonly Rpc[];
  say(message: Rpc): void;
  answer(request: Rpc, result: JsonObject): void;
  /** Resolves with the next message of that method that has not been asked for. */
  next(method: string): Promise<Rpc>;
}

export async function rawServer(options: CallsOverOptions = {}): Promise<RawServer> {
  const [clientSide, serverSide] = InMemoryTransport.createLinkedPair();
  const received: Rpc[] = [];
  const waiting = new Map<string, ((message: Rpc) => void)[]>();
  const unread: Rpc[] = [];
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
  const calls = await callsOver(clientSide, options);
  return Object.assign(calls, {
    received,
    say,
    answer: ({ id }: Rpc, result: JsonObject): void => say({ id: id ?? 0, result }),
    next(method: string): Promise<Rpc> {
      const at = unread.findIndex((message) => (message.method ?? 'answer') === method);
      const [found] = at < 0 ? [] : unread.splice(at, 1);
      if (found !== undefined) return Promise.resolve(found);
      return new Promise((resolve) => void waiting.set(method, [...(waiting.get(method) ?? []), resolve]));
    },
  });
}

const INFO = { capabilities: { tools: {} }, serverInfo: { name: 'raw', version: '1' } };

function handshake({ method }: Rpc): JsonObject | 'notification' | undefined {
  if (method === 'initialize') return { protocolVersion: '2025-11-25', ...INFO };
  if (method === 'server/discover')
    return { resultType: 'complete', supportedVersions: ['2026-07-28'], ttlMs: 0, cacheScope: 'private', ...INFO };
  return method === 'notifications/initialized' ? 'notification' : undefined;
}
