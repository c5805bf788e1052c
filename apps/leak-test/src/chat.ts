import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { handleChatTurn, type ChatOptions } from '@prusik/sessions';

/** Gives status, headers and body of the answer as they come. */
type Post = (body: string, headers?: Readonly<Record<string, string>>) => Promise<string>;

/** A chat over HTTP on loopback, for as long as it is used. */
export async function withChat(options: ChatOptions, use: (post: Post) => Promise<void>): Promise<void> {
  const server = createServer((incoming, outgoing) => {
    const body =
      incoming.method === 'POST' ? { body: Readable.toWeb(incoming) as ReadableStream, duplex: 'half' as const } : {};
    const headers = Object.entries(incoming.headers).map(([name, value]): [string, string] => [name, String(value)]);
    const url = new URL(incoming.url ?? '/', 'http://localhost');
    const request = new Request(url, { method: incoming.method ?? 'GET', headers, ...body });
    void handleChatTurn(request, options).then((response) => {
      outgoing.writeHead(response.status, Object.fromEntries(response.headers));
      if (response.body === null) return outgoing.end();
      return Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]).pipe(outgoing);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/chat`;
  try {
    await use(async (body, headers = {}) => {
      const type = { 'content-type': 'application/json', ...headers };
      const response = await fetch(url, { method: 'POST', body, headers: type });
      return `${response.status} ${JSON.stringify([...response.headers])} ${await response.text()}`;
    });
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

export const userSays = (chat: string, text: string): string =>
  JSON.stringify({
    id: chat,
    trigger: 'submit-message',
    messages: [{ id: `m-${chat}`, role: 'user', parts: [{ type: 'text', text }] }],
  });
