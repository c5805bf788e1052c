import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock, Store } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { sqliteStore } from '@prusik/store-sqlite';

/** A store of a test's own, and how to be rid of it. */
export interface TestStore extends AsyncDisposable {
  readonly store: Store;
  /** The folder of its files. */
  readonly folder: string;
}

export interface TestStoreOptions {
  readonly clock?: Pick<Clock, 'now'>;
  readonly maxBlobBytes?: number;
}

/** Both stores: what they do is the same. */
export const STORES: Readonly<Record<string, (options?: TestStoreOptions) => TestStore>> = {
  'store-memory': (options = {}) => {
    const store = memoryStore(options);
    return { store, folder: '', [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
  },
  'store-sqlite': (options = {}) => {
    const folder = mkdtempSync(join(tmpdir(), 'prusik-durable-'));
    const store = sqliteStore({ path: join(folder, 'store.db'), synchronous: 'normal', ...options });
    return {
      store,
      folder,
      async [Symbol.asyncDispose]() {
        await store[Symbol.asyncDispose]();
        rmSync(folder, { recursive: true });
      },
    };
  },
};
