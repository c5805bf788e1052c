import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Receive } from './serve.ts';
import type { Line, Message, World } from './wire.ts';

const STREAMED: ReadonlySet<string | undefined> = new Set(['tools/call', 'subscriptions/listen']);

/** Listens on a port of its own and prints the address. A call and a subscription are answered by a stream of events, everything else by one message. */
export function overHttp(receive: Receive, effect: World['effect']): void {
  // Not imported: whoever speaks over stdio would be started in twice the time.
  const server = process
    .getBuiltinModule('node:http')
    .createServer((request, response) => void handle(request, response, receive, effect));
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    if (typeof address === 'object' && address !== null) console.log(`http://127.0.0.1:${address.port}/mcp`);
  });
  // Ends with whoever has started it.
  process.stdin.once('close', () => process.exit(0)).resume();
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  receive: Receive,
  effect: World['effect'],
): Promise<void> {
  response.on('error', () => {});
  if (request.method === 'GET' && request.headers['last-event-id'] !== undefined) {
    effect('again');
    events(response).write('id: again\nretry: 0\ndata: \n\n');
    return void response.end();
  }
  if (request.method !== 'POST') return void response.writeHead(405).end();
  const message = JSON.parse(await text(request)) as Message;
  if (message.id === undefined) {
    response.writeHead(202).end();
    return receive(message, { send() {}, write() {}, end() {} });
  }
  receive(message, STREAMED.has(message.method) ? events(response) : single(response));
}

function events(response: ServerResponse): Line {
  response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
  return {
    send: (message) => void response.write(`data: ${JSON.stringify(message)}\n\n`),
    write: (bytes) => void response.write(bytes),
    end: () => void response.end(),
  };
}

function single(response: ServerResponse): Line {
  response.setHeader('content-type', 'application/json');
  return {
    send: (message) => void response.write(JSON.stringify(message)),
    write: (bytes) => void response.write(bytes),
    end: () => void response.end(),
  };
}
