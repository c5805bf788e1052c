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
  // Only in WAL mode do those who have it open hold it all the time; until then somebody is making it.
  if (!header.isWal) throw inUse(file);
  const db = new Database(file, { fileMustExist: true, timeout: 0 });
  try {
    db.pragma('locking_mode = exclusive');
    // The first read takes the lock, or meets that of whoever has the file open.
    const generation = generationOf(db);
    db.pragma('wal_checkpoint(truncate)');
    for (const suffix of ['-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
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
