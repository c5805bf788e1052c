import type { OAuthClientInformationMixed } from '@modelcontextprotocol/client';
import type { CredentialStore } from '@prusik/core';
import { secretOf } from './http-caller.ts';
import { asSignInError, isSameIssuer, signInFailed, type OAuthFetch, type OAuthGrant } from './oauth-grant.ts';
import { credentialKey, type CredentialOwner } from './oauth-owner.ts';
import type { OAuthRegistration, OAuthSignIn } from './options.ts';
import { isOfThisMachine } from './safe-address.ts';

/** A client as it is known to one authorization server. */
export interface RegisteredClient {
  readonly id: string;
  /** Missing where there is none, and where it is the options' to say. */
  readonly secret?: string;
  readonly method?: string;
}

interface KeptClient extends RegisteredClient {
  readonly issuer: string;
  readonly redirectUrl: string;
  /** In milliseconds since the epoch. */
  readonly secretExpiresAt?: number;
}

export interface RegistrationOptions {
  readonly server: string;
  readonly url: URL;
  readonly auth: OAuthSignIn;
  readonly owner: CredentialOwner;
  readonly grant: OAuthGrant;
  readonly redirectUrl: string;
  readonly scope: string | undefined;
  readonly credentials: CredentialStore;
  readonly fetch: OAuthFetch;
  readonly now: number;
}

/**
 * The client that signs in: as it was registered by hand, by its metadata document, as it was registered before, or registered now, in this order.
 *
 * @throws {PrusikError} `MCP_SIGN_IN_FAILED`.
 */
export async function registeredClient(options: RegistrationOptions): Promise<RegisteredClient> {
  const { server, auth, grant } = options;
  if (auth.client !== undefined) {
    checkIssuer(server, auth.client, grant);
    return { id: auth.client.id };
  }
  if (auth.clientMetadataUrl !== undefined && grant.metadata?.client_id_metadata_document_supported === true)
    return { id: auth.clientMetadataUrl };
  return registerOnTheFly(options);
}

/** A client that was registered with one authorization server is shown to no other, whatever a server says of who gives out its tokens. */
export function checkIssuer(server: string, { issuer }: OAuthRegistration, grant: OAuthGrant): void {
  if (!isSameIssuer(issuer, grant.issuer))
    throw signInFailed(server, 'it names another authorization server than the client was registered with', 'issuer');
}

async function registerOnTheFly(options: RegistrationOptions): Promise<RegisteredClient> {
  const { server, url, auth, owner, grant, redirectUrl, scope, credentials, fetch, now } = options;
  const key = registrationKey(owner, url);
  const kept = (await credentials.get(key))?.value as KeptClient | undefined;
  const isKept = kept !== undefined && isSameIssuer(kept.issuer, grant.issuer) && kept.redirectUrl === redirectUrl;
  if (isKept && (kept.secretExpiresAt ?? Infinity) > now) return kept;
  const sdk = await import('@modelcontextprotocol/client');
  const isPublic = grant.metadata?.token_endpoint_auth_methods_supported?.includes('none') === true;
  try {
    const made = await sdk.registerClient(grant.authorizationServer, {
      ...(grant.metadata === undefined ? {} : { metadata: grant.metadata }),
      clientMetadata: {
        client_name: auth.clientName ?? 'Prusik',
        redirect_uris: [redirectUrl],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        application_type: isOfThisMachine(new URL(redirectUrl)) ? 'native' : 'web',
        ...(isPublic ? { token_endpoint_auth_method: 'none' } : {}),
      },
      ...(scope === undefined ? {} : { scope }),
      fetchFn: fetch,
    });
    const { client_secret: secret, token_endpoint_auth_method: method, client_secret_expires_at: expires = 0 } = made;
    const client = {
      id: made.client_id,
      ...(secret === undefined ? {} : { secret }),
      ...(method === undefined ? {} : { method }),
    };
    const more = { issuer: grant.issuer, redirectUrl, ...(expires === 0 ? {} : { secretExpiresAt: expires * 1_000 }) };
    await credentials.set(key, { ...client, ...more });
    return client;
  } catch (error) {
    throw asSignInError(server, 'the client could not be registered', error);
  }
}

/** Shared by the subjects of a tenant. */
export const registrationKey = ({ tenant }: CredentialOwner, url: URL): ReturnType<typeof credentialKey> =>
  credentialKey({ tenant, subject: '' }, url, 'client');

/** The client as the SDK shows it to the authorization server. */
export async function clientInformation(
  server: string,
  client: RegisteredClient,
  registration: OAuthRegistration | undefined,
): Promise<OAuthClientInformationMixed> {
  const isByHand = registration?.id === client.id;
  const secret =
    isByHand && registration.secret !== undefined ? await secretOf(server, registration.secret) : client.secret;
  return {
    client_id: client.id,
    ...(secret === undefined ? {} : { client_secret: secret }),
    ...(client.method === undefined ? {} : { token_endpoint_auth_method: client.method }),
  };
}
