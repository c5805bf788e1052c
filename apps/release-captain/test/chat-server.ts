import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { LanguageModelV4CallOptions, LanguageModelV4Prompt } from '@ai-sdk/provider';
import { createOfflineModel } from '../src/offline/offline-model.ts';

/** A request of the protocol, as far as the tests look at it. */
export interface ChatRequest {
  readonly model: string;
  readonly stream?: boolean;
  readonly messages: readonly ChatMessage[];
  readonly tools?: readonly { readonly function: { readonly name: string } }[];
  readonly response_format?: { readonly type: string };
}

interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: string | null;
  readonly tool_calls?: readonly ChatCall[];
  readonly tool_call_id?: string;
}

interface ChatCall {
  readonly id: string;
  readonly function: { readonly name: string; readonly arguments: string };
}

export interface ChatServer extends AsyncDisposable {
  /** For `--base-url`. */
  readonly url: string;
  readonly requests: readonly { readonly body: ChatRequest; readonly headers: IncomingHttpHeaders }[];
  /** Resolves when so many connections of requests were closed by their clients. */
  readonly closed: (count: number) => Promise<void>;
}

/** Answers one request by hand; number 1 is the first. */
export type Answer = (reply: Reply, body: ChatRequest, number: number) => void | Promise<void>;

/** What may be done with a request: the protocol well spoken, or anything else. */
export interface Reply {
  /** The raw response, for what is not the protocol. */
  readonly raw: ServerResponse;
  /** One event of the stream, which resolves once it is sent. */
  send(delta: object, finish?: string): Promise<void>;
  text(said: string): Promise<void>;
  call(id: string, tool: string, input: string): Promise<void>;
  /** The ordinary end, with usage. */
  end(finish?: string): void;
  fail(status: number, headers?: Readonly<Record<string, string>>): void;
}

/** A server on loopback that speaks OpenAI's chat completions with streaming. */
export async function startChatServer(answer: Answer): Promise<ChatServer> {
  const requests: { body: ChatRequest; headers: IncomingHttpHeaders }[] = [];
  let closed = 0;
  let onClosed = (): void => {};

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as ChatRequest;
    requests.push({ body, headers: request.headers });
    response.on('close', () => {
      if (response.writableEnded) return;
      closed += 1;
      onClosed();
    });
    if (request.url !== '/v1/chat/completions' || body.stream !== true) return replyTo(response, body).fail(404);
    await answer(replyTo(response, body), body, requests.length);
  }

  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    closed: (count) =>
      new Promise((resolve) => {
        onClosed = () => closed >= count && resolve();
        onClosed();
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function replyTo(raw: ServerResponse, { model }: ChatRequest): Reply {
  const send = (event: object | string): Promise<void> => {
    if (!raw.headersSent) raw.writeHead(200, { 'content-type': 'text/event-stream' });
    const data =
      typeof event === 'string' ? event : JSON.stringify({ id: 'chat-1', model: `${model}-served`, ...event });
    return new Promise((resolve) => raw.write(`data: ${data}\n\n`, () => resolve()));
  };
  const delta = (what: object, finish: string | null = null): Promise<void> =>
    send({ choices: [{ index: 0, delta: what, finish_reason: finish }] });
  let calls = 0;
  return {
    raw,
    send: delta,
    text: (content) => delta({ role: 'assistant', content }),
    call: async (id, name, input) => {
      const index = (calls += 1) - 1;
      const half = Math.ceil(input.length / 2);
      await delta({
        tool_calls: [{ index, id, type: 'function', function: { name, arguments: input.slice(0, half) } }],
      });
      await delta({ tool_calls: [{ index, function: { arguments: input.slice(half) } }] });
    },
    end(finish = calls > 0 ? 'tool_calls' : 'stop') {
      void delta({}, finish);
      void send({ choices: [], usage: { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 } });
      void send('[DONE]');
      raw.end();
    },
    fail(status, headers = {}) {
      raw.writeHead(status, { 'content-type': 'application/json', ...headers });
      raw.end(JSON.stringify({ error: { message: `HTTP ${status}`, type: 'test' } }));
    },
  };
}

/** The rules of the offline model, spoken over the protocol. */
export const offlineAnswer: Answer = async (reply, body) => {
  const { content } = await createOfflineModel().doGenerate({
    prompt: promptOf(body.messages),
    tools: (body.tools ?? []).map(({ function: { name } }) => ({ type: 'function', name, inputSchema: {} })),
  } as LanguageModelV4CallOptions);
  for (const part of content) {
    if (part.type === 'text') {
      for (let at = 0; at < part.text.length; at += 40) await reply.text(part.text.slice(at, at + 40));
    } else if (part.type === 'tool-call') await reply.call(part.toolCallId, part.toolName, part.input);
  }
  reply.end();
};

function promptOf(messages: readonly ChatMessage[]): LanguageModelV4Prompt {
  const names = new Map<string, string>();
  return messages.map(({ role, content, tool_calls: calls = [], tool_call_id: id = '' }) => {
    const text = content === null || content === '' ? [] : [{ type: 'text' as const, text: content }];
    switch (role) {
      case 'system':
        return { role, content: content ?? '' };
      case 'user':
        return { role, content: text };
      case 'assistant': {
        for (const call of calls) names.set(call.id, call.function.name);
        const asked = calls.map((call) => ({
          type: 'tool-call' as const,
          toolCallId: call.id,
          toolName: call.function.name,
          input: JSON.parse(call.function.arguments) as unknown,
        }));
        return { role, content: [...text, ...asked] };
      }
      case 'tool': {
        const output = { type: 'text' as const, value: content ?? '' };
        return { role, content: [{ type: 'tool-result', toolCallId: id, toolName: names.get(id) ?? '', output }] };
      }
      default:
        return role satisfies never;
    }
  });
}
