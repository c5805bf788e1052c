import { inspect } from 'node:util';
import { secretSet, type RunInfo } from '@prusik/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { memoryPins, mcpRunner, type HttpAuth, type McpRunner, type McpServer, type PinStore } from '../src/index.ts';
import { redactMessage } from '../src/redact-message.ts';
import { rawMcpServer, rpcResult } from './fixtures/raw-mcp-server.ts';
import { newPlace, type Place } from './place.ts';

let place: Place;
beforeAll(async () => {
  place = await newPlace('none');
});
afterAll(() => place[Symbol.asyncDispose]());

const SECRET = 'planted-Zq9 "quoted" value';
const run = { key: { tenant: 't', run: 'r' }, root: 'r' } as RunInfo;

/** Everything that anybody is told of a server by a runner. */
async function everything(server: McpServer): Promise<readonly unknown[]> {
  const told: unknown[] = [];
  const kept = memoryPins();
  const pins: PinStore = {
    get: kept.get,
    async set(name, pinned) {
      told.push(pinned);
      await kept.set(name, pinned);
    },
  };
  await using runner = mcpRunner({
    sandbox: place.sandbox,
    servers: { far: server },
    pins,
    onOddity: (_, text) => told.push(text),
  });
  for (const ask of asksOf(runner)) told.push(await ask().catch((error: unknown) => error));
  const tools = await runner.tools({ partial: true });
  for (const tool of Object.values(tools))
    told.push(await tool.execute({}, { toolCallId: 'c' }).catch((error: unknown) => error));
  told.push(tools, runner.servers());
  return told;
}

const asksOf = (runner: McpRunner): readonly (() => Promise<unknown>)[] => [
  () => runner.source().list({ run, signal: new AbortController().signal }),
  () => runner.tools(),
  () => runner.review('far'),
  () => runner.resources('far').list(),
  () => runner.resources('far').read('a:b'),
  () => runner.prompts('far').list(),
];

const textOf = (told: readonly unknown[]): string =>
  inspect(told, { depth: 20, maxStringLength: Infinity, maxArrayLength: Infinity });
/** Half of it counts as well. */
const HALF = SECRET.slice(0, 11);

describe('MCP-4: what a server was given in confidence', () => {
  it.each([['nowhere'], ['handshake'], ['list']])(
    'MCP-4: is told to nobody, whatever a program says of it (%s)',
    async (where) => {
      const env = { KEY: () => SECRET };

      const told = await everything(await place.server('telling-server', [where], { approval: 'never', env }));

      expect(textOf(told)).toContain('[redacted]');
      expect(textOf(told)).not.toContain(HALF);
    },
  );

  it.each<[string, HttpAuth]>([
    ['bearer', { type: 'bearer', token: () => SECRET }],
    ['header', { type: 'header', name: 'x-api-key', value: () => SECRET }],
  ])('MCP-4: is told to nobody, whatever a server over HTTP says of it (%s)', async (_, auth) => {
    const tools = ['refuses', 'returns', 'breaks'].map((name) => ({
      name,
      description: SECRET,
      inputSchema: { type: 'object' },
    }));
    await using raw = await rawMcpServer(({ rpc }, response) => {
      const { id = 0, method, params } = rpc;
      if (method === 'tools/call' && params?.['name'] === 'breaks')
        return response.writeHead(500).end(`${'x'.repeat(270)}${SECRET}`);
      response.writeHead(200, { 'content-type': 'application/json' });
      if (method === 'tools/list') return response.end(rpcResult(id, { tools }));
      if (params?.['name'] === 'returns')
        return response.end(rpcResult(id, { content: [{ type: 'text', text: SECRET }] }));
      const error = { code: -32_000, message: `No, with ${SECRET}`, data: SECRET };
      return response.end(JSON.stringify({ jsonrpc: '2.0', id, error }));
    });

    const told = await everything({ transport: 'http', url: raw.url, network: 'private', approval: 'never', auth });

    expect(textOf(told)).toContain('[redacted]');
    expect(textOf(told)).not.toContain(HALF);
  });

  it.each([
    ['a line break', 'planted\nvalue'],
    ['a character of no header', 'planted-✓'],
    ['nothing', ''],
    ['a number', 5],
    ['undefined', undefined],
  ])('MCP-4: is not sent, and not told, where it cannot be sent: %s', async (_, secret) => {
    let asked = 0;
    await using raw = await rawMcpServer(() => undefined, { before: () => void (asked += 1) });
    const auth: HttpAuth = { type: 'bearer', token: () => secret as string };
    await using runner = mcpRunner({ servers: { far: { transport: 'http', url: raw.url, network: 'private', auth } } });

    const error: unknown = await runner.tools().catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({ code: 'MCP_SIGN_IN_FAILED', retryable: false, meta: { reason: 'secret' } });
    expect(inspect(error)).not.toContain('planted');
    expect(asked).toBe(0);
  });

  it('MCP-4: is taken out of names as of values, at any depth', () => {
    const depth = 100_000;
    const message = JSON.parse(
      `${'['.repeat(depth)}{"__proto__":"planted","planted":{"a":1}}${']'.repeat(depth)}`,
    ) as object;
    const { remember, redact } = secretSet();
    remember('planted');

    redactMessage(message, redact);

    let inner: unknown = message;
    while (Array.isArray(inner)) inner = inner[0];
    expect(JSON.stringify(inner)).toBe('{"__proto__":"[redacted]","[redacted]":{"a":1}}');
  });
});
