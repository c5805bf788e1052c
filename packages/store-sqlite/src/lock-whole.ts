import { rmSync } from 'node:fs';
import Database from 'better-sqlite3';
import { PrusikError } from '@prusik/core';
import { isBusy } from './errors.ts';
import { readFileHeader } from './file-header.ts';
import { checkIdentity, foreign } from './identity.ts';
import { fileAt, isOpenHere } from './open-files.ts';

export interface WholeLock {
  readonly generation: number;
  close(): void;
}

/**
 * Holds a store's file for this connection alone: the proof that no process has it open, and that none will until it is closed. Its log is
 * taken into it and removed, so that nothing of it is left beside the file that takes its place.
 */
export function lockWhole(file: string): WholeLock {
  if (isOpenHere(fileAt(file) ?? '')) throw inUse(file);
  const header = readFileHeader(file);
  if (header.found !== 'database') throw foreign(file, 'store');
  checkIdentity(file, header);
  const db = new Database(file, { fileMustExist: true, timeout: 0 });
  try {
    db.pragma('locking_mode = exclusive');
    // Whoever has the file open in WAL mode holds a lock that this needs.
    if (db.pragma('journal_mode = delete', { simple: true }) !== 'delete') throw inUse(file);
    db.exec('begin exclusive');
    const generation = generationOf(db);
    db.exec('rollback');
    // SQLite would remove its journal when it is closed, by name: then that may be the journal of another file.
    db.pragma('journal_mode = memory');
    // What a process that was killed has left means nothing any more.
    for (const suffix of ['-journal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
    return { generation, close: () => void db.close() };
  } catch (error) {
    db.close();
    throw isBusy(error) ? inUse(file, error) : error;
  }
}

function generationOf(db: Database.Database): number {
  // Files of the first schema have none.
  const has = db.prepare("select 1 from sqlite_schema where name = 'generation'").get() !== undefined;
  return has ? (db.prepare<[], number>('select number from generation').pluck().get() ?? 0) : 0;
}

function inUse(file: string, cause?: unknown): PrusikError {
  return new PrusikError('STORE_BUSY', `A process has the store ${file} open`, {
    retryable: true,
    ...(cause === undefined ? {} : { cause }),
  });
}
