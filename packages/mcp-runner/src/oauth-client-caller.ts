import type { OAuthTokens } from '@modelcontextprotocol/client';
import { secretSet, type Clock } from '@prusik/core';
import { challengeIn, EARLY_MS, secretOf, type Challenge, type HttpCaller } from './http-caller.ts';
import { asSignInError, discoverGrant, grantOptions, type OAuthFetch } from './oauth-grant.ts';
import { checkIssuer } from './oauth-registration.ts';
import type { OAuthClient } from './options.ts';

export interface ClientCallerOptions {
  readonly server: string;
  readonly url: URL;
  readonly auth: OAuthClient;
  readonly fetch: OAuthFetch;
  readonly clock: Clock;
}

/** The program itself, by client credentials. Its token is of this process: whoever starts anew asks for another. */
export function oauthClientCaller({ server, url, auth, fetch, clock }: ClientCallerOptions): HttpCaller {
  const { remember, redact } = secretSet();
  let current: { readonly token: string; readonly until: number } | undefined;
  let asking: Promise<string> | undefined;

  async function ask(challenge: Challenge): Promise<string> {
    const { ClientCredentialsProvider, fetchToken } = await import('@modelcontextprotocol/client');
    const { grant, resourceMetadata } = await discoverGrant(server, url, challenge, fetch);
    checkIssuer(server, auth.client, grant);
    const scope = auth.scope ?? challenge.scope ?? resourceMetadata?.scopes_supported?.join(' ');
    const clientSecret = remember(await secretOf(server, auth.client.secret));
    const provider = new ClientCredentialsProvider({
      clientId: auth.client.id,
      clientSecret,
      expectedIssuer: grant.issuer,
    });
    let tokens: OAuthTokens;
    try {
      tokens = await fetchToken(provider, grant.authorizationServer, {
        ...grantOptions(grant),
        ...(scope === undefined ? {} : { scope }),
        fetchFn: fetch,
      });
    } catch (error) {
      throw asSignInError(server, 'the client got no token', error);
    }
    const seconds = tokens.expires_in ?? Infinity;
    current = { token: remember(tokens.access_token), until: clock.now() + seconds * 1_000 - EARLY_MS };
    return current.token;
  }

  const askOnce = async (challenge: Challenge): Promise<string> => {
    asking ??= ask(challenge).finally(() => {
      asking = undefined;
    });
    return asking;
  };

  return {
    provider: {
      token: async () => (current === undefined || current.until > clock.now() ? current?.token : askOnce({})),
      async onUnauthorized({ response }) {
        await askOnce(await challengeIn(response));
      },
    },
    headers: async () => [],
    redact,
    refused: async () => undefined,
  };
}
