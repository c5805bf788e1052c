import { accessSync, closeSync, constants, existsSync, openSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { isPrusikError, PrusikError } from '@prusik/core';
import { isBusy, storeError } from './errors.ts';
import { readFileHeader } from './file-header.ts';
import { checkIdentity, foreign, STORE_ID } from './identity.ts';
import { MIGRATIONS, SCHEMA_VERSION } from './migrations/index.ts';
import { fileAt, fileOf, isOpenHere, trackOpening } from './open-files.ts';
import { checkRuntime } from './runtime.ts';

/** Waiting for another process to finish creating or migrating the file; the only time that SQLite may wait on the event loop. */
const OPEN_TIMEOUT_MS = 5_000;

/** What a log is cut to when it begins anew: the 1,000 pages after which SQLite copies it into the file, and a quarter more for the commit that passes them. */
const LOG_BYTES = 1_250 * 4_120;

/** A file that is replaced while it is being opened is opened anew; one that is replaced for ever is not. */
const OPEN_ATTEMPTS = 3;

export interface OpenDatabaseOptions {
  readonly path: string;
  readonly synchronous: 'full' | 'normal';
  /** How long to wait for other processes, at most {@link OPEN_TIMEOUT_MS}. */
  readonly busyMs?: number;
  /** `existing`: what is not there as this release writes it is refused, and neither made nor migrated. */
  readonly mode?: 'create' | 'existing';
}

export interface OpenedDatabase {
  readonly db: Database.Database;
  /** The absolute path. */
  readonly file: string;
  /** Which file it was, as `fileAt` names it. */
  readonly opened: string;
  close(): void;
}

/** Opens, creates or migrates the store's file, or refuses it without having changed it. */
export function openDatabase(options: OpenDatabaseOptions): OpenedDatabase {
  const { path, busyMs = OPEN_TIMEOUT_MS, mode = 'create' } = options;
  checkRuntime();
  if (mode !== 'create' && mode !== 'existing') throw new TypeError(`mode is create or existing, not ${String(mode)}`);
  const file = checkedPath(path);
  const timeout = Math.min(busyMs, OPEN_TIMEOUT_MS);
  for (let attempt = 1; attempt <= OPEN_ATTEMPTS; attempt += 1) {
    const opened = openOnce(file, { ...options, mode }, timeout);
    if (opened !== undefined) return opened;
  }
  throw new PrusikError('STORE_BUSY', `The store ${file} is being replaced`, { retryable: true });
}

/** Nothing when another file was put in the place of this one meanwhile. */
function openOnce(
  file: string,
  { synchronous, mode }: Pick<OpenDatabaseOptions, 'synchronous' | 'mode'>,
  timeout: number,
): OpenedDatabase | undefined {
  let db: Database.Database | undefined;
  let forget: (() => void) | undefined;
  try {
    if (mode === 'existing' && !existsSync(file)) throw missing(file);
    const opened = prepareFile(file);
    const pin = pinFile(file, opened);
    if (pin === undefined) return undefined;
    forget = trackOpening(opened);
    let close: () => void;
    try {
      db = new Database(file, { timeout });
      close = closing(db, forget);
      // It is the file that SQLite has open, as long as it is pinned.
      if (fileAt(file) !== opened) return void close();
    } finally {
      pin.release();
    }
    const version = readVersion(db, file);
    // From its first read on SQLite holds the file against replacement. Before it another may have come, whose log it would take for its own:
    // so nothing is written until this is known.
    if (fileAt(file) !== opened) return void close();
    if (mode === 'existing') checkCurrent(file, version);
    else migrate(db, file, version);
    enterWal(db, timeout);
    // Writes of ours are a queue that waits by itself; SQLite's own wait sleeps on the event loop, and is unfair.
    db.pragma('busy_timeout = 0');
    db.pragma(`synchronous = ${synchronous}`);
    // Without it macOS keeps what was synced in the drive's cache.
    if (synchronous === 'full') db.pragma('fullfsync = on');
    db.pragma('trusted_schema = off');
    db.pragma(`journal_size_limit = ${LOG_BYTES}`);
    return { db, file, opened, close };
  } catch (error) {
    db?.close();
    forget?.();
    throw openError(error, file);
  }
}

/**
 * Keeps the file's number from being given to another until SQLite has the file open, so that equal numbers mean the same file: of two
 * replacements in a row the second file may get the number of the first. Nothing when it is another file already.
 */
function pinFile(file: string, expected: string): { release(): void } | undefined {
  // A connection of this process pins it, whose locks would be lost with our descriptor.
  if (isOpenHere(expected)) return { release() {} };
  const descriptor = openSync(file, 'r');
  const release = (): void => closeSync(descriptor);
  if (fileOf(descriptor) === expected) return { release };
  release();
  return undefined;
}

function closing(db: Database.Database, forget: () => void): () => void {
  return () => {
    db.close();
    forget();
  };
}

export function checkedPath(path: unknown): string {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) throw new TypeError('path must name a file');
  // better-sqlite3 would trim the name, and SQLite would read these as other things than a file of that name.
  if (path !== path.trim() || path.startsWith(':') || path.startsWith('file:'))
    throw new TypeError(`path must name a file, not ${JSON.stringify(path)}; for a store in memory use memoryStore()`);
  return resolve(path);
}

/** Creates the file for its owner only, or makes sure that what is there is ours and not too new. Tells which file it is. */
function prepareFile(file: string): string {
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
  // SQLite would open what it may only read, and fail at the first write; log and index need the folder.
  for (const needed of [file, dirname(file)]) accessSync(needed, constants.R_OK | constants.W_OK);
  const found = fileAt(file);
  if (found === undefined) throw new PrusikError('STORE_UNAVAILABLE', `The store is gone: ${file}`);
  // A rollback journal says that whoever created the file died at it: its header means nothing until SQLite has undone that.
  if (isOpenHere(found) || existsSync(`${file}-journal`)) return found;
  const header = readFileHeader(file);
  if (header.found === 'other') throw foreign(file, 'store');
  if (header.found === 'database') checkIdentity(file, header);
  return found;
}

/**
 * Before the file is in WAL mode, so that identity and version are in its header from the first commit on. In one transaction, in
 * which the version is read again: several processes may open a new file at once.
 */
export function migrate(db: Database.Database, file: string, found: number): void {
  if (found === SCHEMA_VERSION) return;
  db.exec('begin immediate');
  try {
    const version = versionOf(db, file);
    for (const migration of MIGRATIONS.slice(version)) db.exec(migration);
    db.pragma(`application_id = ${STORE_ID}`);
    db.pragma(`user_version = ${SCHEMA_VERSION}`);
    db.exec('commit');
  } catch (error) {
    if (db.inTransaction) db.exec('rollback');
    throw error;
  }
}

/** Who only looks at a store must not change under its workers what these have open. */
function checkCurrent(file: string, version: number): void {
  if (version === 0) throw missing(file);
  if (version === SCHEMA_VERSION) return;
  throw new PrusikError(
    'STORE_TOO_OLD',
    `The store ${file} has schema version ${version}, and this release works with ${SCHEMA_VERSION}; it is migrated when a worker of this release opens it`,
    { meta: { version, known: SCHEMA_VERSION } },
  );
}

function missing(file: string): PrusikError {
  return new PrusikError('STORE_MISSING', `There is no store at ${file}, and none was made`);
}

/** In one transaction: identity, version and tables are three reads, and another process may create the file between them. */
export function readVersion(db: Database.Database, file: string): number {
  db.exec('begin');
  try {
    return versionOf(db, file);
  } finally {
    // Some errors end the transaction by themselves.
    if (db.inTransaction) db.exec('rollback');
  }
}

function versionOf(db: Database.Database, file: string): number {
  const applicationId = Number(db.pragma('application_id', { simple: true }));
  const userVersion = Number(db.pragma('user_version', { simple: true }));
  const isEmpty = db.prepare('select count(*) from sqlite_schema').pluck().get() === 0;
  if (isEmpty && applicationId === 0 && userVersion === 0) return 0;
  checkIdentity(file, { applicationId, userVersion });
  return userVersion;
}

/** Another process may hold the file for the same moment; SQLite does not wait for this one by itself. */
function enterWal(db: Database.Database, timeout: number): void {
  const deadline = performance.now() + timeout;
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

/** What opening or copying a file failed with, as one of the store's codes. */
export function openError(error: unknown, file: string): unknown {
  if (isPrusikError(error) || error instanceof TypeError) return error;
  const code = (error as { code?: unknown }).code;
  if (typeof code === 'string' && !code.startsWith('SQLITE_'))
    return new PrusikError('STORE_UNAVAILABLE', `The store ${file} cannot be opened: ${code}`, { cause: error });
  return storeError(error, file);
}
