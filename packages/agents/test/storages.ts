import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Store } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { sqliteStore } from '@prusik/store-sqlite';
import type { StoreStorage } from '@prusik/testing-contracts';

/** Both stores as places that one process after the other opens. */
export const STORAGES: Readonly<Record<'memory' | 'SQLite', () => StoreStorage>> = {
  memory() {
    let only: Store | undefined;
    return { open: ({ clock }) => (only ??= memoryStore({ clock })) };
  },
  SQLite() {
    const folder = mkdtempSync(join(tmpdir(), 'agents-'));
    return {
      open: ({ clock }) => sqliteStore({ path: join(folder, 'runs.db'), clock, synchronous: 'normal', pollMs: 5 }),
      remove: () => rmSync(folder, { recursive: true }),
    };
  },
};
