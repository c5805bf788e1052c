import type { ServerResponse } from 'node:http';
import { systemClock, type PrusikError } from '@prusik/core';
import { fakeClock } from '@prusik/testing-contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { connectHttp, type ConnectHttpOptions } from '../src/connect-http.ts';
import type { Connection } from '../src/connection.ts';
import { wasNotSent } from '../src/errors.ts';
import { createEraVerdicts } from '../src/era-verdicts.ts';
import { anonymous, bearerCaller, headerCaller } from '../src/http-caller.ts';
import { DEFAULT_LIMITS } from '../src/limits.ts';
import { createSending } from '../src/sending.ts';
import { event, rawMcpServer, rpcResult, stream, type RpcRequest } from './fixtures/raw-mcp-server.ts';
import { rawServer } from './fixtures/raw-server.ts';
import { sdkServer } from './fixtures/sdk-server.ts';

const open: (() => unknown)[] = [];
const QUICK = { interval: 2, timeout: 5_000 };
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

interface Opened {
  readonly connection: Connection;
  readonly oddities: readonly string[];
  /** Lists that were said to be others now. */
  readonly changes: readonly string[];
}

async function connect(url: string, options: Partial<ConnectHttpOptions> = {}): Promise<Opened> {
  const clock = options.clock ?? systemClock;
  const oddities: string[] = [];
  const changes: string[] = [];
  const connection = await connectHttp({
    name: 'far',
    server: { transport: 'http', url, network: 'private' },
    caller: anonymous,
    limits: DEFAULT_LIMITS,
    verdicts: createEraVerdicts(clock),
    clock,
    ...options,
  })({
    signal: new AbortController().signal,
    events: { listChanged: (what) => changes.push(what), oddity: (text) => oddities.push(text) },
    setup: { capabilities: {}, prepare: () => {} },
  });
  open.push(async () => connection.close());
  return { connection, oddities, changes };
}

const call = async (connection: Connection, text: string) => {
  const sending = createSending();
  return connection.client.callTool({ name: 'echo', arguments: { text } }, { ...sending.options });
};

describe.each([
  ['modern', '2026-07-28'],
  ['legacy', '2025-11-25'],
] as const)('a server of the SDK, %s', (era, version) => {
  it('MCP-1: is reached, lists and calls, by the revision that both speak', async () => {
    await using server = await sdkServer(era);
    const { connection } = await connect(server.url);

    const { tools } = await connection.client.listTools();
    const result = await call(connection, 'hello');

    expect(connection.protocol).toEqual({ era, version });
    expect(connection.instructions).toBe('Say something.');
    expect(tools.map(({ name }) => name)).toEqual(['echo']);
    expect(result.content).toEqual([{ type: 'text', text: 'hello' }]);
    await connection.close();
    expect(await connection.ended).toMatchObject({ code: 'MCP_CLOSED' });
  });

  it('MCP-5: tells of other tools, however long nothing was to be told', async () => {
    const clock = fakeClock();
    await using server = await sdkServer(era);
    const { changes } = await connect(server.url, { clock });
    const isTold = async () => {
      const before = changes.length;
      await expect.poll(() => (server.changeTools(), changes.length), QUICK).toBeGreaterThan(before);
    };
    await isTold();
    clock.advance(2 * DEFAULT_LIMITS.totalMs);

    await isTold();

    expect(new Set(changes)).toEqual(new Set(['tools']));
  });
});

/** Answers by the revision of 2026-07-28: each request tells all that there is to know of it. */
async function modernServer(answer: (request: RpcRequest, response: ServerResponse) => unknown) {
  const server = await rawServer((request, response) => {
    const rpc = (request.body === '' ? {} : JSON.parse(request.body)) as RpcRequest['rpc'];
    if (rpc.method !== 'server/discover') return answer({ ...request, rpc }, response);
    const found = {
      resultType: 'complete',
      supportedVersions: ['2026-07-28'],
      capabilities: { tools: {} },
      ttlMs: 0,
      cacheScope: 'private',
    };
    response.writeHead(200, { 'content-type': 'application/json' });
    return response.end(rpcResult(rpc.id, found));
  });
  open.push(server.close);
  return server;
}

describe('MCP-2: a call by the revision of 2026-07-28', () => {
  it('says in its headers what it is, holds no session, and is given up by closing its stream', async () => {
    const begun = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    const server = await modernServer((_, response) => {
      response.on('close', () => closed.resolve());
      stream(response).write(': working\n\n');
      return begun.resolve();
    });
    const { connection } = await connect(server.origin);
    const controller = new AbortController();
    const called = connection.client
      .callTool({ name: 'echo', arguments: {} }, { signal: controller.signal })
      .catch((error: unknown) => error);
    await begun.promise;

    controller.abort(new Error('enough'));
    await called;
    await closed.promise;
    await connection.close();

    expect(server.requests.map(({ method, headers }) => [method, headers['mcp-method'], headers['mcp-name']])).toEqual([
      ['POST', 'server/discover', undefined],
      ['POST', 'tools/call', 'echo'],
    ]);
    expect(Object.keys(server.requests[1]?.headers ?? {}).filter((name) => name.startsWith('x-'))).toEqual([]);
  });

  it('is lost when its stream ends, and refused when the server says so', async () => {
    const server = await modernServer(({ rpc }, response) => {
      if (rpc.params?.['name'] === 'lost') return stream(response).end();
      response.writeHead(400, { 'content-type': 'application/json' });
      return response.end(
        JSON.stringify({ jsonrpc: '2.0', id: rpc.id, error: { code: -32_602, message: 'No such tool' } }),
      );
    });
    const { connection } = await connect(server.origin);

    await expect(connection.client.callTool({ name: 'lost' })).rejects.toMatchObject({ code: 'MCP_CALL_LOST' });
    await expect(connection.client.callTool({ name: 'other' })).rejects.toMatchObject({ code: -32_602 });
    expect(server.requests).toHaveLength(3);
  });
});

const legacy = { transport: 'http', network: 'private', protocol: '2025-11-25' } as const;

/** Connects to a raw server, and gives what one call came to. */
async function callRaw(
  answer: Parameters<typeof rawMcpServer>[0],
  options: Partial<ConnectHttpOptions> & { readonly session?: string } = {},
) {
  const { session, ...rest } = options;
  const server = await rawMcpServer(answer, session === undefined ? {} : { session });
  open.push(server.close);
  const { connection, oddities } = await connect(server.url, { server: { ...legacy, url: server.url }, ...rest });
  const sending = createSending();
  const controller = new AbortController();
  const called = connection.client
    .callTool({ name: 'echo', arguments: {} }, { ...sending.options, signal: controller.signal })
    .catch((error: unknown) => error);
  return { server, connection, oddities, called, sending, controller };
}

const isCall = ({ rpc }: { readonly rpc: { readonly method?: string } }): boolean => rpc.method === 'tools/call';

describe('MCP-2: a call over HTTP', () => {
  it.each([
    [401, 'MCP_SIGN_IN_FAILED', false],
    [403, 'MCP_SIGN_IN_FAILED', false],
    [404, 'MCP_SERVER_ERROR', false],
    [413, 'MCP_SERVER_ERROR', false],
    [429, 'MCP_UNAVAILABLE', false],
    [500, 'MCP_CALL_LOST', true],
    [502, 'MCP_CALL_LOST', true],
    [503, 'MCP_UNAVAILABLE', false],
    [504, 'MCP_CALL_LOST', true],
    [302, 'MCP_ADDRESS_REFUSED', false],
    [307, 'MCP_ADDRESS_REFUSED', false],
  ])('that is answered with HTTP %i is %s', async (status, code, sent) => {
    const elsewhere = await rawServer((_, response) => response.end());
    open.push(elsewhere.close);
    const { called, server } = await callRaw((request, response) =>
      isCall(request)
        ? response
            .writeHead(status, { 'retry-after': '7', ...(status < 400 ? { location: elsewhere.origin } : {}) })
            .end('token=planted-secret-of-the-server')
        : undefined,
    );

    const error = await called;

    expect(error).toMatchObject({ code, meta: { server: 'far', status, sent } });
    expect(String(error)).not.toContain('planted');
    const { retryable, meta } = error as PrusikError;
    // It is not asked again at once.
    expect(wasNotSent(error)).toBe(false);
    expect([retryable, meta['retryAfterMs']]).toEqual(code === 'MCP_UNAVAILABLE' ? [true, 7_000] : [false, undefined]);
    expect(elsewhere.requests).toEqual([]);
    expect(server.requests.filter(({ body }) => body.includes('tools/call'))).toHaveLength(1);
  });

  it.each([
    ['the connection breaks', (response: ServerResponse) => response.socket?.destroy()],
    [
      'the answer breaks off',
      (response: ServerResponse) =>
        response
          .writeHead(200, { 'content-type': 'application/json', 'content-length': '99' })
          .write('{', () => response.socket?.destroy()),
    ],
    ['the stream ends without an answer', (response: ServerResponse) => stream(response).end(': nothing\n\n')],
    [
      'the stream breaks off',
      (response: ServerResponse) => stream(response).write(': nothing\n\n', () => response.socket?.destroy()),
    ],
  ])('is lost when %s', async (_, answer) => {
    const { called, sending } = await callRaw((request, response) => (isCall(request) ? answer(response) : undefined));

    expect(await called).toMatchObject({ code: 'MCP_CALL_LOST', retryable: false, meta: { sent: true } });
    expect(sending.sent).toBe(true);
  });

  it.each([
    ['is accepted and never answered', 202, undefined, ''],
    ['is answered with what is no JSON', 200, 'application/json', '<html>'],
    ['is answered with another type', 200, 'text/html', '<html>'],
    ['is answered with another id', 200, 'application/json', '{"jsonrpc":"2.0","id":"77","result":{}}'],
    ['is answered with no message', 200, 'application/json', '{"hello":1}'],
  ])('that %s is an error of the protocol', async (_, status, type, body) => {
    const { called } = await callRaw((request, response) =>
      isCall(request)
        ? response.writeHead(status, type === undefined ? {} : { 'content-type': type }).end(body)
        : undefined,
    );

    expect(await called).toMatchObject({ code: 'MCP_PROTOCOL_ERROR', meta: { sent: true } });
  });

  it.each(['application/json', 'text/event-stream'])('that is answered with too much is cut off: %s', async (type) => {
    const { called, server } = await callRaw(
      (request, response) =>
        isCall(request)
          ? response.writeHead(200, { 'content-type': type }).write(`data: ${'x'.repeat(20_000)}`)
          : undefined,
      { limits: { ...DEFAULT_LIMITS, messageBytes: 10_000 } },
    );

    expect(await called).toMatchObject({ code: 'MCP_MESSAGE_TOO_LARGE' });
    // What is left is kept for the next call.
    await expect.poll(() => server.sockets(), QUICK).toBeLessThanOrEqual(1);
  });

  it('is not sent to a server that is gone, which ends the connection', async () => {
    const server = await rawMcpServer(() => undefined);
    const { connection } = await connect(server.url, { server: { ...legacy, url: server.url } });
    await server.close();

    const error = await call(connection, 'x').catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({ code: 'MCP_UNAVAILABLE', retryable: true, meta: { sent: false } });
    expect(await connection.ended).toMatchObject({ code: 'MCP_UNAVAILABLE' });
  });

  it('of a session that is over ends the connection, and nothing was done', async () => {
    const { called, connection, server } = await callRaw(
      (request, response) => (isCall(request) ? response.writeHead(404).end() : undefined),
      { session: 's1' },
    );

    const error = await called;
    expect(error).toMatchObject({ code: 'MCP_UNAVAILABLE', retryable: true, meta: { sent: false } });
    expect(wasNotSent(error)).toBe(true);
    expect(await connection.ended).toMatchObject({ code: 'MCP_UNAVAILABLE' });
    expect(server.requests.some(({ method }) => method === 'DELETE')).toBe(false);
  });

  it('that is given up closes its stream and tells the server', async () => {
    const begun = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    const { called, controller, server } = await callRaw((request, response) => {
      if (!isCall(request)) return undefined;
      response.on('close', () => closed.resolve());
      stream(response).write(': working\n\n');
      return begun.resolve();
    });
    await begun.promise;

    controller.abort(new Error('enough'));
    await called;

    await closed.promise;
    const told = () => server.requests.filter(({ body }) => body.includes('notifications/cancelled'));
    await expect.poll(told, QUICK).toHaveLength(1);
  });

  it('whose stream stays open after the answer is done, and its socket is closed in time', async () => {
    const clock = fakeClock();
    const closed = Promise.withResolvers<void>();
    const { called } = await callRaw(
      (request, response) => {
        if (!isCall(request)) return undefined;
        response.on('close', () => closed.resolve());
        return stream(response).write(event(rpcResult(request.rpc.id, { content: [{ type: 'text', text: 'well' }] })));
      },
      { clock },
    );
    expect(await called).toMatchObject({ content: [{ type: 'text', text: 'well' }] });

    clock.advance(1_000);

    await closed.promise;
  });

  it('has one answer: what comes late, twice or for nobody is told and not believed', async () => {
    const { called, oddities, connection } = await callRaw((request, response) => {
      if (!isCall(request)) return undefined;
      const answer = (id: unknown, text: string) => event(rpcResult(id, { content: [{ type: 'text', text }] }));
      const { id } = request.rpc;
      return stream(response).end(
        answer(String(id), 'coerced') + answer(999, 'nobody') + answer(id, 'one') + answer(id, 'two'),
      );
    });

    expect(await called).toMatchObject({ content: [{ type: 'text', text: 'one' }] });
    await expect.poll(() => oddities, QUICK).toHaveLength(3);
    await connection.close();
  });
});

describe('I9: there is a bound', () => {
  it('of how often a stream is taken up again, whatever the server says', async () => {
    const clock = fakeClock();
    let streams = 0;
    const server = await rawMcpServer(({ method }, response) => {
      if (method !== 'GET') return undefined;
      streams += 1;
      return stream(response).end('retry: 0\nid: 1\ndata:\n\n');
    });
    open.push(server.close);
    await connect(server.url, { server: { ...legacy, url: server.url }, clock });
    await expect.poll(() => streams, QUICK).toBe(1);

    let passed = 0;
    for (; streams < 6 && passed < 10_000; passed += 10) {
      clock.advance(10);
      await new Promise(setImmediate);
    }

    expect(streams).toBe(6);
    expect(passed).toBeGreaterThanOrEqual(500);
  });

  it('of messages that are none', async () => {
    const { called, connection } = await callRaw((request, response) =>
      isCall(request) ? stream(response).write(event('garbage').repeat(30)) : undefined,
    );

    expect(await connection.ended).toMatchObject({ code: 'MCP_PROTOCOL_ERROR' });
    expect(await called).toMatchObject({ code: 'CONNECTION_CLOSED' });
  });

  it('of requests of the server that are open at once', async () => {
    const ping = (id: number) => event(JSON.stringify({ jsonrpc: '2.0', id, method: 'unheard/of' }));
    const answers: string[] = [];
    const held: ServerResponse[] = [];
    const { oddities } = await callRaw((request, response) => {
      if (isCall(request)) return stream(response).write(Array.from({ length: 70 }, (_, id) => ping(id)).join(''));
      if (request.method === 'GET') return undefined;
      answers.push(request.body);
      // Answers that the server does not take are still open.
      return held.push(response);
    });

    await expect.poll(() => oddities.filter((text) => text.startsWith('More than 64')), QUICK).toHaveLength(6);
    expect(answers.every((body) => body.includes('error'))).toBe(true);
    for (const response of held) response.writeHead(202).end();
  });

  it('of the time until a server is ready, and then no socket is left', async () => {
    const clock = fakeClock();
    const begun = Promise.withResolvers<void>();
    const server = await rawServer(() => begun.resolve());
    open.push(server.close);
    const connecting = connect(server.origin, { clock, server: { ...legacy, url: server.origin } }).catch(
      (error: unknown) => error,
    );
    await begun.promise;

    clock.advance(DEFAULT_LIMITS.startMs);

    expect(await connecting).toMatchObject({ code: 'MCP_START_TIMEOUT', retryable: true });
    await server.quiet();
  });

  it('of the time that a farewell takes', async () => {
    const clock = fakeClock();
    const told = Promise.withResolvers<void>();
    const server = await rawMcpServer(({ method }) => (method === 'DELETE' ? (told.resolve() ?? true) : undefined), {
      session: 's1',
    });
    open.push(server.close);
    const { connection } = await connect(server.url, { server: { ...legacy, url: server.url }, clock });

    const closing = connection.close();
    await told.promise;
    clock.advance(1_000);
    await closing;

    await server.quiet();
    expect(server.requests.at(-1)?.method).toBe('DELETE');
  });
});

describe('I8: closing', () => {
  it('tells the server that the session is over, once, and closes every socket', async () => {
    await using server = await sdkServer('legacy');
    const { connection } = await connect(server.url);
    expect(server.sessions.size).toBe(1);

    await Promise.all([connection.close(), connection.close()]);

    expect(server.sessions.size).toBe(0);
    expect(server.seen.filter((one) => one === 'DELETE')).toHaveLength(1);
    await expect(call(connection, 'late')).rejects.toThrow('Not connected');
  });
});

it.each(['modern', 'legacy'] as const)('I8: a hundred connections, %s, leave no timer and no socket', async (era) => {
  const clock = fakeClock();
  await using server = await sdkServer(era);
  for (let times = 0; times < 100; times += 1) {
    const { connection } = await connect(server.url, { clock });
    await call(connection, 'x');
    await connection.close();
  }

  await expect.poll(() => server.sockets(), QUICK).toBe(0);
  expect(clock.pending).toBe(0);
  expect(server.sessions.size).toBe(0);
});

describe('MCP-2: a server that cannot be reached says why', () => {
  it.each([
    [500, 'MCP_START_FAILED', true],
    [503, 'MCP_UNAVAILABLE', true],
    [404, 'MCP_START_FAILED', false],
    [401, 'MCP_SIGN_IN_FAILED', false],
    [302, 'MCP_ADDRESS_REFUSED', false],
  ])('HTTP %i', async (status, code, retryable) => {
    const server = await rawServer((_, response) => response.writeHead(status, { location: 'http://10.0.0.1/' }).end());
    open.push(server.close);

    for (const protocol of ['auto', '2025-11-25'] as const)
      await expect(
        connect(server.origin, { server: { ...legacy, protocol, url: server.origin } }),
      ).rejects.toMatchObject({ code, retryable });
    await server.quiet();
  });

  it('nobody is there', async () => {
    const server = await rawServer(() => {});
    await server.close();

    await expect(connect(server.origin)).rejects.toMatchObject({
      code: 'MCP_UNAVAILABLE',
      meta: { reason: 'ECONNREFUSED' },
    });
  });

  it('the address is not allowed', async () => {
    const server = await rawServer(() => {});
    open.push(server.close);

    await expect(connect(server.origin, { server: { transport: 'http', url: server.origin } })).rejects.toMatchObject({
      code: 'MCP_ADDRESS_REFUSED',
    });
    expect(server.requests).toEqual([]);
  });

  it('whoever opened it has gone', async () => {
    const begun = Promise.withResolvers<void>();
    const server = await rawServer(() => begun.resolve());
    open.push(server.close);
    const controller = new AbortController();
    const connecting = connectHttp({
      name: 'far',
      server: { ...legacy, url: server.origin },
      caller: anonymous,
      limits: DEFAULT_LIMITS,
      verdicts: createEraVerdicts(systemClock),
      clock: systemClock,
    })({
      signal: controller.signal,
      events: { listChanged: () => {}, oddity: () => {} },
      setup: { capabilities: {}, prepare: () => {} },
    }).catch((error: unknown) => error);
    await begun.promise;
    const reason = new Error('gone');

    controller.abort(reason);

    expect(await connecting).toBe(reason);
    await server.quiet();
  });
});

describe('MCP-4: what a server is given in confidence', () => {
  it('is asked for at each request, put on it, and taken out of what comes back', async () => {
    const tokens = ['planted-1', 'planted-2', 'planted-3', 'planted-4', 'planted-5', 'planted-6'];
    const { called, server, oddities } = await callRaw(
      (request, response) =>
        isCall(request)
          ? response.writeHead(400).end(`I was told ${request.headers.authorization?.slice(7)}`)
          : undefined,
      { caller: bearerCaller('far', () => tokens.shift() ?? 'none') },
    );

    const error = await called;

    const given = server.requests.map(({ headers }) => headers.authorization);
    expect(given.slice(0, 3)).toEqual(['Bearer planted-1', 'Bearer planted-2', 'Bearer planted-3']);
    expect(new Set(given).size).toBe(given.length);
    expect(JSON.stringify([error, String(error), oddities])).not.toContain('planted');
  });

  it('is a header of its own, for its origin alone', async () => {
    const caller = headerCaller('far', new URL('https://a.example/mcp'), 'x-api-key', async () => 'planted');

    expect(await caller.headers(new URL('https://a.example/other'))).toEqual([['x-api-key', 'planted']]);
    expect(await caller.headers(new URL('https://b.example/mcp'))).toEqual([]);
    expect(await caller.headers(new URL('http://a.example/mcp'))).toEqual([]);
    expect(caller.redact('a planted b')).toBe('a [redacted] b');
  });

  it('is refused by whoever keeps it, and nothing is sent', async () => {
    const server = await rawMcpServer(() => undefined);
    open.push(server.close);
    const caller = bearerCaller('far', () => Promise.reject(new Error('the vault is closed')));

    await expect(connect(server.url, { server: { ...legacy, url: server.url }, caller })).rejects.toMatchObject({
      code: 'MCP_SIGN_IN_FAILED',
      meta: { sent: false },
    });
    expect(server.requests).toEqual([]);
  });
});
