import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, type Clock, type CredentialStore, type RunInfo } from '@prusik/core';
import { fakeClock } from '@prusik/testing-contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { connectHttp } from '../src/connect-http.ts';
import type { Connection } from '../src/connection.ts';
import { fileCredentials } from '../src/credentials-file.ts';
import { memoryCredentials } from '../src/credentials-memory.ts';
import { createEraVerdicts } from '../src/era-verdicts.ts';
import { DEFAULT_LIMITS } from '../src/limits.ts';
import { oauthCaller } from '../src/oauth-caller.ts';
import { oauthClientCaller } from '../src/oauth-client-caller.ts';
import { ownerOf, type CredentialOwner } from '../src/oauth-owner.ts';
import type { OAuthClient, OAuthSignIn } from '../src/options.ts';
import { safeFetch, type SafeFetch } from '../src/safe-fetch.ts';
import { createSignIn, type SignedIn, type SignIn, type SignInBy } from '../src/sign-in.ts';
import { oauthWorld, type OAuthWays, type OAuthWorld } from './fixtures/oauth-server.ts';

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

const ANN: CredentialOwner = { tenant: 'acme', subject: 'ann' };
const REDIRECT = 'https://app.example.com/callback';

interface Scene {
  readonly world: OAuthWorld;
  readonly credentials: CredentialStore;
  readonly signIn: Pick<SignIn, 'begin'> & { finish(back: string | URL, by?: SignInBy): Promise<SignedIn> };
  /** What anybody could be told. */
  readonly told: unknown[];
  connect(owner?: CredentialOwner, credentials?: CredentialStore): Promise<Connection>;
  /** What a call came to, on a connection of its own. */
  call(owner?: CredentialOwner, credentials?: CredentialStore): Promise<unknown>;
  begin(subject?: string): Promise<{ readonly url: string; readonly expiresAt: number }>;
  /** Both halves. */
  enter(subject?: string): Promise<void>;
}

async function scene(
  ways: Partial<OAuthWays> = {},
  {
    auth = {},
    clock = systemClock,
    credentials = memoryCredentials(),
  }: {
    readonly auth?: Partial<OAuthSignIn> | ((world: OAuthWorld) => Partial<OAuthSignIn>);
    readonly clock?: Clock;
    readonly credentials?: CredentialStore;
  } = {},
): Promise<Scene> {
  const world = await oauthWorld(ways);
  open.push(async () => world[Symbol.asyncDispose]());
  const url = new URL(world.url);
  const full: OAuthSignIn = {
    type: 'oauth',
    subject: () => 'ann',
    ...(typeof auth === 'function' ? auth(world) : auth),
  };
  const safe = safeTo(url);
  const told: unknown[] = [];
  const tell = (error: unknown): unknown => {
    told.push(error);
    return error;
  };
  const signIn = createSignIn({
    servers: new Map([['far', { url, auth: full, fetch: safe.fetch }]]),
    credentials,
    clock,
  });
  const connect: Scene['connect'] = async (owner = ANN, store = credentials) => {
    const caller = oauthCaller({ server: 'far', url, auth: full, owner, credentials: store, fetch: safe.fetch, clock });
    const connection = await connectHttp({
      name: 'far',
      server: { transport: 'http', url: world.url, network: 'private', protocol: '2025-11-25' },
      caller,
      limits: DEFAULT_LIMITS,
      verdicts: createEraVerdicts(clock),
      clock: systemClock,
    })({
      signal: new AbortController().signal,
      events: { listChanged: () => {}, oddity: (text) => told.push(text) },
      setup: { capabilities: {}, prepare: () => {} },
    }).catch((error: unknown) => {
      throw tell(error);
    });
    open.push(async () => connection.close());
    return connection;
  };
  const begin: Scene['begin'] = async (subject = 'ann') =>
    signIn.begin({ server: 'far', tenant: 'acme', subject, redirectUrl: REDIRECT }).catch((error: unknown) => {
      throw tell(error);
    });
  return {
    world,
    credentials,
    told,
    connect,
    begin,
    signIn: {
      begin: signIn.begin,
      finish: async (back, by = ANN) =>
        signIn.finish(back, by).catch((error: unknown) => {
          throw tell(error);
        }),
    },
    async call(owner, store) {
      try {
        const connection = await connect(owner, store);
        return await connection.client.callTool({ name: 'x' });
      } catch (error) {
        return tell(error);
      }
    },
    async enter(subject) {
      const { url: address } = await begin(subject);
      await signIn.finish(await world.browse(address), { tenant: 'acme', subject: subject ?? 'ann' });
    },
  };
}

const WELL = { content: [{ type: 'text', text: 'well' }] };

/** Nothing that anybody is told has a secret in it. */
function expectNoSecrets({ told }: Scene): void {
  const texts = told.map((one) =>
    one instanceof Error
      ? [one.message, one.stack, JSON.stringify(one), String(one.cause)].join(' ')
      : JSON.stringify(one),
  );
  expect(texts.filter((text) => text.includes('planted'))).toEqual([]);
}

/** Reaches servers of this machine, as long as the test lasts. */
function safeTo(own: URL): SafeFetch {
  const safe = safeFetch({
    own,
    network: 'private',
    messageBytes: 100_000,
    requestMs: 10_000,
    clock: systemClock,
    ca: undefined,
  });
  open.push(() => safe.close());
  return safe;
}

describe('MCP-4: signing in', () => {
  it('is asked for, begun, finished by another process, and then calls are made with the token', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'prusik-sign-in-'));
    open.push(async () => rm(directory, { recursive: true, force: true }));
    const stage = await scene({}, { credentials: fileCredentials(directory) });
    const { world, call, begin, signIn } = stage;

    expect(await call()).toMatchObject({
      code: 'MCP_SIGN_IN_REQUIRED',
      meta: { server: 'far', tenant: 'acme', subject: 'ann', issuer: `${world.issuer}/`, sent: false },
    });
    const { url } = await begin();
    const asked = new URL(url).searchParams;
    expect(Object.fromEntries(asked)).toMatchObject({
      response_type: 'code',
      code_challenge_method: 'S256',
      redirect_uri: REDIRECT,
      resource: world.url,
      scope: 'read',
    });
    expect(asked.get('state')?.length).toBeGreaterThanOrEqual(43);
    const back = new URL(await world.browse(url));
    // A server is shown its path alone.
    expect(await signIn.finish(`${back.pathname}${back.search}`)).toEqual({ server: 'far', ...ANN });

    expect(await call()).toMatchObject(WELL);
    const [exchange] = world.tokenRequests();
    expect(exchange?.get('resource')).toBe(world.url);
    expect(exchange?.get('client_secret')).toBe('planted-client-secret');
    expect(world.authorization.requests.filter(({ headers }) => headers.authorization?.startsWith('Bearer'))).toEqual(
      [],
    );
    expectNoSecrets(stage);
  });

  it('is for one person: another one of the tenant, and one of the same name of another tenant, is asked', async () => {
    const { call, enter } = await scene();
    await enter('ann');

    expect(await call({ tenant: 'acme', subject: 'ann' })).toMatchObject(WELL);
    expect(await call({ tenant: 'acme', subject: 'bob' })).toMatchObject({ code: 'MCP_SIGN_IN_REQUIRED' });
    expect(await call({ tenant: 'other', subject: 'ann' })).toMatchObject({ code: 'MCP_SIGN_IN_REQUIRED' });
  });

  it('is good once: a callback that comes again, at once or later, gets nothing', async () => {
    const { world, begin, signIn } = await scene();
    const { url } = await begin();
    const back = await world.browse(url);

    const ends = await Promise.allSettled([signIn.finish(back), signIn.finish(back), signIn.finish(back)]);

    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await expect(signIn.finish(back)).rejects.toMatchObject({ code: 'MCP_SIGN_IN_FAILED', meta: { reason: 'state' } });
    expect(world.tokenRequests()).toHaveLength(1);
  });

  it('MCP-4: is not finished for a server of the same name at another address, whose tokens they would be', async () => {
    const here = await scene();
    const there = await scene({}, { credentials: here.credentials });
    const { url } = await here.begin();
    const back = await here.world.browse(url);

    await expect(there.signIn.finish(back)).rejects.toMatchObject({
      code: 'MCP_SIGN_IN_FAILED',
      meta: { reason: 'state' },
    });
    expect(here.world.tokenRequests()).toEqual([]);
  });

  it('MCP-4: is not used up by a program that does not say who has come back', async () => {
    const stage = await scene();
    const { url } = await stage.begin();
    const back = await stage.world.browse(url);

    await expect(stage.signIn.finish(back, {} as never)).rejects.toThrow(TypeError);
    expect(await stage.signIn.finish(back)).toMatchObject({ server: 'far', subject: 'ann' });
  });

  it.each([
    ['no state', (back: URL) => back.searchParams.delete('state'), 'state'],
    ['the state of nobody', (back: URL) => back.searchParams.set('state', 'x'.repeat(43)), 'state'],
    ['two states', (back: URL) => back.searchParams.append('state', 'other'), 'state'],
    ['another issuer', (back: URL) => back.searchParams.set('iss', 'https://attacker.example'), 'issuer'],
    ['two issuers', (back: URL) => back.searchParams.append('iss', 'https://attacker.example'), 'issuer'],
    ['no issuer, where one was promised', (back: URL) => back.searchParams.delete('iss'), 'issuer'],
    ['no code', (back: URL) => back.searchParams.delete('code'), 'code'],
    ['two codes', (back: URL) => back.searchParams.append('code', 'planted-other'), 'code'],
    ['an error', (back: URL) => back.searchParams.set('error', 'access_denied'), 'access_denied'],
    [
      'an error of another issuer',
      (back: URL) => (back.searchParams.set('error', 'x'), back.searchParams.set('iss', 'y')),
      'issuer',
    ],
  ])('is refused with %s, and no code is shown to anybody', async (_, change, reason) => {
    const stage = await scene();
    const { world, begin, signIn } = stage;
    const { url } = await begin();
    const back = new URL(await world.browse(url));
    change(back);

    await expect(signIn.finish(back)).rejects.toMatchObject({
      code: 'MCP_SIGN_IN_FAILED',
      meta: { reason, sent: false },
    });

    expect(world.tokenRequests()).toEqual([]);
    expectNoSecrets(stage);
  });

  it.each([
    ['another person', { tenant: 'acme', subject: 'bob' }],
    ['nobody', { tenant: 'acme' }],
    ['one of the same name elsewhere', { tenant: 'other', subject: 'ann' }],
  ])('is refused when %s comes back from it, who was talked into it, and is over then', async (_, by) => {
    const { world, begin, signIn } = await scene();
    const { url } = await begin();
    const back = await world.browse(url);

    await expect(signIn.finish(back, by)).rejects.toMatchObject({ meta: { reason: 'subject' } });
    await expect(signIn.finish(back)).rejects.toMatchObject({ meta: { reason: 'state' } });

    expect(world.tokenRequests()).toEqual([]);
  });

  it('that is shared is anybody of the tenant', async () => {
    const { world, begin, signIn, call } = await scene({}, { auth: { subject: 'shared' } });
    const { url } = await begin();

    const signedIn = await signIn.finish(await world.browse(url), { tenant: 'acme', subject: 'bob' });

    expect(signedIn).toEqual({ server: 'far', tenant: 'acme', subject: '' });
    expect(await call({ tenant: 'acme', subject: '' })).toMatchObject(WELL);
  });

  it('is refused with a code that was meant for another sign-in', async () => {
    const stage = await scene();
    const { world, begin, signIn } = stage;
    const [mine, hers] = [await begin(), await begin()];
    const [myBack, herBack] = [new URL(await world.browse(mine.url)), new URL(await world.browse(hers.url))];
    myBack.searchParams.set('code', herBack.searchParams.get('code') ?? '');

    await expect(signIn.finish(myBack)).rejects.toMatchObject({ meta: { reason: 'invalid_grant' } });
    expectNoSecrets(stage);
  });

  it('is over after ten minutes', async () => {
    const clock = fakeClock();
    const { world, begin, signIn } = await scene({}, { clock });
    const { url, expiresAt } = await begin();
    const back = await world.browse(url);
    expect(expiresAt).toBe(clock.now() + 600_000);

    clock.advance(600_000);

    await expect(signIn.finish(back)).rejects.toMatchObject({ meta: { reason: 'state' } });
  });

  it('I9: an older one of the same person gives way to a sixth, and others do not', async () => {
    const { world, begin, signIn } = await scene();
    const hers = await begin('bob');
    const urls: string[] = [];
    for (let times = 0; times < 6; times += 1) urls.push((await begin()).url);
    const backs = await Promise.all(urls.map(async (url) => world.browse(url)));

    const [first = '', ...others] = backs;
    await expect(signIn.finish(first)).rejects.toMatchObject({ meta: { reason: 'state' } });
    for (const back of others) await expect(signIn.finish(back)).resolves.toMatchObject(ANN);
    await expect(
      signIn.finish(await world.browse(hers.url), { tenant: 'acme', subject: 'bob' }),
    ).resolves.toMatchObject({
      subject: 'bob',
    });
  });

  it('takes wrong arguments for what they are', async () => {
    const { signIn } = await scene();
    const begin = { server: 'far', tenant: 'acme', subject: 'ann', redirectUrl: REDIRECT };

    for (const wrong of [
      { server: 'unknown' },
      { subject: '' },
      { redirectUrl: 'http://app.example.com/' },
      { redirectUrl: `${REDIRECT}#x` },
      { redirectUrl: 'javascript:alert(1)' },
      { redirectUrl: 'nothing' },
    ])
      await expect(signIn.begin({ ...begin, ...wrong })).rejects.toThrow(TypeError);
    await expect(signIn.begin({ ...begin, redirectUrl: 'http://127.0.0.1:1/callback' })).resolves.toHaveProperty('url');
  });
});

describe('MCP-4: no sign-in is begun', () => {
  it.each([
    [
      'at an authorization server that goes by another name',
      { metadata: { issuer: 'https://attacker.example' } },
      'IssuerMismatchError',
    ],
    ['without PKCE', { metadata: { code_challenge_methods_supported: ['plain'] } }, 'code_challenge_methods_supported'],
    [
      'with nothing said of PKCE',
      { metadata: { code_challenge_methods_supported: undefined } },
      'code_challenge_methods_supported',
    ],
    [
      'at an address that runs as a program',
      { metadata: { authorization_endpoint: 'javascript:alert(1)' } },
      undefined,
    ],
    [
      'at an address without TLS',
      { metadata: { authorization_endpoint: 'http://auth.example.com/' } },
      'authorization_endpoint',
    ],
    ['for another server', { resource: { resource: 'https://other.example/mcp' } }, 'resource'],
  ])('%s', async (_, ways, reason) => {
    const stage = await scene(ways);

    await expect(stage.begin()).rejects.toMatchObject({
      code: 'MCP_SIGN_IN_FAILED',
      ...(reason === undefined ? {} : { meta: { reason } }),
    });
    expect(stage.world.authorization.requests.filter(({ path }) => path === '/register')).toEqual([]);
  });

  it.each([
    ['an authorization server', { resource: { authorization_servers: ['https://169.254.169.254/'] } }],
    ['an authorization server without TLS', { resource: { authorization_servers: ['http://10.0.0.1/'] } }],
    ['an endpoint', { metadata: { registration_endpoint: 'https://169.254.169.254/' } }],
  ])('where %s is at an address that is not allowed', async (_, ways) => {
    const { begin } = await scene(ways);

    await expect(begin()).rejects.toMatchObject({ code: 'MCP_ADDRESS_REFUSED' });
  });

  it('where a server describes itself at an address that is not allowed', async () => {
    const { begin, credentials, world } = await scene();
    const key = { ...ANN, audience: world.url, name: 'challenge' };
    await credentials.set(key, { resourceMetadataUrl: 'https://169.254.169.254/latest/meta-data' });

    await expect(begin()).rejects.toMatchObject({ code: 'MCP_ADDRESS_REFUSED' });
    expect(world.authorization.requests).toEqual([]);
  });

  it('where a token endpoint is at an address that is not allowed, and the code goes nowhere', async () => {
    const stage = await scene({ metadata: { token_endpoint: 'https://169.254.169.254/' } });
    const { url } = await stage.begin();

    await expect(stage.signIn.finish(await stage.world.browse(url))).rejects.toMatchObject({
      code: 'MCP_ADDRESS_REFUSED',
    });
    expectNoSecrets(stage);
  });
});

describe('MCP-4: a client', () => {
  it('is registered once, and anew for another address, or when it is forgotten', async () => {
    const { world, begin, signIn, enter } = await scene();
    const registrations = () => world.authorization.requests.filter(({ path }) => path === '/register').length;
    await enter();
    await begin('bob');
    expect(registrations()).toBe(1);
    await signIn.begin({ server: 'far', tenant: 'acme', subject: 'ann', redirectUrl: 'https://other.example.com/' });
    expect(registrations()).toBe(2);

    world.ways.token = (_, response) => response.writeHead(401).end('{"error":"invalid_client"}');
    const { url } = await signIn.begin({
      server: 'far',
      tenant: 'acme',
      subject: 'ann',
      redirectUrl: 'https://other.example.com/',
    });
    await expect(signIn.finish(await world.browse(url))).rejects.toMatchObject({ meta: { reason: 'invalid_client' } });
    await signIn.begin({ server: 'far', tenant: 'acme', subject: 'ann', redirectUrl: 'https://other.example.com/' });

    expect(registrations()).toBe(3);
  });

  it('is the one that was registered by hand, whose secret is asked for and not kept, and is shown to no other authorization server', async () => {
    const registration = { id: 'by-hand', secret: () => 'planted-by-hand' };
    const credentials = memoryCredentials();
    const stage = await scene({}, { auth: ({ issuer }) => ({ client: { ...registration, issuer } }), credentials });
    await stage.enter();
    expect(stage.world.tokenRequests()[0]?.get('client_id')).toBe('by-hand');
    expect(stage.world.tokenRequests()[0]?.get('client_secret')).toBe('planted-by-hand');
    const kept = await credentials.get({ ...ANN, audience: stage.world.url, name: 'tokens' });
    expect(JSON.stringify(kept)).not.toContain('planted-by-hand');

    const other = await scene({}, { auth: { client: { ...registration, issuer: 'https://elsewhere.example' } } });
    await expect(other.begin()).rejects.toMatchObject({ code: 'MCP_SIGN_IN_FAILED', meta: { reason: 'issuer' } });
    expectNoSecrets(other);
  });

  it('is its metadata document where the authorization server takes one', async () => {
    const clientMetadataUrl = 'https://app.example.com/client.json';
    const { begin, world } = await scene(
      { metadata: { client_id_metadata_document_supported: true } },
      { auth: { clientMetadataUrl } },
    );

    const { url } = await begin();

    expect(new URL(url).searchParams.get('client_id')).toBe(clientMetadataUrl);
    expect(world.authorization.requests.filter(({ path }) => path === '/register')).toEqual([]);
  });
});

describe('MCP-4: a token', () => {
  it('is refreshed before it is over, once among all connections and processes', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'prusik-tokens-'));
    open.push(async () => rm(directory, { recursive: true, force: true }));
    const stage = await scene({ expiresIn: 1 }, { credentials: fileCredentials(directory) });
    const { world, call, enter } = stage;
    await enter();
    world.ways.expiresIn = 3_600;

    const calls = Array.from({ length: 6 }, async () => call(ANN, fileCredentials(directory)));

    expect(await Promise.all(calls)).toEqual(Array.from({ length: 6 }, () => expect.objectContaining(WELL)));
    const grants = world.tokenRequests().map((form) => form.get('grant_type'));
    expect(grants).toEqual(['authorization_code', 'refresh_token']);
    expectNoSecrets(stage);
  });

  it('that is refused is refreshed, and the request made again', async () => {
    const { world, connect, enter } = await scene();
    await enter();
    const connection = await connect();
    world.revokeAccess();

    expect(await connection.client.callTool({ name: 'x' })).toMatchObject(WELL);
    expect(world.tokenRequests()).toHaveLength(2);
  });

  it('whose refresh is refused asks for a sign-in, and is not refreshed again', async () => {
    const stage = await scene();
    const { world, call, enter } = stage;
    await enter();
    world.revokeAccess();
    world.ways.token = (_, response) =>
      response.writeHead(400).end('{"error":"invalid_grant","error_description":"planted-refresh is used"}');

    for (let times = 0; times < 2; times += 1)
      expect(await call()).toMatchObject({ code: 'MCP_SIGN_IN_REQUIRED', meta: { subject: 'ann' } });

    expect(world.tokenRequests()).toHaveLength(2);
    expectNoSecrets(stage);
  });

  it.each([
    [
      'fails',
      (response: { writeHead(status: number): { end(text: string): unknown } }) =>
        response.writeHead(500).end('planted-refresh'),
    ],
    [
      'talks nonsense',
      (response: { writeHead(status: number): { end(text: string): unknown } }) =>
        response.writeHead(200).end('planted-access is your token'),
    ],
  ])('stays where the authorization server %s, and is refreshed when it does not', async (_, answer) => {
    const stage = await scene();
    const { world, call, enter } = stage;
    await enter();
    world.revokeAccess();
    world.ways.token = (__, response) => answer(response);
    expect(await call()).toMatchObject({ code: 'MCP_SIGN_IN_FAILED', retryable: true });

    world.ways.token = undefined;

    expect(await call()).toMatchObject(WELL);
    expectNoSecrets(stage);
  });

  it('that somebody was refreshing who died is refreshed by another one in time', async () => {
    const clock = fakeClock();
    const { world, credentials, call, enter } = await scene({}, { clock });
    await enter();
    const key = { ...ANN, audience: world.url, name: 'tokens' };
    const kept = await credentials.get(key);
    await credentials.set(key, { ...kept?.value, claim: { by: 'the dead', until: clock.now() + 30_000 } });
    world.revokeAccess();
    let isOver = false;
    const calling = call().finally(() => (isOver = true));

    await expect.poll(() => clock.pending).toBeGreaterThan(0);
    expect(world.tokenRequests()).toHaveLength(1);
    while (!isOver) {
      clock.advance(1_000);
      await new Promise(setImmediate);
    }

    expect(await calling).toMatchObject(WELL);
  });

  it('of a sign-in that was made meanwhile is not overwritten by a late refresh', async () => {
    const held = Promise.withResolvers<void>();
    const { world, credentials, connect, enter } = await scene();
    await enter();
    const connection = await connect();
    world.revokeAccess();
    world.ways.hold = held.promise;
    const calling = connection.client.callTool({ name: 'x' });
    await expect.poll(() => world.tokenRequests()).toHaveLength(2);
    await enter();
    const key = { ...ANN, audience: world.url, name: 'tokens' };
    const entered = await credentials.get(key);
    held.resolve();

    expect(await calling).toMatchObject(WELL);
    expect(await credentials.get(key)).toEqual(entered);
    expect(entered?.value).not.toHaveProperty('claim');
  });

  it('of too little scope asks for a sign-in with more, and keeps what was granted before', async () => {
    const stage = await scene({ scopeOfCalls: 'write' });
    const { world, call, enter, begin } = stage;
    await enter();

    expect(await call()).toMatchObject({ code: 'MCP_SIGN_IN_REQUIRED', meta: { scope: 'read write' } });
    const { url } = await begin();
    expect(new URL(url).searchParams.get('scope')).toBe('read write');
    await stage.signIn.finish(await world.browse(url));

    expect(await call()).toMatchObject(WELL);
    // What was wanted is had, and is not asked for again.
    const key = { ...ANN, audience: world.url, name: 'challenge' };
    expect(await stage.credentials.get(key)).toBeUndefined();
    expectNoSecrets(stage);
  });
});

describe('MCP-4: client credentials', () => {
  async function callAs(auth: OAuthClient, world: OAuthWorld): Promise<unknown> {
    const url = new URL(world.url);
    const safe = safeTo(url);
    const caller = oauthClientCaller({ server: 'far', url, auth, fetch: safe.fetch, clock: systemClock });
    try {
      const connection = await connectHttp({
        name: 'far',
        server: { transport: 'http', url: world.url, network: 'private', protocol: '2025-11-25' },
        caller,
        limits: DEFAULT_LIMITS,
        verdicts: createEraVerdicts(systemClock),
        clock: systemClock,
      })({
        signal: new AbortController().signal,
        events: { listChanged: () => {}, oddity: () => {} },
        setup: { capabilities: {}, prepare: () => {} },
      });
      open.push(async () => connection.close());
      return await connection.client.callTool({ name: 'x' });
    } catch (error) {
      return error;
    }
  }

  it('get a token by themselves, from the authorization server that they belong to', async () => {
    const world = await oauthWorld();
    open.push(async () => world[Symbol.asyncDispose]());
    const client = { id: 'robot', secret: () => 'planted-robot' };

    expect(await callAs({ type: 'oauth-client', client: { ...client, issuer: world.issuer } }, world)).toMatchObject(
      WELL,
    );
    const error = await callAs(
      { type: 'oauth-client', client: { ...client, issuer: 'https://elsewhere.example' } },
      world,
    );

    expect(error).toMatchObject({ code: 'MCP_SIGN_IN_FAILED', meta: { reason: 'issuer' } });
    expect(
      world.tokenRequests().map((form) => [form.get('grant_type'), form.get('scope'), form.get('resource')]),
    ).toEqual([['client_credentials', 'read', world.url]]);
    expect(String(error)).not.toContain('planted');
  });
});

it('MCP-4: whom a run is for is said, and whoever cannot be told from others is refused', () => {
  const run = { key: { tenant: 'acme', id: 'r1' }, context: { user: 'ann' } } as unknown as RunInfo;
  const owner = (subject: OAuthSignIn['subject']) => ownerOf({ auth: { type: 'oauth', subject } }, run);

  expect(owner(({ context }) => (context as { readonly user: string }).user)).toEqual(ANN);
  expect(owner('shared')).toEqual({ tenant: 'acme', subject: '' });
  expect(ownerOf({}, run)).toEqual({ tenant: '', subject: '' });
  expect(() => owner(() => '')).toThrow(TypeError);
  expect(() => owner(() => undefined as never)).toThrow(TypeError);
});
