import type { OAuthTokens } from '@modelcontextprotocol/client';
import type { Clock, CredentialStore, JsonObject } from '@prusik/core';
import type { Challenge } from './http-caller.ts';
import {
  asSignInError,
  discoverGrant,
  grantOptions,
  oauthReason,
  signInFailed,
  type OAuthFetch,
  type OAuthGrant,
} from './oauth-grant.ts';
import { credentialKey, type CredentialOwner } from './oauth-owner.ts';
import { clientInformation, registeredClient, registrationKey } from './oauth-registration.ts';
import { tokensOf } from './oauth-tokens.ts';
import type { OAuthSignIn } from './options.ts';
import { newState, pendingSignIns, type PendingSignIn } from './pending-sign-ins.ts';
import { isSafeAddress } from './safe-address.ts';

/** How people sign in at servers. The two halves may be of two processes that share the credentials. */
export interface SignIn {
  /**
   * Begins: a browser is sent to `url`, and comes back to `redirectUrl` within ten minutes. The address is for that person alone and is good once; it is made
   * when somebody asks for it, and belongs into no record.
   *
   * @throws {PrusikError} `MCP_SIGN_IN_FAILED`, with `meta.reason`; `MCP_ADDRESS_REFUSED`, `MCP_UNAVAILABLE`.
   * @throws {TypeError} for a server that is unknown or wants no sign-in, and for a subject or an address that are none.
   */
  begin(options: BeginSignIn): Promise<{ readonly url: string; readonly expiresAt: number }>;
  /**
   * Finishes, with the address that the browser came back to, or its path and query, and with who that is by your program's own session: whoever is talked into
   * following somebody else's address must not sign in for them. Whoever waits for the sign-in can be answered then.
   *
   * @throws {PrusikError} `MCP_SIGN_IN_FAILED`: `meta.reason` says `state` for one that was never begun, is over or was used, `subject` for one of somebody else,
   * else what was refused.
   */
  finish(callbackUrl: string | URL, by: SignInBy): Promise<SignedIn>;
}

/** Who signs in. */
export interface SignInBy {
  readonly tenant: string;
  /** As the server's `subject` names whom a run is for; not looked at where tokens are `shared`. */
  readonly subject?: string;
}

/** A sign-in that begins. */
export interface BeginSignIn extends SignInBy {
  readonly server: string;
  /** Of your program: `https:`, or `http:` on this machine. */
  readonly redirectUrl: string;
}

/** Who has signed in, and where. */
export interface SignedIn extends CredentialOwner {
  readonly server: string;
}

/** A server at which people sign in. */
export interface SignInServer {
  readonly url: URL;
  readonly auth: OAuthSignIn;
  readonly fetch: OAuthFetch;
}

export interface SignInOptions {
  readonly servers: ReadonlyMap<string, SignInServer>;
  readonly credentials: CredentialStore;
  readonly clock: Clock;
}

export function createSignIn({ servers, credentials, clock }: SignInOptions): SignIn {
  const pendings = pendingSignIns(credentials, clock);

  function serverOf(name: string): SignInServer {
    const server = servers.get(name);
    if (server === undefined)
      throw new TypeError(`There is no MCP server ${JSON.stringify(name)} at which people sign in`);
    return server;
  }

  /** What an authorization server says in the address of a callback counts only if it is the one that was asked. */
  async function checkIssuer({ server, grant }: PendingSignIn, iss: string | undefined): Promise<void> {
    const { validateAuthorizationResponseIssuer } = await import('@modelcontextprotocol/client');
    try {
      validateAuthorizationResponseIssuer({
        iss,
        expectedIssuer: grant.issuer,
        issParameterSupported: grant.metadata?.authorization_response_iss_parameter_supported === true,
      });
    } catch {
      throw signInFailed(server, 'another authorization server has answered than was asked', 'issuer');
    }
  }

  async function exchange(pending: PendingSignIn, code: string, iss: string | undefined): Promise<OAuthTokens> {
    const { server, owner, grant, client, verifier, redirectUrl } = pending;
    const { url, auth, fetch } = serverOf(server);
    const { exchangeAuthorization } = await import('@modelcontextprotocol/client');
    try {
      const tokens = await exchangeAuthorization(grant.authorizationServer, {
        ...grantOptions(grant),
        ...(iss === undefined ? {} : { iss }),
        clientInformation: await clientInformation(server, client, auth.client),
        authorizationCode: code,
        codeVerifier: verifier,
        redirectUri: redirectUrl,
        fetchFn: fetch,
      });
      if (tokens.token_type.toLowerCase() === 'bearer') return tokens;
    } catch (error) {
      // A registration that the authorization server has forgotten is made anew next time.
      if (oauthReason(error) === 'invalid_client') await credentials.delete(registrationKey(owner, url));
      throw asSignInError(server, 'the code of the sign-in got no token', error);
    }
    throw signInFailed(server, 'it got a token that is no bearer token', 'token_type');
  }

  return {
    async begin({ server: name, tenant, subject, redirectUrl }) {
      const server = serverOf(name);
      const { url, auth, fetch } = server;
      const owner = ownerOf(auth, tenant, subject);
      checkRedirect(redirectUrl);
      const kept = await credentials.get(credentialKey(owner, url, 'challenge'));
      const challenge = (kept?.value ?? {}) as Challenge;
      const { grant, resourceMetadata } = await discoverGrant(name, url, challenge, fetch);
      const scope = scopeOf(auth.scope ?? challenge.scope ?? resourceMetadata?.scopes_supported?.join(' '), grant);
      checkEndpoint(name, grant);
      const client = await registeredClient({
        server: name,
        url,
        auth,
        owner,
        grant,
        redirectUrl,
        scope,
        credentials,
        fetch,
        now: clock.now(),
      });
      const { startAuthorization } = await import('@modelcontextprotocol/client');
      const state = newState();
      const { authorizationUrl, codeVerifier } = await startAuthorization(grant.authorizationServer, {
        ...grantOptions(grant),
        ...(scope === undefined ? {} : { scope }),
        clientInformation: { client_id: client.id },
        redirectUrl,
        state,
      }).catch((error: unknown) => {
        throw asSignInError(name, 'its authorization server cannot be used', error);
      });
      const { expiresAt } = await pendings.keep(state, {
        server: name,
        url: url.href,
        owner,
        redirectUrl,
        verifier: codeVerifier,
        grant,
        client,
      });
      return { url: authorizationUrl.href, expiresAt };
    },

    async finish(callbackUrl, by) {
      // Before it counts as used.
      if (typeof by?.tenant !== 'string') throw new TypeError('`by` has to say who has come back');
      const query = queryOf(callbackUrl);
      const one = (name: string): string | undefined => {
        const [first, ...others] = query.getAll(name);
        return others.length > 0 ? undefined : first;
      };
      const pending = await pendings.take(one('state') ?? '');
      if (pending === undefined) throw signInFailed('?', 'the sign-in was not begun, is over, or was used', 'state');
      const { server, owner } = pending;
      const { url } = serverOf(server);
      // Another program, or this one by now, may call another server by the same name.
      if (url.href !== pending.url)
        throw signInFailed(server, 'it was begun for a server of this name at another address', 'state');
      if (by.tenant !== owner.tenant || (owner.subject !== '' && by.subject !== owner.subject))
        throw signInFailed(server, 'it was begun by somebody else', 'subject');
      const iss = one('iss');
      if (iss === undefined && query.has('iss')) throw signInFailed(server, 'it was answered twice', 'issuer');
      await checkIssuer(pending, iss);
      const denied = one('error');
      if (denied !== undefined) throw signInFailed(server, 'it was refused', oauthReason({ code: denied }));
      const code = one('code');
      if (code === undefined) throw signInFailed(server, 'there is no code in the answer', 'code');
      const tokens = tokensOf(await exchange(pending, code, iss), pending, clock);
      await credentials.set(credentialKey(owner, url, 'tokens'), tokens as unknown as JsonObject);
      await credentials.delete(credentialKey(owner, url, 'challenge'));
      return { server, ...owner };
    },
  };
}

function ownerOf(auth: OAuthSignIn, tenant: string, subject: string | undefined): CredentialOwner {
  if (auth.subject === 'shared') return { tenant, subject: '' };
  if (typeof subject !== 'string' || subject === '') throw new TypeError('`subject` has to name who signs in');
  return { tenant, subject };
}

function checkRedirect(redirectUrl: string): void {
  const url = new URL(redirectUrl);
  if (!isSafeAddress(url) || url.hash !== '' || url.username !== '')
    throw new TypeError('`redirectUrl` has to be https, or http on this machine, without a fragment or a user');
}

/** A browser goes there, and what is typed there is somebody's password. Without PKCE whoever sees the code has the tokens. */
function checkEndpoint(server: string, { authorizationServer, metadata }: OAuthGrant): void {
  if (!isSafeAddress(new URL(metadata?.authorization_endpoint ?? authorizationServer)))
    throw signInFailed(server, 'its authorization server is not reached by https', 'authorization_endpoint');
  if (metadata !== undefined && metadata.code_challenge_methods_supported?.includes('S256') !== true)
    throw signInFailed(server, 'its authorization server has no PKCE', 'code_challenge_methods_supported');
}

/** With the right to refresh where that has to be asked for. */
function scopeOf(scope: string | undefined, { metadata }: OAuthGrant): string | undefined {
  if (scope === undefined || scope === '') return undefined;
  const isAsked = scope.split(' ').includes('offline_access');
  const isOffered = metadata?.scopes_supported?.includes('offline_access') === true;
  return isOffered && !isAsked ? `${scope} offline_access` : scope;
}

/** Of an absolute address, or of one as a server sees it. */
const queryOf = (callbackUrl: string | URL): URLSearchParams => new URL(callbackUrl, 'http://callback').searchParams;
