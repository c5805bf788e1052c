import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { LanguageModelV4CallOptions, LanguageModelV4StreamPart } from '@ai-sdk/provider';
import { createOfflineModel } from '../../src/offline/offline-model.ts';

/** A model behind HTTP that never words an answer the same way twice, and knows what it has said. */
export interface ModelServer extends AsyncDisposable {
  readonly url: string;
  /** Marks of all answers so far, in their order; each is in the text of its answer. */
  readonly answers: readonly string[];
}

export async function startModelServer(): Promise<ModelServer> {
  const model = createOfflineModel();
  const answers: string[] = [];
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const options = JSON.parse(Buffer.concat(chunks).toString()) as LanguageModelV4CallOptions;
    const { stream } = await model.doStream(options);
    const mark = `answer-${answers.length + 1}`;
    answers.push(mark);
    const parts: LanguageModelV4StreamPart[] = [];
    for await (const part of stream) parts.push(reword(part, mark));
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(parts));
  }
  const server = createServer((request, response) => {
    // A client that was killed in the middle is what these tests are about.
    answer(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    answers,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Calls of tools get ids of their own, and drafts a mark in every bullet: a second wording cannot be taken for the first. */
function reword(part: LanguageModelV4StreamPart, mark: string): LanguageModelV4StreamPart {
  if (part.type === 'tool-call') return { ...part, toolCallId: `${part.toolCallId}-${mark}` };
  if (part.type !== 'text-delta') return part;
  return { ...part, delta: part.delta.replaceAll('"text":"', `"text":"${mark} `) };
}
