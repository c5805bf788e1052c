// A chat over HTTP for the AI SDK's own client: its stream breaks, and goes on where it was.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { createEngine } from '@prusik/durable';
import { memoryStore } from '@prusik/store-memory';
import { defineAgent } from '@prusik/agents';
import { scriptedModel } from '@prusik/testing-contracts';
import { DefaultChatTransport, readUIMessageStream, type UIMessage } from 'ai';

const model = scriptedModel([['Hello', ', Ada.']]);
const helper = defineAgent({ name: 'helper', instructions: 'Be brief.', model });
const engine = createEngine({ store: memoryStore(), definitions: [helper] });
const signedIn = (_request: Request): { readonly name: string; readonly chats: readonly string[] } | undefined => ({
  name: 'ada',
  chats: ['chat-1'],
});
// #region usage
import { createSessions, handleChatTurn, inlineFiles, toUiMessages } from '@prusik/sessions';

const sessions = createSessions(engine);

// Hono, Next.js, Deno, Bun, SvelteKit, …: hand over the request. `POST /api/chat` and `GET /api/chat/:id/stream` both come here.
const chat = (request: Request): Promise<Response> =>
  handleChatTurn(request, {
    engine,
    sessions,
    definition: helper,
    access(id, asked) {
      const user = signedIn(asked);
      return user?.chats.includes(id) ? { context: { user: user.name }, by: user.name } : undefined;
    },
  });

/** The messages of a page that is loaded. */
async function load(id: string) {
  const session = await sessions.open(id);
  const { messages } = await session.history();
  const { items: requests } = await engine.store.listRequests({ tenant: 'default', session: id, limit: 100 });
  const live = (await session.activeRun()) !== undefined;
  return toUiMessages(
    messages.map(({ message }) => message),
    { requests, live, fileUrl: inlineFiles(engine.store, 'default') },
  );
}
// #endregion usage
// #region node
const server = createServer((incoming, outgoing) => {
  const gone = new AbortController();
  outgoing.on('close', () => gone.abort());
  const body = incoming.method === 'POST' ? { body: Readable.toWeb(incoming), duplex: 'half' } : {};
  const request = new Request(new URL(incoming.url ?? '/', 'http://localhost'), {
    method: incoming.method,
    headers: incoming.headers,
    signal: gone.signal,
    ...body,
  } as RequestInit);
  // It never rejects.
  void chat(request).then(({ status, headers, body: stream }) => {
    outgoing.writeHead(status, Object.fromEntries(headers));
    if (stream === null) return outgoing.end();
    return Readable.fromWeb(stream as Parameters<typeof Readable.fromWeb>[0])
      .on('error', () => outgoing.destroy())
      .pipe(outgoing);
  });
});
// #endregion node
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const api = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/chat`;

// What `useChat` does in a browser.
const transport = new DefaultChatTransport({ api });
const question: UIMessage = { id: 'm1', role: 'user', parts: [{ type: 'text', text: 'Hi' }] };
const page = new AbortController();
await transport.sendMessages({
  chatId: 'chat-1',
  messages: [question],
  trigger: 'submit-message',
  messageId: undefined,
  abortSignal: page.signal,
});
page.abort(); // the tab is closed; the turn goes on

const resumed = await transport.reconnectToStream({ chatId: 'chat-1' });
assert(resumed !== null);
let answer: UIMessage | undefined;
for await (const message of readUIMessageStream({ stream: resumed })) answer = message;
assert.equal(answer?.id, 'reply:m1');
assert.match(JSON.stringify(answer.parts), /Hello, Ada\./);
assert.equal((await load('chat-1')).length, 2);
server.closeAllConnections();
server.close();
await engine[Symbol.asyncDispose]();
