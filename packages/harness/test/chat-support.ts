import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { handleChatTurn, type ChatOptions } from '@prusik/sessions';
import { scriptedModel } from '@prusik/testing-contracts';
import { AbstractChat, type ChatInit, type ChatState, type ChatStatus, type UIMessage } from 'ai';
import { onTestFinished } from 'vitest';

export interface TestServer {
  readonly url: string;
  /** Breaks every connection. */
  drop(): void;
}

/** A real server on the loopback interface, for any handler of the web's own types. */
async function serve(handle: (request: Request) => Promise<Response>): Promise<TestServer> {
  const server = createServer((incoming, outgoing) => {
    const gone = new AbortController();
    outgoing.on('close', () => gone.abort());
    const request = new Request(new URL(incoming.url ?? '/', 'http://localhost'), {
      method: incoming.method ?? 'GET',
      headers: Object.entries(incoming.headers).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, String(value)] as [string, string]],
      ),
      signal: gone.signal,
      ...(incoming.method === 'POST' ? { body: Readable.toWeb(incoming) as ReadableStream, duplex: 'half' } : {}),
    } as RequestInit);
    void handle(request).then((response) => {
      outgoing.writeHead(response.status, Object.fromEntries(response.headers));
      if (response.body === null) return outgoing.end();
      return Readable.fromWeb(response.body as never)
        .on('error', () => outgoing.destroy())
        .pipe(outgoing);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/chat`,
    drop: () => server.closeAllConnections(),
  };
}

export const serveChat = (options: ChatOptions): Promise<TestServer> =>
  serve((request) => handleChatTurn(request, options));

/** The SDK's own chat, without a framework around it. */
export class TestChat extends AbstractChat<UIMessage> {
  constructor(init: ChatInit<UIMessage>) {
    super({ ...init, state: new TestState(init.messages) });
  }
}

class TestState implements ChatState<UIMessage> {
  status: ChatStatus = 'ready';
  error: Error | undefined = undefined;
  messages: UIMessage[];
  constructor(messages: UIMessage[] = []) {
    this.messages = messages;
  }
  pushMessage: ChatState<UIMessage>['pushMessage'] = (message) => {
    this.messages = [...this.messages, message];
  };
  popMessage: ChatState<UIMessage>['popMessage'] = () => {
    this.messages = this.messages.slice(0, -1);
  };
  replaceMessage: ChatState<UIMessage>['replaceMessage'] = (index, message) => {
    this.messages = this.messages.with(index, structuredClone(message));
  };
  snapshot: ChatState<UIMessage>['snapshot'] = (thing) => structuredClone(thing);
}

export interface HeldModel {
  readonly model: unknown;
  held(): Promise<void>;
  go(): void;
}

type Script = Parameters<typeof scriptedModel>[0];

/** A scripted model that holds back each chunk of its stream that `holds` names: `held` waits for the next one, `go` lets it go. */
export function heldModel(script: Script, holds: (chunk: unknown) => boolean): HeldModel {
  const inner = scriptedModel(script);
  const newHold = () => ({ held: Promise.withResolvers<void>(), go: Promise.withResolvers<void>() });
  let hold = newHold();
  let isOver = false;
  const go = (): void => {
    hold.go.resolve();
    hold = newHold();
  };
  onTestFinished(() => {
    isOver = true;
    go();
  });
  const model = {
    ...inner,
    async doStream(request: Parameters<typeof inner.doStream>[0]) {
      const { stream } = await inner.doStream(request);
      const passed = stream.pipeThrough(
        new TransformStream({
          async transform(chunk, controller) {
            // A scripted call comes as a whole; those of providers are written piece by piece.
            for (const piece of inputOf(chunk)) controller.enqueue(piece);
            if (holds(chunk) && !isOver) {
              const { held, go: released } = hold;
              held.resolve();
              await released.promise;
            }
            controller.enqueue(chunk);
          },
        }),
      );
      return { stream: passed };
    },
  };
  return { model, held: () => hold.held.promise, go };
}

function inputOf(chunk: object): readonly object[] {
  if (!('toolCallId' in chunk) || !('toolName' in chunk) || !('input' in chunk)) return [];
  const { toolCallId: id, toolName, input } = chunk;
  return [
    { type: 'tool-input-start', id, toolName },
    { type: 'tool-input-delta', id, delta: input },
    { type: 'tool-input-end', id },
  ];
}

/** Waits, in real time, for what other parties bring about. */
export async function until(what: () => boolean | Promise<boolean>, withinMs = 5_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await what())) {
    if (performance.now() > deadline) throw new Error(`It did not happen within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Without what no two clients agree on: names of reasoning parts, raw inputs, and properties that are not there. */
export function plain(messages: readonly unknown[]): unknown {
  return JSON.parse(JSON.stringify(messages), (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null || !('type' in value)) return value;
    const { rawInput: _raw, ...rest } = value as Record<string, unknown>;
    return rest['type'] === 'reasoning' ? { ...rest, id: undefined } : rest;
  });
}
