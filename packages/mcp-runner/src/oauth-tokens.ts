import { randomUUID } from 'node:crypto';
import type { OAuthTokens } from '@modelcontextprotocol/client';
import type { Clock, CredentialStore, JsonObject } from '@prusik/core';
import { grantOptions, oauthReason, signInFailed, type OAuthFetch, type OAuthGrant } from './oauth-grant.ts';
import { credentialKey, type CredentialOwner } from './oauth-owner.ts';
import { clientInformation, type RegisteredClient } from './oauth-registration.ts';
import type { OAuthSignIn } from './options.ts';
import { isObject } from './plain.ts';

/** What somebody who signed in has. */
export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken?: string;
  readonly scope?: string;
  /** In milliseconds since the epoch. */
  readonly expiresAt?: number;
  readonly grant: OAuthGrant;
  readonly client: RegisteredClient;
}

/** As they are kept: somebody may be about to refresh them. */
interface Kept extends Tokens {
  readonly claim?: { readonly by: string; readonly until: number };
}

const isKept = (value: unknown): value is Kept & JsonObject =>
  isObject(value) && typeof value['accessToken'] === 'string' && isObject(value['grant']) && isObject(value['client']);

interface Read {
  readonly tokens: Kept;
  readonly revision: string;
}

export interface TokenStoreOptions {
  readonly server: string;
  readonly url: URL;
  readonly auth: OAuthSignIn;
  readonly owner: CredentialOwner;
  readonly credentials: CredentialStore;
  readonly fetch: OAuthFetch;
  readonly clock: Clock;
}

/** Tokens of one owner for one server. */
export interface TokenStore {
  read(): Promise<{ readonly tokens: Tokens; readonly revision: string } | undefined>;
  /**
   * Other tokens than `used`; `undefined`: somebody has to sign in. A refresh token may be good for one use, and used twice may end all that came of it: so of
   * all processes one refreshes, and the others wait for what it gets.
   *
   * @throws {PrusikError} `MCP_SIGN_IN_FAILED`, retryable, when the authorization server cannot be asked now.
   */
  refresh(used: string): Promise<Tokens | undefined>;
}

/** Whoever claims the refresh and dies holds the others up no longer than this. */
const CLAIM_MS = 30_000;
const LOOK_MS = 100;

export function tokenStore(options: TokenStoreOptions): TokenStore {
  const { server, url, auth, owner, credentials, fetch, clock } = options;
  const key = credentialKey(owner, url, 'tokens');
  let refreshing: Promise<Tokens | undefined> | undefined;

  async function read(): Promise<Read | undefined> {
    const kept = await credentials.get(key);
    // What is none of ours signs nobody in; a sign-in replaces it.
    return kept && isKept(kept.value) ? { tokens: kept.value, revision: kept.revision } : undefined;
  }

  async function refresh(used: string): Promise<Tokens | undefined> {
    for (;;) {
      const current = await read();
      if (current === undefined) return undefined;
      const { claim, ...tokens } = current.tokens;
      if (claim !== undefined && claim.until > clock.now()) {
        await pause(clock);
        continue;
      }
      if (tokens.accessToken !== used) return tokens;
      if (tokens.refreshToken === undefined) return undefined;
      const mine = { by: randomUUID(), until: clock.now() + CLAIM_MS };
      if (!(await write({ ...tokens, claim: mine }, current.revision))) continue;
      const claimed = await read();
      if (claimed?.tokens.claim?.by === mine.by) return exchange(tokens, tokens.refreshToken, claimed.revision);
    }
  }

  /** With the claim, whose revision is `claimed`. What somebody else has written since, such as a new sign-in, stays. */
  async function exchange(tokens: Tokens, refreshToken: string, claimed: string): Promise<Tokens | undefined> {
    const { grant, client, scope } = tokens;
    const { refreshAuthorization } = await import('@modelcontextprotocol/client');
    let answer: OAuthTokens;
    try {
      answer = await refreshAuthorization(grant.authorizationServer, {
        ...grantOptions(grant),
        clientInformation: await clientInformation(server, client, auth.client),
        refreshToken,
        fetchFn: fetch,
      });
    } catch (error) {
      // One that was used up, revoked or is of a client that is gone refreshes nothing any more.
      if (isRefused(error)) {
        const { refreshToken: _, ...rest } = tokens;
        await write(rest, claimed);
        return undefined;
      }
      await write(tokens, claimed);
      throw signInFailed(server, 'its tokens could not be refreshed now', oauthReason(error), true);
    }
    const next = tokensOf(
      { refresh_token: refreshToken, ...(scope === undefined ? {} : { scope }), ...answer },
      tokens,
      clock,
    );
    if (await write(next, claimed)) return next;
    return (await read())?.tokens;
  }

  const write = async (tokens: Kept, expected: string): Promise<boolean> =>
    credentials.set(key, tokens as unknown as JsonObject, { expected });

  return {
    read,
    async refresh(used) {
      refreshing ??= refresh(used).finally(() => {
        refreshing = undefined;
      });
      return refreshing;
    },
  };
}

/** What an authorization server has given, as it is kept. */
export function tokensOf(
  answer: OAuthTokens,
  { grant, client }: Pick<Tokens, 'grant' | 'client'>,
  clock: Clock,
): Tokens {
  const { access_token: accessToken, refresh_token: refreshToken, scope, expires_in: expires } = answer;
  return {
    accessToken,
    ...(refreshToken === undefined ? {} : { refreshToken }),
    ...(scope === undefined ? {} : { scope }),
    ...(expires === undefined ? {} : { expiresAt: clock.now() + expires * 1_000 }),
    grant,
    client,
  };
}

const REFUSALS: ReadonlySet<string> = new Set([
  'invalid_grant',
  'invalid_client',
  'unauthorized_client',
  'invalid_scope',
]);

const isRefused = (error: unknown): boolean => REFUSALS.has(oauthReason(error));

const pause = async (clock: Clock): Promise<void> =>
  new Promise((resolve) => {
    clock.after(LOOK_MS, resolve);
  });
