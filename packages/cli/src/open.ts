import { sqliteStore } from '@prusik/store-sqlite';
import { createDecisions, createEngine } from '@prusik/durable';
import type { Opened } from './command.ts';

/**
 * Opens the database that is there, as one more process beside its workers. Nothing is created or migrated, and no run is driven: the engine has no
 * definitions, and no worker.
 */
export function openDatabase(path: string, warn: (line: string) => void): Opened & AsyncDisposable {
  const store = sqliteStore({ path, mode: 'existing' });
  const engine = createEngine({
    store,
    definitions: [],
    onWarning: ({ code, message }) => warn(`${message} (${code})`),
  });
  return {
    store,
    engine,
    decisions: createDecisions(engine),
    async [Symbol.asyncDispose]() {
      await engine[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}
