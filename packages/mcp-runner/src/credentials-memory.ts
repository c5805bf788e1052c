import { randomUUID } from 'node:crypto';
import { canonicalJson, toJson, type CredentialStore, type JsonObject, type StoredCredential } from '@prusik/core';

/** A {@link CredentialStore} of this process: whoever signed in does so again after a restart. */
export function memoryCredentials(): CredentialStore {
  const kept = new Map<string, StoredCredential>();

  return {
    async get(key) {
      return structuredClone(kept.get(canonicalJson(key)));
    },

    async set(key, value, { expected } = {}) {
      const name = canonicalJson(key);
      const copy = toJson(value) as JsonObject;
      if (expected !== undefined && expected !== (kept.get(name)?.revision ?? null)) return false;
      kept.set(name, { value: copy, revision: randomUUID() });
      return true;
    },

    async delete(key) {
      kept.delete(canonicalJson(key));
    },
  };
}
