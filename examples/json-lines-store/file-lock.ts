import { DatabaseSync } from 'node:sqlite';
import { PrusikError } from '@prusik/core';

const SQLITE_BUSY = 5;

/**
 * Keeps every other process, and a second opening in this one, away until what it returns is called. Node.js has no file lock of its own;
 * SQLite's is the kernel's, which takes it from a process that dies. A file with a process id in it would have to be judged by whoever finds it.
 *
 * @throws {PrusikError} `STORE_BUSY` (retryable) when somebody has it, `STORE_UNAVAILABLE` when the file cannot be made.
 */
export function lockFile(path: string): () => void {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path);
    database.exec('begin exclusive');
  } catch (cause) {
    database?.close();
    if ((cause as { errcode?: number }).errcode === SQLITE_BUSY)
      throw new PrusikError('STORE_BUSY', `The store of ${path} is open in another process`, {
        cause,
        retryable: true,
      });
    throw new PrusikError('STORE_UNAVAILABLE', `The lock ${path} cannot be used`, { cause, retryable: true });
  }
  const held = database;
  return () => held.close();
}
