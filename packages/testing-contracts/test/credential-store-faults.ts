import { posix } from 'node:path';
import { canonicalJson, toJson, type CredentialKey, type CredentialStore, type JsonObject } from '@prusik/core';
import type { CredentialStorage } from '../src/credential-store-contract.ts';

type Data = Map<string, { readonly value: JsonObject; readonly revision: string }>;

interface Ways {
  /** What a key is kept under. */
  readonly name: (key: CredentialKey) => string;
  readonly copy: (value: JsonObject) => JsonObject;
  readonly revision: (data: Data, name: string) => string;
  readonly isExpected: (revision: string | null, expected: string | null | undefined) => boolean;
  /** Lets others in between look and write. */
  readonly pause: () => Promise<void> | undefined;
}

let revisions = 0;

const SOUND: Ways = {
  name: canonicalJson,
  copy: (value) => toJson(value) as JsonObject,
  revision: () => String((revisions += 1)),
  isExpected: (revision, expected) => expected === undefined || expected === revision,
  pause: () => undefined,
};

function storeOver(data: Data, ways: Partial<Ways> = {}): CredentialStore {
  const { name, copy, revision, isExpected, pause } = { ...SOUND, ...ways };
  return {
    async get(key) {
      const stored = data.get(name(key));
      return stored && { value: copy(stored.value), revision: stored.revision };
    },
    async set(key, value, { expected } = {}) {
      const at = name(key);
      const kept = copy(value);
      if (!isExpected(data.get(at)?.revision ?? null, expected)) return false;
      const paused = pause();
      if (paused !== undefined) await paused;
      data.set(at, { value: kept, revision: revision(data, at) });
      return true;
    },
    async delete(key) {
      data.delete(name(key));
    },
  };
}

function storage(
  ways: Partial<Ways> = {},
  change: (store: CredentialStore) => Partial<CredentialStore> = () => ({}),
): CredentialStorage {
  const data: Data = new Map();
  return {
    open: () => {
      const store = storeOver(data, ways);
      return { ...store, ...change(store) };
    },
  };
}

/** A storage in memory that is sound. */
export const soundCredentials = (): CredentialStorage => storage();

export interface CredentialStoreFault {
  readonly name: string;
  /** Part of the title of one test. */
  readonly caughtBy: string;
  readonly create: () => CredentialStorage;
}

const fault = (name: string, caughtBy: string, create: () => CredentialStorage): CredentialStoreFault => ({
  name,
  caughtBy,
  create,
});

const READ = 'a credential that was kept is read as it was';
const NOBODY_ELSE = 'a credential is given to nobody else';
const EXPECTED = 'a credential is replaced only if';
const REVISION = 'a revision never comes again';
const ONE_COUNTS = 'of many that replace the same credential at once';
const WHOLE = 'whoever expects nothing writes';
const GONE = 'a credential that was deleted is gone';
const COPY = 'what is kept is a copy';
const JSON_ONLY = 'what is not JSON is refused';

/** Ways in which a key loses what tells it from others. */
const joins: readonly (readonly [string, (key: CredentialKey) => string])[] = [
  ['does not look at the tenant', (key) => canonicalJson({ ...key, tenant: '' })],
  ['does not look at the subject', (key) => canonicalJson({ ...key, subject: '' })],
  ['does not look at the audience', (key) => canonicalJson({ ...key, audience: '' })],
  ['does not look at the name', (key) => canonicalJson({ ...key, name: '' })],
  ['joins the parts of a key', (key) => [key.tenant, key.subject, key.audience, key.name].join('')],
  ['takes subjects for paths', (key) => canonicalJson({ ...key, subject: posix.join('/acme', key.subject) })],
  ['folds the case of a key', (key) => canonicalJson(key).toLowerCase()],
  ['cuts long keys', (key) => canonicalJson({ ...key, subject: key.subject.slice(0, 255) })],
  ['ends a key at NUL', (key) => canonicalJson({ ...key, subject: key.subject.split('\u0000')[0] })],
];

export const CREDENTIAL_STORE_FAULTS: readonly CredentialStoreFault[] = [
  fault('forgets what it was given', READ, () => storage({}, () => ({ set: async () => true }))),
  fault('keeps it for whoever opened it alone', READ, () => ({ open: () => storeOver(new Map()) })),
  fault('keeps ASCII only', READ, () =>
    storage({ copy: (value) => JSON.parse(canonicalJson(value).replaceAll(/[^ -~]/g, '?')) as JsonObject }),
  ),
  fault('keeps what was there first', READ, () =>
    storage({}, ({ set, get }) => ({
      set: async (key, value, options) => (await get(key)) !== undefined || set(key, value, options),
    })),
  ),
  ...joins.map(([name, join]) => fault(name, NOBODY_ELSE, () => storage({ name: join }))),
  fault('replaces whatever is there', EXPECTED, () => storage({ isExpected: () => true })),
  fault('takes null for whatever is there', EXPECTED, () =>
    storage({ isExpected: (revision, expected) => expected === null || SOUND.isExpected(revision, expected) }),
  ),
  fault('takes any revision where there is none', EXPECTED, () =>
    storage({ isExpected: (revision, expected) => revision === null || SOUND.isExpected(revision, expected) }),
  ),
  fault('says that it has replaced what it has not', EXPECTED, () =>
    storage({}, ({ set }) => ({ set: async (...args) => (await set(...args)) || true })),
  ),
  fault('makes revisions of values', REVISION, () => {
    const data: Data = new Map();
    return {
      open: () => {
        const store = storeOver(data);
        return {
          ...store,
          get: async (key) => {
            const stored = await store.get(key);
            return stored && { ...stored, revision: canonicalJson(stored.value) };
          },
        };
      },
    };
  }),
  fault('counts revisions from 1 after a deletion', REVISION, () =>
    storage({ revision: (data, name) => String(Number(data.get(name)?.revision ?? 0) + 1) }),
  ),
  fault('looks, and writes later', ONE_COUNTS, () => storage({ pause: async () => new Promise(setImmediate) })),
  fault('gives up when somebody else writes', WHOLE, () => {
    let writing = 0;
    return storage({}, ({ set }) => ({
      set: async (...args) => {
        if (args[2]?.expected === undefined && writing > 0) return false;
        writing += 1;
        await new Promise(setImmediate);
        return set(...args).finally(() => (writing -= 1));
      },
    }));
  }),
  fault('writes in two halves', WHOLE, () =>
    storage({}, ({ set, get }) => ({
      set: async (key, value, options) => {
        if (typeof value['text'] !== 'string') return set(key, value, options);
        await set(key, { ...value, text: '' }, options);
        await new Promise(setImmediate);
        const stored = await get(key);
        return stored === undefined ? false : set(key, { ...stored.value, text: value['text'] });
      },
    })),
  ),
  fault('deletes nothing', GONE, () => storage({}, () => ({ delete: async () => {} }))),
  fault('deletes all that is of the same subject', GONE, () =>
    storage({}, (store) => ({
      delete: async (key) => {
        for (const name of ['tokens', 'client']) await store.delete({ ...key, name });
      },
    })),
  ),
  fault('fails where there is nothing to delete', GONE, () =>
    storage({}, (store) => ({
      delete: async (key) => {
        if ((await store.get(key)) === undefined) throw new Error('There is none');
        await store.delete(key);
      },
    })),
  ),
  fault('keeps what it is given as it is', COPY, () => {
    const data: Data = new Map();
    return { open: () => ({ ...storeOver(data, { copy: (value) => value }) }) };
  }),
  fault('gives out what it keeps', COPY, () => {
    const data: Data = new Map();
    return { open: () => ({ ...storeOver(data), get: async (key) => data.get(canonicalJson(key)) }) };
  }),
  fault('bends what is not JSON', JSON_ONLY, () =>
    storage({
      copy: (value) =>
        JSON.parse(
          JSON.stringify(value, (_, member: unknown) => (typeof member === 'bigint' ? Number(member) : member)),
        ) as JsonObject,
    }),
  ),
  fault('deletes before it writes', JSON_ONLY, () =>
    storage({}, (store) => ({
      set: async (key, value, options) => {
        if (options === undefined) await store.delete(key);
        return store.set(key, value, options);
      },
    })),
  ),
];
