import assert from 'node:assert/strict';
import type { CredentialKey, CredentialStore, JsonObject } from '@prusik/core';

/** Where a credential store keeps things. */
export interface CredentialStorage {
  /** Another store over the same data: of this process, or as another process would open it. One that cannot be shared gives itself. */
  open(): CredentialStore;
}

/** What {@link credentialStoreContract} takes. */
export interface CredentialStoreContract {
  /** `test` from vitest or from `node:test`. */
  readonly test: (name: string, run: () => Promise<void>) => unknown;
  /** Makes an empty, isolated storage. Called once per test. */
  readonly create: () => CredentialStorage | Promise<CredentialStorage>;
}

interface Bed {
  readonly store: CredentialStore;
  /** Opened after it, over the same data. */
  readonly other: CredentialStore;
}

/** A test of the suite. */
export interface CredentialStoreTest {
  readonly title: string;
  readonly run: (bed: Bed) => Promise<void>;
}

const KEY: CredentialKey = {
  tenant: 'acme',
  subject: 'ann',
  audience: 'https://mcp.example.com',
  name: 'tokens',
};
const TOKENS: JsonObject = { access_token: 'ä-☃-𝄞', scopes: ['a', 'b'], nested: { expires: 12.5, none: null } };

const valueOf = async (store: CredentialStore, key: CredentialKey = KEY): Promise<JsonObject | undefined> =>
  (await store.get(key))?.value;

async function revisionOf(store: CredentialStore, key: CredentialKey = KEY): Promise<string> {
  const stored = await store.get(key);
  assert.ok(stored, 'There is no credential where one was kept');
  return stored.revision;
}

/** Keys that would be one if their parts were joined, cut, folded or taken for paths. */
const KEYS: readonly CredentialKey[] = [
  KEY,
  { ...KEY, tenant: 'other' },
  { ...KEY, subject: 'bob' },
  { ...KEY, subject: '' },
  { ...KEY, subject: 'Ann' },
  { ...KEY, audience: 'https://mcp.example.com:8443' },
  { ...KEY, name: 'client' },
  { ...KEY, tenant: 'acmean', subject: 'n' },
  { ...KEY, tenant: 'acme","subject":"ann' },
  { ...KEY, subject: '../acme' },
  { ...KEY, subject: '..' },
  { ...KEY, subject: '/' },
  { ...KEY, subject: 'a\u0000b' },
  { ...KEY, subject: 'a\u0000c' },
  { ...KEY, subject: '__proto__' },
  { ...KEY, subject: `${'x'.repeat(5_000)}1` },
  { ...KEY, subject: `${'x'.repeat(5_000)}2` },
];

/** All of them. */
export const CREDENTIAL_STORE_TESTS: readonly CredentialStoreTest[] = [
  {
    title: 'MCP-4: a credential that was kept is read as it was, by whoever opens the store',
    async run({ store, other }) {
      assert.equal(await store.get(KEY), undefined);
      assert.equal(await store.set(KEY, TOKENS), true);
      assert.deepEqual(await valueOf(store), TOKENS);
      assert.deepEqual(await valueOf(other), TOKENS);
      assert.equal(await other.set(KEY, { access_token: 'second' }), true);
      assert.deepEqual(await valueOf(store), { access_token: 'second' });
    },
  },
  {
    title: 'MCP-4: a credential is given to nobody else: all parts of its key count, whatever is in them',
    async run({ store }) {
      for (const [index, key] of KEYS.entries()) await store.set(key, { index });
      for (const [index, key] of KEYS.entries()) assert.deepEqual(await valueOf(store, key), { index }, `key ${index}`);
      assert.equal(await store.get({ ...KEY, subject: 'nobody' }), undefined);
    },
  },
  {
    title: 'MCP-4: a credential is replaced only if it is the one that was expected',
    async run({ store, other }) {
      assert.equal(await store.set(KEY, { n: 0 }, { expected: 'of nothing' }), false);
      assert.equal(await store.get(KEY), undefined);
      assert.equal(await store.set(KEY, { n: 1 }, { expected: null }), true);
      const first = await revisionOf(other);
      assert.equal(await other.set(KEY, { n: 2 }, { expected: null }), false);
      assert.equal(await other.set(KEY, { n: 2 }, { expected: first }), true);
      assert.equal(await store.set(KEY, { n: 3 }, { expected: first }), false);
      assert.deepEqual(await valueOf(store), { n: 2 });
    },
  },
  {
    title: 'MCP-4: a revision never comes again, not with the same value, and not after a deletion',
    async run({ store }) {
      const seen = new Set<string>();
      for (let times = 0; times < 3; times += 1) {
        await store.set(KEY, TOKENS);
        seen.add(await revisionOf(store));
        await store.set(KEY, TOKENS);
        seen.add(await revisionOf(store));
        await store.delete(KEY);
      }
      assert.equal(seen.size, 6);
      for (const revision of seen) assert.equal(await store.set(KEY, TOKENS, { expected: revision }), false);
    },
  },
  {
    title: 'MCP-4: of many that replace the same credential at once, one counts',
    async run({ store, other }) {
      await store.set(KEY, { n: -1 });
      for (let round = 0; round < 5; round += 1) {
        const expected = await revisionOf(store);
        const writes = Array.from({ length: 16 }, async (_, n) =>
          (n % 2 === 0 ? store : other).set(KEY, { round, n }, { expected }),
        );
        const won = (await Promise.all(writes)).flatMap((did, n) => (did ? [n] : []));
        assert.equal(won.length, 1, `${won.length} of 16 were told that they had written`);
        assert.deepEqual(await valueOf(other), { round, n: won[0] });
      }
    },
  },
  {
    title: 'MCP-4: whoever expects nothing writes, and of many at once each is read whole',
    async run({ store, other }) {
      const value = (n: number) => ({ n, text: String(n).repeat(10_000) });
      const writes = Array.from({ length: 12 }, async (_, n) => (n % 2 === 0 ? store : other).set(KEY, value(n)));
      const reads = Array.from({ length: 12 }, async (_, n) => valueOf(n % 2 === 0 ? other : store));
      assert.deepEqual(new Set(await Promise.all(writes)), new Set([true]));
      for (const read of [...(await Promise.all(reads)), await valueOf(store)])
        if (read !== undefined) assert.deepEqual(read, value(Number(read['n'])));
      assert.deepEqual(await valueOf(store), await valueOf(other));
    },
  },
  {
    title: 'MCP-4: a credential that was deleted is gone for everybody, and there is room for another',
    async run({ store, other }) {
      await assert.doesNotReject(async () => store.delete(KEY));
      await store.set(KEY, TOKENS);
      await store.set({ ...KEY, name: 'client' }, TOKENS);
      await other.delete(KEY);
      await assert.doesNotReject(async () => other.delete(KEY));
      assert.equal(await store.get(KEY), undefined);
      assert.deepEqual(await valueOf(store, { ...KEY, name: 'client' }), TOKENS);
      assert.equal(await store.set(KEY, { n: 2 }, { expected: null }), true);
      assert.deepEqual(await valueOf(other), { n: 2 });
    },
  },
  {
    title: 'MCP-4: what is kept is a copy, and so is what is read',
    async run({ store }) {
      const given = { tokens: ['a'] };
      await store.set(KEY, given);
      given.tokens.push('b');
      const read = (await valueOf(store)) as { readonly tokens: string[] } | undefined;
      try {
        read?.tokens.push('c');
      } catch {
        // One that is frozen is as good as a copy.
      }
      assert.deepEqual(await valueOf(store), { tokens: ['a'] });
    },
  },
  {
    title: 'I9: what is not JSON is refused, and what was there stays',
    async run({ store }) {
      await store.set(KEY, TOKENS);
      const cyclic: { self?: unknown } = {};
      cyclic.self = cyclic;
      for (const value of [{ at: new Date(0) }, { much: 10n }, { none: Number.NaN }, cyclic])
        await assert.rejects(async () => store.set(KEY, value as never), TypeError);
      assert.deepEqual(await valueOf(store), TOKENS);
    },
  },
];

/** What has to be true of a {@link CredentialStore}, wherever it keeps things. */
export function credentialStoreContract({ test, create }: CredentialStoreContract): void {
  for (const storeTest of CREDENTIAL_STORE_TESTS)
    test(storeTest.title, async () => runCredentialStoreTest(storeTest, await create()));
}

/** Runs one test on one storage. */
export async function runCredentialStoreTest({ run }: CredentialStoreTest, storage: CredentialStorage): Promise<void> {
  const store = storage.open();
  await run({ store, other: storage.open() });
}
