import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Store } from '@prusik/core';
import { sqliteStore } from '@prusik/store-sqlite';
import { onTestFinished } from 'vitest';

/** A path for a store of the test's own. */
export function sqliteFile(): string {
  const directory = mkdtempSync(join(tmpdir(), 'prusik-sessions-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, 'store.db');
}

/** The file as one process has it open. */
export function openFile(path: string): Store {
  const store = sqliteStore({ path, synchronous: 'normal', pollMs: 10 });
  onTestFinished(() => store[Symbol.asyncDispose]());
  return store;
}

/** How many rows each table has; who has the file open is not counted. */
export function rowsOf(path: string): Record<string, number> {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const names = db.prepare("select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'").all();
    const tables = names.map(({ name }) => String(name)).filter((name) => name !== 'holders');
    return Object.fromEntries(
      tables.map((table) => [table, Number(db.prepare(`select count(*) as n from ${table}`).get()?.['n'])]),
    );
  } finally {
    db.close();
  }
}
