import type Database from 'better-sqlite3';
import { PrusikError } from '@prusik/core';
import { fileAt } from './open-files.ts';

/** How often, in milliseconds at most, a transaction asks the file itself whether it is still the one that was opened. */
const CONTENT_EVERY_MS = 250;

/**
 * Whether the file that this connection has open is still the store. One that was moved away, removed or restored goes on to take writes
 * that nobody will ever read; once that is seen, this store answers nothing any more.
 */
export interface Replacement {
  /** Throws `STORE_REPLACED` when another file, or none, is at the path. A few microseconds, so it is asked before each answer. */
  checkPath(): void;
  /** Inside a transaction: where the file is the same and a backup was restored into it by SQLite's own means, or a newer release has laid it out anew. */
  checkContent(): void;
  /** Says it without throwing, once: for those who wait for news. */
  isNews(): boolean;
}

export function watchReplacement(db: Database.Database, file: string, opened: string): Replacement {
  const content = db
    .prepare<[], string>(
      `select (select application_id from pragma_application_id) || ':' || (select number from generation)`,
    )
    .pluck();
  const generation = content.get();
  let replaced = false;
  let told = false;
  let lookedAt = performance.now();

  function fail(): never {
    replaced = true;
    throw new PrusikError(
      'STORE_REPLACED',
      `The store ${file} was moved, removed, restored or migrated by a newer release while it was open; nothing is read or written through it any more`,
    );
  }

  function checkPath(): void {
    if (replaced || found() !== opened) fail();
  }

  function found(): string | undefined {
    try {
      return fileAt(file);
    } catch (cause) {
      throw new PrusikError('STORE_UNAVAILABLE', `It cannot be seen whether ${file} is still there`, {
        cause,
        retryable: true,
      });
    }
  }

  return {
    checkPath,
    checkContent() {
      if (replaced) fail();
      const now = performance.now();
      if (now - lookedAt < CONTENT_EVERY_MS) return;
      lookedAt = now;
      if (content.get() !== generation) fail();
    },
    isNews() {
      if (told) return false;
      try {
        checkPath();
        return false;
      } catch {
        told = replaced;
        return replaced;
      }
    },
  };
}
