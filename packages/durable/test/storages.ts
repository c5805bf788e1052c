import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock, Store } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { sqliteStore } from '@prusik/store-sqlite';
import type { StoreStorage } from '@prusik/testing-contracts';

/** Both stores as places that one process after the other opens, or two at once. */
export const STORAGES: Readonly<Record<string, () => StoreStorage>> = {
  memory() {
    let only: Store | undefined;
    return { open: ({ clock }) => (only ??= memoryStore({ clock })) };
  },
  SQLite() {
    const folder = mkdtempSync(join(tmpdir(), 'engine-'));
    return {
      open: ({ clock }) => sqliteStore({ path: join(folder, 'runs.db'), clock, synchronous: 'normal', pollMs: 5 }),
      remove: () => rmSync(folder, { recursive: true }),
    };
  },
};

/** A storage and the handles on it, as two processes would have them; one and the same where there is but one process. */
export async function withStores(
  create: () => StoreStorage,
  clock: Clock,
  use: (first: Store, second: Store) => Promise<void>,
): Promise<void> {
  const storage = create();
  const first = await storage.open({ clock });
  const second = await storage.open({ clock });
  try {
    await use(first, second);
  } finally {
    await first[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
    await storage.remove?.();
  }
}
