import type { AuthorizationServerMetadata, OAuthProtectedResourceMetadata } from '@modelcontextprotocol/client';
import { isPrusikError, PrusikError, type JsonObject } from '@prusik/core';
import type { Challenge } from './http-caller.ts';
import { prusikErrorIn } from './http-error.ts';
import type { SafeFetch } from './safe-fetch.ts';

export type OAuthFetch = SafeFetch['fetch'];

/** What is known of whoever gives out the tokens for a server. */
export interface OAuthGrant {
  readonly authorizationServer: string;
  readonly issuer: string;
  /** Missing where a server of the oldest revision tells nothing of it. */
  readonly metadata?: AuthorizationServerMetadata;
  /** What tokens are asked for, as the server calls itself. */
  readonly resource?: string;
}

/** Of metadata, what a sign-in and a refresh look at; the rest is not kept. */
const KEPT: readonly (keyof AuthorizationServerMetadata)[] = [
  'issuer',
  'authorization_endpoint',
  'token_endpoint',
  'registration_endpoint',
  'scopes_supported',
  'response_types_supported',
  'code_challenge_methods_supported',
  'token_endpoint_auth_methods_supported',
  'authorization_response_iss_parameter_supported',
  'client_id_metadata_document_supported',
];

export interface Discovery {
  readonly grant: OAuthGrant;
  readonly resourceMetadata: OAuthProtectedResourceMetadata | undefined;
}

/**
 * Asks a server who gives out its tokens, and that one how.
 *
 * @throws {PrusikError} `MCP_SIGN_IN_FAILED`, `MCP_ADDRESS_REFUSED`, `MCP_UNAVAILABLE`.
 */
export async function discoverGrant(
  server: string,
  url: URL,
  challenge: Challenge,
  fetch: OAuthFetch,
): Promise<Discovery> {
  const sdk = await import('@modelcontextprotocol/client');
  // The SDK takes a server that cannot be asked for one that says nothing; an address that is refused is neither.
  let refused: PrusikError | undefined;
  const fetchFn: OAuthFetch = async (input, init) =>
    fetch(input, init).catch((error: unknown) => {
      if (isPrusikError(error, 'MCP_ADDRESS_REFUSED')) refused ??= error;
      throw error;
    });
  try {
    const { resourceMetadataUrl } = challenge;
    const found = await sdk.discoverOAuthServerInfo(url, {
      fetchFn,
      ...(resourceMetadataUrl === undefined ? {} : { resourceMetadataUrl: new URL(resourceMetadataUrl) }),
    });
    if (refused !== undefined) throw refused;
    const { authorizationServerUrl, authorizationServerMetadata: all, resourceMetadata } = found;
    if (resourceMetadata !== undefined && !isResource(sdk.checkResourceAllowed, url, resourceMetadata.resource))
      throw signInFailed(server, 'it calls itself by the name of another server', 'resource');
    const metadata = all && (pick(all, KEPT) as AuthorizationServerMetadata);
    const grant: OAuthGrant = {
      authorizationServer: authorizationServerUrl,
      issuer: metadata?.issuer ?? authorizationServerUrl,
      ...(metadata === undefined ? {} : { metadata }),
      ...(resourceMetadata === undefined ? {} : { resource: resourceMetadata.resource }),
    };
    return { grant, resourceMetadata };
  } catch (error) {
    throw asSignInError(server, 'who gives out its tokens could not be found', error);
  }
}

function isResource(
  isAllowed: (options: { requestedResource: URL; configuredResource: string }) => boolean,
  url: URL,
  resource: string,
): boolean {
  const requestedResource = new URL(url);
  requestedResource.hash = '';
  return isAllowed({ requestedResource, configuredResource: resource });
}

/** What the SDK is told of a grant, beside the address of its authorization server. */
export const grantOptions = ({ metadata, resource }: OAuthGrant): Pick<OAuthGrant, 'metadata' | 'resource'> => ({
  ...(metadata === undefined ? {} : { metadata }),
  ...(resource === undefined ? {} : { resource }),
});

/** Two issuers are one if they differ by a last slash. */
export const isSameIssuer = (one: string, other: string): boolean =>
  one === other || `${one}/` === other || one === `${other}/`;

/** What an authorization server has said stays out: it may hold what it was asked with. */
export function signInFailed(server: string, why: string, reason: string, retryable = false): PrusikError {
  return new PrusikError(
    'MCP_SIGN_IN_FAILED',
    `Nobody is signed in at the MCP server ${JSON.stringify(server)}: ${why}`,
    {
      retryable,
      meta: { server, reason, sent: false },
    },
  );
}

/** Ours as it is, if it says what to do; anything else by its name alone. */
export function asSignInError(server: string, why: string, error: unknown): PrusikError {
  const own = prusikErrorIn(error);
  if (own === undefined) return signInFailed(server, why, oauthReason(error));
  const isTold = ['MCP_SIGN_IN_FAILED', 'MCP_ADDRESS_REFUSED', 'MCP_UNAVAILABLE', 'MCP_CLOSED'].includes(own.code);
  return isTold ? own : signInFailed(server, why, own.code, true);
}

/** The error code of OAuth, or the name of the error. */
export function oauthReason(error: unknown): string {
  const { code, name } = error as { readonly code?: unknown; readonly name?: unknown };
  const reason = typeof code === 'string' ? code : String(name);
  return reason.replaceAll(/\W/g, '_').slice(0, 60);
}

const pick = (value: object, names: readonly string[]): JsonObject =>
  Object.fromEntries(Object.entries(value).filter(([name]) => names.includes(name)));
