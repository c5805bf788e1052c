import { existsSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { PrusikError } from '@prusik/core';
import { isBusy } from './errors.ts';

/** So often the name of the lock was taken away by whoever had it, between the opening and the lock. */
const ATTEMPTS = 20;
/** What SQLite says when the file is no longer under its name, or its journal is not, which has the same name for the next file. */
const HAS_NO_NAME = new Set(['SQLITE_READONLY_DBMOVED', 'SQLITE_IOERR_FSTAT', 'SQLITE_IOERR_DELETE_NOENT']);

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
  for (let attempt = 1; ; attempt += 1) {
    const db = new Database(path, { timeout: 0 });
    try {
      db.pragma('synchronous = off');
      if (db.pragma('user_version', { simple: true }) === 0) db.pragma('user_version = 1');
      db.exec('begin exclusive');
      // A lock on a file without a name keeps nobody away, and the number of that file may be another's by now. Before it writes to a file that is
      // not empty, SQLite compares the one that it has open with the one of that name. This is never committed.
      db.pragma('user_version = 2');
      return () => {
        // Only as long as it is locked is the name nobody else's; an open file cannot be removed on Windows.
        if (process.platform !== 'win32') rmSync(path, { force: true });
        db.close();
      };
    } catch (error) {
      db.close();
      const isNameless = HAS_NO_NAME.has((error as { code?: string }).code ?? '');
      if (isNameless && attempt < ATTEMPTS) continue;
      if (!isNameless && !isBusy(error)) throw error;
      throw new PrusikError('STORE_BUSY', `Another backup or restore to ${to} is under way`, {
        cause: error,
        retryable: true,
      });
    }
  }
}
