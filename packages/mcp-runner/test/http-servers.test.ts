import { systemClock } from '@prusik/core';
import { toolCallScope } from '@prusik/testing-contracts';
import { afterEach, describe, expect, it } from 'vitest';
import type { Connection } from '../src/connection.ts';
import { memoryCredentials } from '../src/credentials-memory.ts';
import { createEraVerdicts } from '../src/era-verdicts.ts';
import { createHttpServers, type HttpServers } from '../src/http-servers.ts';
import { DEFAULT_LIMITS } from '../src/limits.ts';
import { instanceOf, NOBODY, ownerOf } from '../src/oauth-owner.ts';
import { mcpRunner } from '../src/index.ts';
import type { HttpAuth, HttpServer } from '../src/options.ts';
import { rpcResult, rawMcpServer } from './fixtures/raw-mcp-server.ts';
import { oauthWorld } from './fixtures/oauth-server.ts';

const { run } = toolCallScope();
const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

function httpServers(server: Omit<HttpServer, 'transport'>): HttpServers {
  const servers = createHttpServers({
    servers: new Map([['far', { transport: 'http', ...server }]]),
    limitsOf: () => DEFAULT_LIMITS,
    credentials: memoryCredentials(),
    verdicts: createEraVerdicts(systemClock),
    clock: systemClock,
  });
  open.push(() => servers.close());
  return servers;
}

async function connect(servers: HttpServers, owner = NOBODY): Promise<Connection> {
  const connection = await servers.connect(
    'far',
    owner,
  )({
    signal: new AbortController().signal,
    events: { listChanged: () => {}, oddity: () => {} },
    setup: { capabilities: {}, prepare: () => {} },
  });
  open.push(async () => connection.close());
  return connection;
}

describe('MCP-4: a server is called', () => {
  it.each([
    ['by nobody', undefined, undefined, undefined],
    ['with a bearer token', { type: 'bearer', token: () => 'planted' }, 'Bearer planted', undefined],
    [
      'with a header of its own',
      { type: 'header', name: 'x-api-key', value: async () => 'planted' },
      undefined,
      'planted',
    ],
  ] as const satisfies readonly (readonly [string, HttpAuth | undefined, string | undefined, string | undefined])[])(
    '%s',
    async (_, auth, authorization, key) => {
      await using raw = await rawMcpServer(({ rpc }, response) =>
        rpc.method === 'tools/call'
          ? response.writeHead(200, { 'content-type': 'application/json' }).end(rpcResult(rpc.id, { content: [] }))
          : undefined,
      );
      const servers = httpServers({ url: raw.url, network: 'private', ...(auth === undefined ? {} : { auth }) });

      const connection = await connect(servers);
      await connection.client.callTool({ name: 'x' });

      const seen = raw.requests.map(({ headers }) => [headers.authorization, headers['x-api-key']]);
      expect(new Set(seen.map(String))).toEqual(new Set([String([authorization, key])]));
    },
  );

  it('by each person with tokens of their own, once they have signed in', async () => {
    await using world = await oauthWorld();
    const auth: HttpAuth = { type: 'oauth', subject: ({ context }) => (context as { readonly user: string }).user };
    const servers = httpServers({ url: world.url, network: 'private', protocol: '2025-11-25', auth });
    const redirectUrl = 'https://app.example.com/callback';
    const { url } = await servers.signIn.begin({ server: 'far', tenant: 'acme', subject: 'ann', redirectUrl });
    await servers.signIn.finish(await world.browse(url), { tenant: 'acme', subject: 'ann' });

    const [ann, bob] = ['ann', 'bob'].map((user) =>
      ownerOf({ auth }, { ...run, key: { tenant: 'acme', run: 'r1' }, context: { user } }),
    );

    const connection = await connect(servers, ann);

    expect(connection.server?.name).toBe('raw');
    await expect(connect(servers, bob)).rejects.toMatchObject({ code: 'MCP_SIGN_IN_REQUIRED' });
    expect([ann, bob, NOBODY].map((owner = NOBODY) => instanceOf(owner))).toEqual([
      '["acme","ann"]',
      '["acme","bob"]',
      '',
    ]);
  });

  it('at public addresses alone, unless it says more', async () => {
    await using raw = await rawMcpServer(() => undefined);
    const servers = httpServers({ url: raw.url.replace('http:', 'https:') });

    await expect(connect(servers)).rejects.toMatchObject({
      code: 'MCP_ADDRESS_REFUSED',
      message: expect.stringContaining("it takes `network: 'private'`"),
    });
    expect(raw.sockets()).toBe(0);
  });
});

it.each([
  ['no address', { url: 'mcp.example.com' }, '`url` is no address'],
  ['http in public', { url: 'http://mcp.example.com/' }, '`url` has to be https'],
  ['another scheme', { url: 'ws://mcp.example.com/', network: 'plain' }, '`url` has to be https'],
  ['a password in the address', { url: 'https://me:planted@mcp.example.com/' }, '`url` holds a user'],
  ['a network that is none', { url: 'https://a.example/', network: 'intranet' as never }, '`network` is'],
  [
    'a token that is kept',
    { url: 'https://a.example/', auth: { type: 'bearer', token: 'planted' as never } },
    '`auth.token`',
  ],
  [
    'a header that is taken',
    { url: 'https://a.example/', auth: { type: 'header', name: 'Mcp-Session-Id', value: () => 'x' } },
    '`auth.name`',
  ],
  [
    'a header that is none',
    { url: 'https://a.example/', auth: { type: 'header', name: 'a b', value: () => 'x' } },
    '`auth.name`',
  ],
  [
    'a value that is kept',
    { url: 'https://a.example/', auth: { type: 'header', name: 'x-key', value: 'planted' as never } },
    '`auth.value`',
  ],
  ['a sign-in of whoever', { url: 'https://a.example/', auth: { type: 'oauth' } as never }, '`auth.subject`'],
  [
    'a document at no path',
    { url: 'https://a.example/', auth: { type: 'oauth', subject: 'shared', clientMetadataUrl: 'https://a.example/' } },
    '`auth.clientMetadataUrl`',
  ],
  [
    'a client of no issuer',
    { url: 'https://a.example/', auth: { type: 'oauth', subject: 'shared', client: { id: 'x' } as never } },
    '`auth.client.issuer`',
  ],
  [
    'a client without a secret',
    {
      url: 'https://a.example/',
      auth: { type: 'oauth-client', client: { id: 'x', issuer: 'https://b.example' } as never },
    },
    '`auth.client.secret`',
  ],
  [
    'a client that is none',
    { url: 'https://a.example/', auth: { type: 'oauth-client' } as never },
    '`auth.client.secret`',
  ],
  [
    'a client of null',
    { url: 'https://a.example/', auth: { type: 'oauth', subject: 'shared', client: null } as never },
    '`auth.client`',
  ],
  ['a way of null', { url: 'https://a.example/', auth: null as never }, '`auth.type`'],
  [
    'a header without a name',
    { url: 'https://a.example/', auth: { type: 'header', value: () => 'x' } as never },
    '`auth.name`',
  ],
  [
    'an option of auth that is none',
    { url: 'https://a.example/', auth: { type: 'oauth', subject: 'shared', scopes: 'x' } as never },
    'no option scopes',
  ],
  [
    'a scope that is none',
    { url: 'https://a.example/', auth: { type: 'oauth', subject: 'shared', scope: 5 } as never },
    '`auth.scope`',
  ],
  ['an authority that is none', { url: 'https://a.example/', ca: '/etc/ca.pem' }, '`ca`'],
  ['another way', { url: 'https://a.example/', auth: { type: 'kerberos' } as never }, '`auth.type`'],
] as const satisfies readonly (readonly [string, Omit<HttpServer, 'transport'>, string])[])(
  'DEF-3: what is wrong with a server over HTTP is said when it is defined, without what is secret: %s',
  (_, server, message) => {
    const define = () => mcpRunner({ servers: { far: { transport: 'http', ...server } } });
    expect(define).toThrow(TypeError);
    expect(define).toThrow(message);
    expect(define).not.toThrow('planted');
  },
);
