import { X509Certificate } from 'node:crypto';
import { checkOptions, type KnownOptions } from '@prusik/core';
import type { HttpAuth, HttpServer, OAuthRegistration } from './options.ts';
import { isObject } from './plain.ts';

/** Headers that the protocol or HTTP itself needs. */
const TAKEN = /^(accept.*|authorization|connection|content-.*|cookie|host|mcp-.*|transfer-encoding|.*[^\w-].*|)$/i;

/** @throws {TypeError} for an address that no server can be at, and for a way to call it that is none. */
export function checkHttpServer(where: string, { url: address, network = 'public', ca, auth }: HttpServer): void {
  const fail = (what: string): never => {
    throw new TypeError(`${where}: ${what}`);
  };
  const url = URL.canParse(address) ? new URL(address) : fail('`url` is no address');
  if (url.protocol !== 'https:' && (url.protocol !== 'http:' || network === 'public'))
    fail("`url` has to be https; http needs `network: 'private'` or `'plain'`");
  if (url.username !== '' || url.password !== '' || url.hash !== '')
    fail('`url` holds a user, a password or a fragment');
  if (!['public', 'private', 'plain'].includes(network)) fail('`network` is public, private or plain');
  if (ca !== undefined && !isCertificate(ca)) fail('`ca` is no certificate in PEM');
  if (auth !== undefined) checkAuth(where, auth, fail);
}

/** Node.js takes anything, and trusts nobody by it. */
function isCertificate(ca: unknown): boolean {
  try {
    return typeof ca === 'string' && new X509Certificate(ca).raw.length > 0;
  } catch {
    return false;
  }
}

const AUTHS: Readonly<Record<HttpAuth['type'], KnownOptions>> = {
  bearer: { names: { type: true, token: true } },
  header: { names: { type: true, name: true, value: true } },
  oauth: { names: { type: true, subject: true, client: true, clientMetadataUrl: true, clientName: true, scope: true } },
  'oauth-client': { names: { type: true, client: true, scope: true } },
};

function checkAuth(where: string, auth: HttpAuth, fail: (what: string) => never): void {
  if (!isObject(auth) || !Object.hasOwn(AUTHS, auth.type)) fail('`auth.type` is bearer, header, oauth or oauth-client');
  checkOptions(`${where}: \`auth\``, auth, AUTHS[auth.type]);
  if ('scope' in auth && auth.scope !== undefined && typeof auth.scope !== 'string')
    fail('`auth.scope` has to be a text');
  switch (auth.type) {
    case 'bearer':
      return typeof auth.token === 'function'
        ? undefined
        : fail('`auth.token` has to be a function: no secret is kept');
    case 'header':
      if (typeof auth.name !== 'string' || TAKEN.test(auth.name))
        fail(`\`auth.name\` cannot be ${JSON.stringify(auth.name)}`);
      return typeof auth.value === 'function'
        ? undefined
        : fail('`auth.value` has to be a function: no secret is kept');
    case 'oauth': {
      if (auth.subject !== 'shared' && typeof auth.subject !== 'function')
        fail("`auth.subject` has to be a function that names whom a run is for, or 'shared'");
      const { clientMetadataUrl: at } = auth;
      if (at !== undefined && (!URL.canParse(at) || !at.startsWith('https://') || new URL(at).pathname === '/'))
        fail('`auth.clientMetadataUrl` has to be an https address with a path');
      return auth.client === undefined ? undefined : checkClient(auth.client, fail);
    }
    case 'oauth-client':
      return isObject(auth.client) && typeof auth.client.secret === 'function'
        ? checkClient(auth.client, fail)
        : fail('`auth.client.secret` has to be a function: no secret is kept');
  }
}

function checkClient(client: OAuthRegistration, fail: (what: string) => never): void {
  if (!isObject(client)) fail('`auth.client` is no registration');
  const { id, issuer, secret } = client;
  if (secret !== undefined && typeof secret !== 'function')
    fail('`auth.client.secret` has to be a function: no secret is kept');
  if (typeof id !== 'string' || id === '') fail('`auth.client.id` is missing');
  if (!URL.canParse(issuer)) fail('`auth.client.issuer` has to be the address of the authorization server');
}
