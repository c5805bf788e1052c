import type { CredentialKey, RunInfo } from '@prusik/core';
import type { HttpServer } from './options.ts';

/** Whose tokens are used. */
export interface CredentialOwner {
  readonly tenant: string;
  /** `''`: they are shared by the tenant. */
  readonly subject: string;
}

/** What servers that need no person's tokens have in its place. */
export const NOBODY: CredentialOwner = { tenant: '', subject: '' };

/**
 * For whom a run calls a server. Runs of one owner may share a connection, those of two never.
 *
 * @throws {TypeError} when `subject` of the server names nobody: whoever cannot be told from others is not lent their rights.
 */
export function ownerOf({ auth }: Pick<HttpServer, 'auth'>, run: RunInfo): CredentialOwner {
  if (auth?.type !== 'oauth') return NOBODY;
  const { tenant } = run.key;
  if (auth.subject === 'shared') return { tenant, subject: '' };
  const subject: unknown = auth.subject(run);
  if (typeof subject !== 'string' || subject === '') throw new TypeError('`subject` has to name whom a run is for');
  return { tenant, subject };
}

/** Tells connections of one server apart in the pool; empty where there is one for all. */
export const instanceOf = ({ tenant, subject }: CredentialOwner): string =>
  tenant === '' && subject === '' ? '' : JSON.stringify([tenant, subject]);

/** Whose connection it is. */
export function ownerOfInstance(instance: string): CredentialOwner {
  if (instance === '') return NOBODY;
  const [tenant, subject] = JSON.parse(instance) as readonly [string, string];
  return { tenant, subject };
}

/** Where something of an owner for a server is kept. */
export const credentialKey = (
  { tenant, subject }: CredentialOwner,
  url: URL,
  name: 'tokens' | 'client' | 'challenge',
): CredentialKey => ({ tenant, subject, audience: `${url.origin}${url.pathname}`, name });
