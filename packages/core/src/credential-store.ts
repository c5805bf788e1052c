import type { JsonObject } from './json.ts';

/** Whose credential, and for what. */
export interface CredentialKey {
  readonly tenant: string;
  /** Whom it is for: a user, or whatever else signs in; `''` for the tenant as a whole. */
  readonly subject: string;
  /** Address of the server that it is for, such as `https://mcp.example.com/mcp`, without a query. */
  readonly audience: string;
  /** What it is: `tokens`, `client`, `pending`, or a name of the caller's. */
  readonly name: string;
}

/**
 * Where tokens and other secrets live, and the only place: nothing of them is in a journal, a log, an event or an error. A store may be shared by processes;
 * of two writers the last wins unless `expected` says otherwise. Reads and writes are of copies.
 */
export interface CredentialStore {
  /** `undefined` where there is none. */
  get(key: CredentialKey): Promise<StoredCredential | undefined>;
  /**
   * Keeps a value; durable when it resolves, if the store is. With `expected` (the `revision` that was read, or `null` for none) nothing is written, and `false`
   * said, when something else is there: of several that refresh a token one counts.
   *
   * @throws {TypeError} for a value that is not JSON.
   */
  set(key: CredentialKey, value: JsonObject, options?: { readonly expected?: string | null }): Promise<boolean>;
  /** Nothing happens where there is none. */
  delete(key: CredentialKey): Promise<void>;
}

/** A credential as it was kept. */
export interface StoredCredential {
  readonly value: JsonObject;
  /** Another one after each write, never one that was there before. */
  readonly revision: string;
}
