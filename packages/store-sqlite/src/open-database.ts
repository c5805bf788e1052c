import { closeSync, existsSync, openSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { isPrusikError, PrusikError } from '@prusik/core';
import { isBusy, storeError } from './errors.ts';
import { readFileHeader } from './file-header.ts';
import { MIGRATIONS, SCHEMA_VERSION } from './migrations/index.ts';
import { checkRuntime } from './runtime.ts';

/** "PRSK": what makes a database file ours. */
const APPLICATION_ID = 0x5052534b;

/** Waiting for another process to finish creating or migrating the file; the only time that SQLite may wait on the event loop. */
const OPEN_TIMEOUT_MS = 5_000;

export interface OpenDatabaseOptions {
  readonly path: string;
  readonly synchronous: 'full' | 'normal';
}

/** Opens, creates or migrates the store's file, or refuses it without having changed it. */
export function openDatabase({ path, synchronous }: OpenDatabaseOptions): Database.Database {
  checkRuntime();
  const file = checkedPath(path);
  let db: Database.Database | undefined;
  try {
    prepareFile(file);
    db = new Database(file, { timeout: OPEN_TIMEOUT_MS });
    migrate(db, file);
    enterWal(db);
    // Writes of ours are a queue that waits by itself; SQLite's own wait sleeps on the event loop, and is unfair.
    db.pragma('busy_timeout = 0');
    db.pragma(`synchronous = ${synchronous}`);
    // Without it macOS keeps what was synced in the drive's cache.
    if (synchronous === 'full') db.pragma('fullfsync = on');
    db.pragma('trusted_schema = off');
    return db;
  } catch (error) {
    db?.close();
    throw openError(error, file);
  }
}

function checkedPath(path: unknown): string {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) throw new TypeError('path must name a file');
  // better-sqlite3 would trim the name, and SQLite would read these as other things than a file of that name.
  if (path !== path.trim() || path.startsWith(':') || path.startsWith('file:'))
    throw new TypeError(`path must name a file, not ${JSON.stringify(path)}; for a store in memory use memoryStore()`);
  return resolve(path);
}

/** Creates the file for its owner only, or makes sure that what is there is ours and not too new. */
function prepareFile(file: string): void {
  if (!existsSync(file)) {
    if (!existsSync(dirname(file)))
      throw new PrusikError('STORE_UNAVAILABLE', `The directory of the store does not exist: ${dirname(file)}`);
    try {
      closeSync(openSync(file, 'wx', 0o600));
    } catch (error) {
      // Another process was first: then its file is looked at like any other.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  if (!statSync(file).isFile()) throw new PrusikError('STORE_UNAVAILABLE', `The store is not a file: ${file}`);
  // A rollback journal says that whoever created the file died at it: its header means nothing until SQLite has undone that.
  if (existsSync(`${file}-journal`)) return;
  const header = readFileHeader(file);
  if (header.found === 'other') throw foreign(file);
  if (header.found === 'database') checkIdentity(file, header.applicationId, header.userVersion);
}

function checkIdentity(file: string, applicationId: number, version: number): void {
  if (applicationId !== APPLICATION_ID) throw foreign(file);
  if (version > SCHEMA_VERSION)
    throw new PrusikError(
      'STORE_TOO_NEW',
      `The store ${file} has schema version ${version}; this release knows up to ${SCHEMA_VERSION}. Use a newer release`,
      { meta: { version, known: SCHEMA_VERSION } },
    );
}

/**
 * Before the file is in WAL mode, so that identity and version are in its header from the first commit on. In one transaction, in
 * which the version is read again: several processes may open a new file at once.
 */
function migrate(db: Database.Database, file: string): void {
  // In one transaction too: identity, version and tables are three reads, and another process may create the file between them.
  const found = inReadTransaction(db, () => versionOf(db, file));
  if (found === SCHEMA_VERSION) return;
  db.exec('begin immediate');
  try {
    const version = versionOf(db, file);
    for (const migration of MIGRATIONS.slice(version)) db.exec(migration);
    db.pragma(`application_id = ${APPLICATION_ID}`);
    db.pragma(`user_version = ${SCHEMA_VERSION}`);
    db.exec('commit');
  } catch (error) {
    if (db.inTransaction) db.exec('rollback');
    throw error;
  }
}

function inReadTransaction<T>(db: Database.Database, read: () => T): T {
  db.exec('begin');
  try {
    return read();
  } finally {
    db.exec('rollback');
  }
}

function versionOf(db: Database.Database, file: string): number {
  const applicationId = Number(db.pragma('application_id', { simple: true }));
  const version = Number(db.pragma('user_version', { simple: true }));
  const isEmpty = db.prepare('select count(*) from sqlite_schema').pluck().get() === 0;
  if (isEmpty && applicationId === 0 && version === 0) return 0;
  checkIdentity(file, applicationId, version);
  return version;
}

/** Another process may hold the file for the same moment; SQLite does not wait for this one by itself. */
function enterWal(db: Database.Database): void {
  const deadline = performance.now() + OPEN_TIMEOUT_MS;
  for (;;) {
    try {
      db.pragma('journal_mode = wal');
      return;
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

function foreign(file: string): PrusikError {
  return new PrusikError('STORE_FOREIGN', `The file ${file} is not a store of Prusik; it was not changed`);
}

function openError(error: unknown, file: string): unknown {
  if (isPrusikError(error) || error instanceof TypeError) return error;
  const code = (error as { code?: unknown }).code;
  if (typeof code === 'string' && !code.startsWith('SQLITE_'))
    return new PrusikError('STORE_UNAVAILABLE', `The store ${file} cannot be opened: ${code}`, { cause: error });
  return storeError(error, file);
}
