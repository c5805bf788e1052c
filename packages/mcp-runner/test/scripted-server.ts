import { Client, InMemoryTransport, type JSONRPCMessage } from '@modelcontextprotocol/client';
import { PrusikError, type JsonObject } from '@prusik/core';
import type { Connection } from '../src/connection.ts';

/** What a server answers to a request; `undefined`: nothing. */
export type Answer = (params: JsonObject) => JsonObject | undefined;

export interface ScriptedServer extends AsyncDisposable {
  readonly connection: Connection;
  /** Methods of the requests so far, after the handshake. */
  readonly asked: readonly string[];
}

/** The real client, connected in memory to a server that answers by hand what a test says. */
export async function scriptedServer(answers: Readonly<Record<string, Answer>>): Promise<ScriptedServer> {
  const [ours, theirs] = InMemoryTransport.createLinkedPair();
  const asked: string[] = [];
  const all: Readonly<Record<string, Answer>> = {
    initialize: () => ({
      protocolVersion: '2025-11-25',
      capabilities: { tools: {} },
      serverInfo: { name: 'scripted', version: '1' },
    }),
    ...answers,
  };
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- a transport is no event target
  theirs.onmessage = (message: JSONRPCMessage) => {
    if (!('method' in message) || !('id' in message)) return;
    if (message.method !== 'initialize') asked.push(message.method);
    const result = all[message.method]?.((message.params ?? {}) as JsonObject);
    if (result !== undefined) void theirs.send({ jsonrpc: '2.0', id: message.id, result } as JSONRPCMessage);
  };
  await theirs.start();
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(ours);
  const ended = new Promise<PrusikError>((resolve) => {
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- nor is a client
    client.onclose = () => resolve(new PrusikError('MCP_UNAVAILABLE', 'It is closed'));
  });
  const close = (): Promise<void> => client.close();
  const connection: Connection = {
    client,
    protocol: { version: '2025-11-25', era: 'legacy' },
    server: client.getServerVersion(),
    capabilities: client.getServerCapabilities() ?? {},
    instructions: undefined,
    ended,
    heardAt: () => 0,
    close,
  };
  return { connection, asked, [Symbol.asyncDispose]: close };
}
