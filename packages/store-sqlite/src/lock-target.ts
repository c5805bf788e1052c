import { existsSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { PrusikError } from '@prusik/core';
import { isBusy } from './errors.ts';
import { fileAt } from './open-files.ts';

/**
 * Keeps other backups and restores away from the place where one will be, until the answer is called: two at once would take away each other's
 * blobs. The lock is SQLite's on a file of its own, which the kernel takes from a process that dies.
 *
 * @throws {PrusikError} `STORE_BUSY`, `STORE_UNAVAILABLE`
 */
export function lockTarget(to: string): () => void {
  if (!existsSync(dirname(to)))
    throw new PrusikError('STORE_UNAVAILABLE', `The directory does not exist: ${dirname(to)}`);
  const path = `${to}.partial-lock`;
  for (;;) {
    const before = fileAt(path);
    const db = new Database(path, { timeout: 0 });
    try {
      db.exec('begin exclusive');
    } catch (error) {
      db.close();
      if (!isBusy(error)) throw error;
      throw new PrusikError('STORE_BUSY', `Another backup or restore to ${to} is under way`, {
        cause: error,
        retryable: true,
      });
    }
    // Who had it before took the name away with it: the lock on a file without a name keeps nobody away.
    if (before !== undefined && fileAt(path) === before)
      return () => {
        // Only as long as it is locked is the name nobody else's; an open file cannot be removed on Windows.
        if (process.platform !== 'win32') rmSync(path, { force: true });
        db.close();
      };
    db.close();
  }
}
