import type { Clock, CredentialStore } from '@prusik/core';
import { connectHttp } from './connect-http.ts';
import type { Connect } from './connection.ts';
import type { EraVerdicts } from './era-verdicts.ts';
import { anonymous, bearerCaller, headerCaller, type HttpCaller } from './http-caller.ts';
import type { McpLimits } from './limits.ts';
import { oauthCaller } from './oauth-caller.ts';
import { oauthClientCaller } from './oauth-client-caller.ts';
import type { CredentialOwner } from './oauth-owner.ts';
import type { HttpServer } from './options.ts';
import { safeFetch, type Resolve, type SafeFetch } from './safe-fetch.ts';
import { createSignIn, type SignIn, type SignInServer } from './sign-in.ts';

/** All servers of a runner that are reached over HTTP. */
export interface HttpServers {
  connect(name: string, owner: CredentialOwner): Connect;
  readonly signIn: SignIn;
  /** Ends what sign-ins and refreshes have open; connections are the pool's to close. */
  close(): void;
}

export interface HttpServersOptions {
  /** Checked with the options of the runner. */
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

export function createHttpServers(options: HttpServersOptions): HttpServers {
  const { servers, limitsOf, credentials, verdicts, clock, resolve } = options;
  const fetches = new Map<string, SafeFetch>();
  const signInServers = new Map<string, SignInServer>();

  for (const [name, server] of servers) {
    const { auth } = server;
    if (auth?.type !== 'oauth' && auth?.type !== 'oauth-client') continue;
    const url = new URL(server.url);
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
