import { X509Certificate } from 'node:crypto';
import { checkOptions, type Clock, type CredentialStore, type KnownOptions, type RunInfo } from '@prusik/core';
import { connectHttp } from './connect-http.ts';
import type { Connect } from './connection.ts';
import type { EraVerdicts } from './era-verdicts.ts';
import { anonymous, bearerCaller, headerCaller, type HttpCaller } from './http-caller.ts';
import type { McpLimits } from './limits.ts';
import { oauthCaller } from './oauth-caller.ts';
import { oauthClientCaller } from './oauth-client-caller.ts';
import { ownerOf, type CredentialOwner } from './oauth-owner.ts';
import type { HttpAuth, HttpServer, OAuthRegistration } from './options.ts';
import { isObject } from './plain.ts';
import { safeFetch, type Resolve, type SafeFetch } from './safe-fetch.ts';
import { createSignIn, type SignIn, type SignInServer } from './sign-in.ts';

/** All servers of a runner that are reached over HTTP. */
export interface HttpServers {
  /** For whom a run calls a server: runs of one owner may share a connection, those of two never. */
  ownerOf(name: string, run: RunInfo): CredentialOwner;
  connect(name: string, owner: CredentialOwner): Connect;
  readonly signIn: SignIn;
  /** Ends what sign-ins and refreshes have open; connections are the pool's to close. */
  close(): void;
}

export interface HttpServersOptions {
  readonly servers: ReadonlyMap<string, HttpServer>;
  readonly limitsOf: (name: string) => McpLimits;
  readonly credentials: CredentialStore;
  readonly verdicts: EraVerdicts;
  readonly clock: Clock;
  /** @default the system's */
  readonly resolve?: Resolve;
}

/** What authorization servers say is small. */
const OAUTH_BYTES = 256 * 1024;

/** @throws {TypeError} for an address that no server can be at, and for a way to call it that is none. */
export function createHttpServers(options: HttpServersOptions): HttpServers {
  const { servers, limitsOf, credentials, verdicts, clock, resolve } = options;
  const fetches = new Map<string, SafeFetch>();
  const signInServers = new Map<string, SignInServer>();

  for (const [name, server] of servers) {
    const url = checkedUrl(name, server);
    const { auth } = server;
    if (auth?.type !== 'oauth' && auth?.type !== 'oauth-client') continue;
    const safe = safeFetch({
      own: url,
      network: server.network ?? 'public',
      messageBytes: OAUTH_BYTES,
      requestMs: limitsOf(name).startMs,
      clock,
      ca: server.ca,
      ...(resolve === undefined ? {} : { resolve }),
    });
    fetches.set(name, safe);
    if (auth.type === 'oauth') signInServers.set(name, { url, auth, fetch: safe.fetch });
  }

  function serverOf(name: string): HttpServer {
    const server = servers.get(name);
    if (server === undefined) throw new TypeError(`There is no MCP server ${JSON.stringify(name)} over HTTP`);
    return server;
  }

  function callerOf(name: string, { auth, url: address }: HttpServer, owner: CredentialOwner): HttpCaller {
    const url = new URL(address);
    const fetch = fetches.get(name)?.fetch;
    if (auth === undefined) return anonymous;
    if (auth.type === 'bearer') return bearerCaller(name, auth.token);
    if (auth.type === 'header') return headerCaller(name, url, auth.name, auth.value);
    if (fetch === undefined) throw new TypeError(`No credentials can be had for ${JSON.stringify(name)}`);
    if (auth.type === 'oauth') return oauthCaller({ server: name, url, auth, owner, credentials, fetch, clock });
    return oauthClientCaller({ server: name, url, auth, fetch, clock });
  }

  return {
    ownerOf: (name, run) => ownerOf(serverOf(name), run),
    connect(name, owner) {
      const server = serverOf(name);
      return connectHttp({
        name,
        server,
        caller: callerOf(name, server, owner),
        limits: limitsOf(name),
        verdicts,
        clock,
        ...(resolve === undefined ? {} : { resolve }),
      });
    },
    signIn: createSignIn({ servers: signInServers, credentials, clock }),
    close() {
      for (const safe of fetches.values()) safe.close();
    },
  };
}

/** Headers that the protocol or HTTP itself needs. */
const TAKEN = /^(accept.*|authorization|connection|content-.*|cookie|host|mcp-.*|transfer-encoding|.*[^\w-].*|)$/i;

function checkedUrl(name: string, { url: address, network = 'public', ca, auth }: HttpServer): URL {
  const fail = (what: string): never => {
    throw new TypeError(`mcpRunner: server ${JSON.stringify(name)}: ${what}`);
  };
  const url = URL.canParse(address) ? new URL(address) : fail('`url` is no address');
  if (url.protocol !== 'https:' && (url.protocol !== 'http:' || network === 'public'))
    fail("`url` has to be https; http needs `network: 'private'` or `'plain'`");
  if (url.username !== '' || url.password !== '' || url.hash !== '')
    fail('`url` holds a user, a password or a fragment');
  if (!['public', 'private', 'plain'].includes(network)) fail('`network` is public, private or plain');
  if (ca !== undefined && !isCertificate(ca)) fail('`ca` is no certificate in PEM');
  if (auth !== undefined) checkAuth(auth, fail);
  return url;
}

/** Node.js takes anything, and trusts nobody by it. */
function isCertificate(ca: unknown): boolean {
  try {
    return typeof ca === 'string' && new X509Certificate(ca).raw.length > 0;
  } catch {
    return false;
  }
}

const AUTHS: Readonly<Record<HttpAuth['type'], KnownOptions>> = {
  bearer: { names: { type: true, token: true } },
  header: { names: { type: true, name: true, value: true } },
  oauth: { names: { type: true, subject: true, client: true, clientMetadataUrl: true, clientName: true, scope: true } },
  'oauth-client': { names: { type: true, client: true, scope: true } },
};

function checkAuth(auth: HttpAuth, fail: (what: string) => never): void {
  if (!isObject(auth) || !Object.hasOwn(AUTHS, auth.type)) fail('`auth.type` is bearer, header, oauth or oauth-client');
  checkOptions('mcpRunner: `auth`', auth, AUTHS[auth.type]);
  if ('scope' in auth && auth.scope !== undefined && typeof auth.scope !== 'string')
    fail('`auth.scope` has to be a text');
  switch (auth.type) {
    case 'bearer':
      return typeof auth.token === 'function'
        ? undefined
        : fail('`auth.token` has to be a function: no secret is kept');
    case 'header':
      if (typeof auth.name !== 'string' || TAKEN.test(auth.name))
        fail(`\`auth.name\` cannot be ${JSON.stringify(auth.name)}`);
      return typeof auth.value === 'function'
        ? undefined
        : fail('`auth.value` has to be a function: no secret is kept');
    case 'oauth': {
      if (auth.subject !== 'shared' && typeof auth.subject !== 'function')
        fail("`auth.subject` has to be a function that names whom a run is for, or 'shared'");
      const { clientMetadataUrl: at } = auth;
      if (at !== undefined && (!URL.canParse(at) || !at.startsWith('https://') || new URL(at).pathname === '/'))
        fail('`auth.clientMetadataUrl` has to be an https address with a path');
      return auth.client === undefined ? undefined : checkClient(auth.client, fail);
    }
    case 'oauth-client':
      return isObject(auth.client) && typeof auth.client.secret === 'function'
        ? checkClient(auth.client, fail)
        : fail('`auth.client.secret` has to be a function: no secret is kept');
  }
}

function checkClient(client: OAuthRegistration, fail: (what: string) => never): void {
  if (!isObject(client)) fail('`auth.client` is no registration');
  const { id, issuer, secret } = client;
  if (secret !== undefined && typeof secret !== 'function')
    fail('`auth.client.secret` has to be a function: no secret is kept');
  if (typeof id !== 'string' || id === '') fail('`auth.client.id` is missing');
  if (!URL.canParse(issuer)) fail('`auth.client.issuer` has to be the address of the authorization server');
}
