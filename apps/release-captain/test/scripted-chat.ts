import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ScriptedPart } from '@prusik/testing-contracts';

export interface ScriptedChat extends AsyncDisposable {
  readonly url: string;
}

type Part = Exclude<ScriptedPart, string>;

/** A server on loopback that speaks OpenAI's chat completions, streamed and whole, and says the n-th reply of a script to the n-th request. */
export async function startScriptedChat(replies: readonly (readonly ScriptedPart[])[]): Promise<ScriptedChat> {
  let asked = 0;
  const server = createServer((request, response) => {
    const parts = replies[asked] ?? [];
    asked += 1;
    answer(request, response, parts).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  parts: readonly ScriptedPart[],
): Promise<void> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  const refusal = parts.find((part) => typeof part === 'object' && 'reject' in part) as { reject: Refusal } | undefined;
  if (refusal !== undefined) {
    const { statusCode, responseHeaders } = refusal.reject;
    response.writeHead(statusCode, { 'content-type': 'application/json', ...responseHeaders });
    response.end(JSON.stringify({ error: { message: `HTTP ${statusCode}` } }));
  } else if ((JSON.parse(body) as { stream?: boolean }).stream === true) await stream(response, parts);
  else whole(response, parts);
}

interface Refusal {
  readonly statusCode: number;
  readonly responseHeaders: Readonly<Record<string, string>>;
}

async function stream(response: ServerResponse, parts: readonly ScriptedPart[]): Promise<void> {
  const send = (data: object | string): Promise<unknown> =>
    new Promise((resolve) =>
      response.write(`data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`, resolve),
    );
  const delta = (what: object, finish: string | null = null): Promise<unknown> =>
    send({ id: 'chat-1', model: 'm', choices: [{ index: 0, delta: what, finish_reason: finish }] });
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  let calls = 0;
  const call = (more: object): Promise<unknown> => delta({ tool_calls: [{ index: calls - 1, ...more }] });
  for (const part of parts) {
    if (typeof part === 'string') await delta({ content: part });
    else if ('reasoning' in part) await delta({ reasoning_content: part.reasoning });
    else if ('until' in part) await part.until;
    else if ('error' in part) await send({ error: { message: String(part.error), type: 'server_error' } });
    else if ('drop' in part) {
      response.destroy();
      return;
    } else if ('call' in part) {
      calls += 1;
      await call({ id: part.callId, type: 'function', function: { name: part.call, arguments: '' } });
      for (const piece of part.inputDeltas ?? [JSON.stringify(part.input)])
        await call({ function: { arguments: piece } });
    } else if ('type' in part && part.type === 'tool-input-start') {
      calls += 1;
      await call({ id: part.id, type: 'function', function: { name: part.toolName, arguments: '' } });
    } else if ('type' in part && part.type === 'tool-input-delta') await call({ function: { arguments: part.delta } });
  }
  const finish = finishOf(parts);
  if (finish !== undefined) {
    await delta({}, finish);
    const usage = usageOf(parts);
    if (usage !== undefined) await send({ id: 'chat-1', model: 'm', choices: [], usage });
    await send('[DONE]');
  }
  response.end();
}

function whole(response: ServerResponse, parts: readonly ScriptedPart[]): void {
  const calls = parts.filter(
    (part): part is Extract<Part, { call: string }> => typeof part === 'object' && 'call' in part,
  );
  const message = {
    role: 'assistant',
    content: parts.filter((part) => typeof part === 'string').join(''),
    tool_calls: calls.map(({ call, callId, input }) => ({
      id: callId,
      type: 'function',
      function: { name: call, arguments: JSON.stringify(input) },
    })),
  };
  const usage = usageOf(parts);
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(
    JSON.stringify({
      id: 'chat-1',
      model: 'm',
      choices: [{ index: 0, message, finish_reason: finishOf(parts) }],
      ...(usage === undefined ? {} : { usage }),
    }),
  );
}

const FINISHES: Readonly<Record<string, string | undefined>> = {
  stop: 'stop',
  length: 'length',
  'content-filter': 'content_filter',
  'tool-calls': 'tool_calls',
};

function finishOf(parts: readonly ScriptedPart[]): string | undefined {
  const said = parts.find((part) => typeof part === 'object' && 'finish' in part) as { finish: string } | undefined;
  const calls = parts.some((part) => typeof part === 'object' && 'call' in part);
  return said === undefined ? FINISHES[calls ? 'tool-calls' : 'stop'] : FINISHES[said.finish];
}

function usageOf(parts: readonly ScriptedPart[]): object | undefined {
  const used = parts.find((part) => typeof part === 'object' && 'inputTokens' in part) as
    | { inputTokens: number; outputTokens: number; cacheReadTokens?: number; reasoningTokens?: number }
    | undefined;
  if (used === undefined) return undefined;
  return {
    prompt_tokens: used.inputTokens,
    completion_tokens: used.outputTokens,
    prompt_tokens_details: { cached_tokens: used.cacheReadTokens },
    completion_tokens_details: { reasoning_tokens: used.reasoningTokens },
  };
}
