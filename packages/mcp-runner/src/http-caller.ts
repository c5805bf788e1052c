import type { AuthProvider } from '@modelcontextprotocol/client';
import { PrusikError } from '@prusik/core';
import type { SecretOf } from './options.ts';

/** A server has told what it wants. */
export interface Challenge {
  readonly scope?: string;
  readonly resourceMetadataUrl?: string;
}

/** What a server tells with a 401. */
export async function challengeIn(response: Response): Promise<Challenge> {
  const { extractWWWAuthenticateParams } = await import('@modelcontextprotocol/client');
  const { scope, resourceMetadataUrl } = extractWWWAuthenticateParams(response);
  return challengeOf(scope, resourceMetadataUrl);
}

export const challengeOf = (scope: string | undefined, metadata: URL | undefined): Challenge => ({
  ...(scope === undefined ? {} : { scope }),
  ...(metadata === undefined ? {} : { resourceMetadataUrl: metadata.href }),
});

/** A token is not used when it has less than this to live: it has a way to go. */
export const EARLY_MS = 30_000;

/** Who calls a server, as its transport needs it. */
export interface HttpCaller {
  /** Puts a bearer token on each request to the server's address. */
  readonly provider?: AuthProvider;
  /** Further headers of a request to an address. */
  headers(url: URL): Promise<readonly (readonly [name: string, value: string])[]>;
  /** The text without what the server was given in confidence. */
  redact(text: string): string;
  /** What a refusal of whoever calls means, if more than that. */
  refused(challenge: Challenge): Promise<PrusikError | undefined>;
}

/** A server that asks nobody who they are. */
export const anonymous: HttpCaller = {
  headers: async () => [],
  redact: (text) => text,
  refused: async () => undefined,
};

/** Of what was given, so that it is taken out of what comes back. */
const REMEMBERED = 8;

/** Remembers the secrets that were given last. */
export function confidence(): { readonly give: (secret: string) => string; readonly redact: (text: string) => string } {
  const given: string[] = [];
  return {
    give(secret) {
      if (!given.includes(secret)) given.push(secret);
      if (given.length > REMEMBERED) given.shift();
      return secret;
    },
    redact: (text) =>
      given.reduce((safe, secret) => (secret === '' ? safe : safe.replaceAll(secret, '[redacted]')), text),
  };
}

/** A token that somebody else looks after. */
export function bearerCaller(server: string, token: SecretOf): HttpCaller {
  const { give, redact } = confidence();
  return {
    provider: { token: async () => give(await secretOf(server, token)) },
    headers: async () => [],
    redact,
    refused: async () => undefined,
  };
}

/** A header of the server's own, for its origin alone. */
export function headerCaller(server: string, own: URL, name: string, value: SecretOf): HttpCaller {
  const { give, redact } = confidence();
  return {
    headers: async (url) => (url.origin === own.origin ? [[name, give(await secretOf(server, value))]] : []),
    redact,
    refused: async () => undefined,
  };
}

export async function secretOf(server: string, secret: SecretOf): Promise<string> {
  try {
    return await secret();
  } catch (cause) {
    throw new PrusikError(
      'MCP_SIGN_IN_FAILED',
      `The secret for the MCP server ${JSON.stringify(server)} could not be had`,
      {
        cause,
        meta: { server, sent: false },
      },
    );
  }
}
