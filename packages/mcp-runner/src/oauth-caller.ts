import { PrusikError, secretSet } from '@prusik/core';
import { challengeIn, EARLY_MS, type Challenge, type HttpCaller } from './http-caller.ts';
import { credentialKey } from './oauth-owner.ts';
import { tokenStore, type TokenStoreOptions } from './oauth-tokens.ts';

const LONGEST_SCOPE = 1_000;
const LONGEST_ISSUER = 300;

/** Somebody who has signed in, or has to. */
export function oauthCaller(options: TokenStoreOptions): HttpCaller {
  const { server, url, owner, credentials, fetch, clock } = options;
  const store = tokenStore(options);
  const { remember, redact } = secretSet();
  let used: string | undefined;

  async function required(challenge: Challenge): Promise<PrusikError> {
    const key = credentialKey(owner, url, 'challenge');
    // Whoever begins the sign-in may be another process.
    if (Object.keys(challenge).length > 0) await credentials.set(key, { ...challenge });
    const issuer = await issuerOf(challenge);
    const scope = challenge.scope?.slice(0, LONGEST_SCOPE);
    return new PrusikError(
      'MCP_SIGN_IN_REQUIRED',
      `The MCP server ${JSON.stringify(server)} wants somebody to sign in`,
      {
        meta: {
          server,
          ...owner,
          ...(issuer === undefined ? {} : { issuer }),
          ...(scope === undefined ? {} : { scope }),
          sent: false,
        },
      },
    );
  }

  /** For people, so nothing is lost where it cannot be had. */
  async function issuerOf({ resourceMetadataUrl }: Challenge): Promise<string | undefined> {
    const { discoverOAuthProtectedResourceMetadata } = await import('@modelcontextprotocol/client');
    try {
      const at = resourceMetadataUrl === undefined ? {} : { resourceMetadataUrl };
      const { authorization_servers: [first = ''] = [] } = await discoverOAuthProtectedResourceMetadata(url, at, fetch);
      const { origin, pathname } = new URL(first);
      return `${origin}${pathname}`.slice(0, LONGEST_ISSUER);
    } catch {
      return undefined;
    }
  }

  return {
    provider: {
      async token() {
        const found = await store.read();
        if (found === undefined) return undefined;
        const { accessToken, expiresAt = Infinity } = found.tokens;
        const isEarly = expiresAt - EARLY_MS > clock.now();
        // Without a refresh it is tried all the same: the server's word counts.
        const tokens = isEarly ? found.tokens : ((await store.refresh(accessToken)) ?? found.tokens);
        used = remember(tokens.accessToken);
        return used;
      },
      async onUnauthorized({ response }) {
        const challenge = await challengeIn(response);
        if (used !== undefined && (await store.refresh(used)) !== undefined) return;
        throw await required(challenge);
      },
    },
    headers: async () => [],
    redact,
    async refused(challenge) {
      const { computeScopeUnion } = await import('@modelcontextprotocol/client');
      // What was granted before is asked for again, or it would be lost.
      const scope = computeScopeUnion((await store.read())?.tokens.scope, challenge.scope);
      return required({ ...challenge, ...(scope === undefined ? {} : { scope }) });
    },
  };
}
