import type { AuthProvider } from '@modelcontextprotocol/client';
import { PrusikError, secretSet } from '@prusik/core';
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

/** A token that somebody else looks after. */
export function bearerCaller(server: string, token: SecretOf): HttpCaller {
  const { remember, redact } = secretSet();
  return {
    provider: { token: async () => remember(await headerSecretOf(server, token)) },
    headers: async () => [],
    redact,
    refused: async () => undefined,
  };
}

/** A header of the server's own, for its origin alone. */
export function headerCaller(server: string, own: URL, name: string, value: SecretOf): HttpCaller {
  const { remember, redact } = secretSet();
  return {
    headers: async (url) => (url.origin === own.origin ? [[name, remember(await headerSecretOf(server, value))]] : []),
    redact,
    refused: async () => undefined,
  };
}

/** @throws {PrusikError} `MCP_SIGN_IN_FAILED` when it cannot be had. */
export async function secretOf(server: string, secret: SecretOf): Promise<string> {
  let cause: unknown;
  try {
    const given: unknown = await secret();
    if (typeof given === 'string' && given !== '') return given;
  } catch (error) {
    cause = error;
  }
  throw noSecret(server, 'could not be had', cause);
}

/** HTTP takes no others; what it says of them shows them. */
const HEADER_TEXT = /^[\t\u0020-\u007e\u0080-\u00ff]+$/;

/** @throws {PrusikError} `MCP_SIGN_IN_FAILED` when it cannot be had, or stand in a header. */
async function headerSecretOf(server: string, secret: SecretOf): Promise<string> {
  // A file that holds one ends in a newline.
  const given = (await secretOf(server, secret)).trim();
  if (!HEADER_TEXT.test(given)) throw noSecret(server, 'holds characters that no header may');
  return given;
}

const noSecret = (server: string, why: string, cause?: unknown): PrusikError =>
  new PrusikError('MCP_SIGN_IN_FAILED', `The secret for the MCP server ${JSON.stringify(server)} ${why}`, {
    meta: { server, reason: 'secret', sent: false },
    ...(cause === undefined ? {} : { cause }),
  });
