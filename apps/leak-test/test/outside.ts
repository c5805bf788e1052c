import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Words } from '../src/words.ts';

/** What those have got whom the app talks to, by who it is: requests as they came, headers and bodies apart. */
export interface Outside extends AsyncDisposable {
  readonly provider: string;
  readonly hut: string;
  readonly collector: string;
  readonly got: (who: string) => string;
}

type Delta = {
  readonly content?: string;
  readonly reasoning_content?: string;
  readonly call?: readonly [string, object];
};

/** A provider, an MCP server and a collector, on one port of loopback. */
export async function startOutside(words: Words): Promise<Outside> {
  const got = new Map<string, string[]>();
  const note = (who: string, text: string): void => void got.set(who, [...(got.get(who) ?? []), text]);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const body = Buffer.concat(pieces).toString('latin1');
    const [who = '', rest = ''] = (request.url ?? '').slice(1).split(/\/(.*)/u);
    const headers = `${rest} ${JSON.stringify(request.headers)}`;
    if (who === 'provider') {
      note('provider', headers);
      note('model', Buffer.concat(pieces).toString());
      return speak(response, JSON.parse(Buffer.concat(pieces).toString()) as Asked);
    }
    if (who === 'hut') {
      note('http server', `${headers} ${Buffer.concat(pieces).toString()}`);
      return serveHut(request, response, Buffer.concat(pieces).toString());
    }
    note('collector headers', headers);
    note(`collector /${rest}`, body);
    response
      .writeHead(200, { 'content-type': request.headers['content-type'] ?? '' })
      .end(rest.startsWith('protobuf') ? '' : '{}');
  }

  /** Chat completions. A model goes through its script, and begins again with the next conversation. */
  function speak(response: ServerResponse, { model, messages }: Asked): void {
    if (model === 'broken' || model === 'overloaded') return refuse(response, model === 'broken' ? 400 : 503);
    response.writeHead(200, { 'content-type': 'text/event-stream', 'x-answered': words.answeredHeader });
    const send = (event: object): void =>
      void response.write(`data: ${JSON.stringify({ id: 'c', model, ...event })}\n\n`);
    const delta = (what: object, finish: string | null = null): void =>
      send({ choices: [{ index: 0, delta: what, finish_reason: finish }] });
    if (model === 'cut') {
      delta({ role: 'assistant', content: 'It began' });
      send({ error: { message: `no "${words.modelError}" – ö`, detail: words.answeredBody } });
      response.end();
      return;
    }
    const said = messages.filter(({ role }) => role === 'assistant').length;
    const reply = scriptOf(model, words)[said] ?? { content: words.reply };
    if (reply.reasoning_content !== undefined) delta({ reasoning_content: reply.reasoning_content });
    if (reply.content !== undefined) delta({ role: 'assistant', content: reply.content });
    if (reply.call !== undefined) {
      const [name, input] = reply.call;
      delta({
        tool_calls: [
          { index: 0, id: `call-${said}`, type: 'function', function: { name, arguments: JSON.stringify(input) } },
        ],
      });
    }
    delta({}, reply.call === undefined ? 'stop' : 'tool_calls');
    send({ choices: [], usage: { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 } });
    response.end('data: [DONE]\n\n');
  }

  function refuse(response: ServerResponse, status: number): void {
    const headers = {
      'content-type': 'application/json',
      'set-cookie': `session=${words.answeredHeader}`,
      'x-request-id': words.answeredHeader,
    };
    const error = { message: `no "${words.providerMessage}" – ö`, type: 'refused', detail: words.answeredBody };
    response.writeHead(status, headers).end(JSON.stringify({ error, echo: [words.providerKey, words.providerHeader] }));
  }

  function serveHut(request: IncomingMessage, response: ServerResponse, body: string): void {
    if (request.method !== 'POST') return void response.writeHead(405).end();
    const { id, method, params } = JSON.parse(body) as { id?: unknown; method: string; params?: { name?: string } };
    const complete = { resultType: 'complete', ttlMs: 60_000, cacheScope: 'private' };
    const tool = (name: string) => ({
      name,
      description: `Does "${words.mcpDescription}" – ö`,
      inputSchema: { type: 'object', properties: { day: { type: 'string' } } },
    });
    const results: Readonly<Record<string, object>> = {
      'server/discover': {
        supportedVersions: ['2026-07-28'],
        capabilities: { tools: {} },
        serverInfo: { name: 'hut', version: '1' },
        ...complete,
      },
      'tools/list': { tools: ['book', 'fail'].map(tool), ...complete },
      'tools/call': {
        content: [{ type: 'text', text: `booked "${words.httpResult}", for ${String(request.headers['x-api-key'])}` }],
        ...complete,
      },
    };
    if (params?.name === 'fail')
      return void response
        .writeHead(500, { 'x-answered': words.mcpHeader })
        .end(`no ${words.mcpBody}: ${words.mcpHeader}`);
    const result = results[method];
    const answered = result === undefined ? { error: { code: -32601, message: 'none' } } : { result };
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ jsonrpc: '2.0', id, ...answered }));
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    provider: `${url}/provider`,
    hut: `${url}/hut/mcp`,
    collector: `${url}/collector`,
    got: (who) => (got.get(who) ?? []).join('\n'),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Asked {
  readonly model: string;
  readonly messages: readonly { readonly role: string }[];
}

/** What a model says one after the other in a conversation. */
function scriptOf(model: string, words: Words): readonly Delta[] {
  const desk = DESK(words);
  if (model === 'guide') return [...desk.slice(0, 2), ...desk.slice(-3)];
  return model === 'desk' ? desk : [];
}

/** What the agent that does everything does. */
const DESK = (words: Words): readonly Delta[] => [
  {
    reasoning_content: `I think "${words.reasoning}" – ö`,
    content: `I say "${words.reply}" – ö`,
    call: ['look_up', { question: words.toolInput, key: `api_key=${words.shapedSecret}0123456789` }],
  },
  { call: ['fails', {}] },
  { call: ['remember', {}] },
  { call: ['write', { path: `${words.fileName}.txt`, content: words.fileContent }] },
  { call: ['read', { path: `${words.fileName}.txt` }] },
  { call: ['read', { path: `no-${words.fileName}.txt` }] },
  { call: ['bash', { command: `cat *.txt; echo ${words.command}; exit 3` }] },
  { call: ['notes_echo', { text: words.mcpInput }] },
  { call: ['notes_refuse', { text: words.mcpInput }] },
  { call: ['notes_die', { text: words.mcpInput }] },
  { call: ['hut_book', { day: words.httpInput }] },
  { call: ['hut_fail', { day: words.httpInput }] },
  { call: ['look_up', { [words.toolInput]: words.toolInput }] },
  { call: [words.madeUpTool, {}] },
  { call: ['ask_user', { question: words.requestBody }] },
  { call: ['publish', { text: words.toolInput }] },
  { content: words.runOutput },
];
