import { closeSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import Database from 'better-sqlite3';
import { isPrusikError, PrusikError } from '@prusik/core';
import { copyBlobs, draftFolder, installBlobs, pruneBlobs } from './blob-copies.ts';
import { blobFolder } from './blob-files.ts';
import { readFileHeader } from './file-header.ts';
import { BACKUP_ID, checkIdentity, foreign } from './identity.ts';
import { lockTarget } from './lock-target.ts';
import { checkedPath, openError } from './open-database.ts';
import { fileAt, isOpenHere } from './open-files.ts';
import { openToRead } from './open-to-read.ts';
import { checkRuntime } from './runtime.ts';
import { discardLeftOver, discardPartial, exists, install, partialName, removePartial } from './whole-files.ts';

/** About a millisecond of copying. */
const PAGES_A_PIECE = 250;
/** How often the copy so far is synced beside the event loop, which has to wait for the rest at the end. */
const PIECES_A_SYNC = 8;
/** So often a backup is begun anew because a blob was swept meanwhile. */
const ATTEMPTS = 3;

/** What {@link backupStore} takes. */
export interface BackupOptions {
  /** The file of a store. Processes may have it open and write to it, this one too. */
  readonly from: string;
  /** The backup, which appears under this name only once it is whole and on the disk. Its blobs are beside it, in a folder with `-blobs` added. */
  readonly to: string;
  /** Replaces an earlier backup of that name; never anything else. @default false */
  readonly overwrite?: boolean;
  /** Stops it. Nothing is left but copies of blobs, where there was a folder of them: the next backup uses them or takes them away. */
  readonly signal?: AbortSignal;
  /** Called after each piece of about a megabyte. What it throws stops the backup. */
  readonly onProgress?: (progress: BackupProgress) => void;
}

/** How far a backup is, in bytes. */
export interface BackupProgress {
  readonly bytes: number;
  readonly totalBytes: number;
}

/**
 * Copies a store with its blobs as it is at one instant, beside whoever is at work on it: nobody waits for it, and the event loop is free between the
 * pieces. The log grows meanwhile by what is written, since the instant has to stay readable.
 *
 * The copy is no store: {@link sqliteStore} refuses it, because its leases are those of another file. `restoreBackup()` makes one of it.
 *
 * @throws {PrusikError} `STORE_MISSING`, `STORE_EXISTS`, `STORE_BUSY` (another backup to this name is under way), `STORE_UNAVAILABLE` (also: no room for it), `STORE_FOREIGN`, `STORE_TOO_NEW`, `STORE_CORRUPT`
 */
export async function backupStore(options: BackupOptions): Promise<void> {
  const { overwrite = false, signal } = options;
  checkRuntime();
  const from = checkedPath(options.from);
  const to = checkedPath(options.to);
  signal?.throwIfAborted();
  const partial = partialName(to);
  let unlock: (() => void) | undefined;
  try {
    unlock = lockTarget(to);
    const replace = checkTarget(from, to, overwrite);
    await discardLeftOver(to);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await copyStore({ ...options, from, to }, partial, replace);
      } catch (error) {
        // The blobs stay for the next attempt, which may be too late otherwise as well.
        await removePartial(partial);
        if (attempt === ATTEMPTS || !wasSwept(error, from)) throw error;
      }
    }
  } catch (error) {
    await discardPartial(partial);
    signal?.throwIfAborted();
    throw openError(error, to);
  } finally {
    unlock?.();
  }
}

/** Whether it is a backup that will be replaced. */
function checkTarget(from: string, to: string, overwrite: boolean): boolean {
  const found = fileAt(to);
  if (found === undefined) return false;
  if (!overwrite) throw exists(to);
  if (found === fileAt(from) || isOpenHere(found))
    throw new TypeError(`A store cannot be overwritten by its backup: ${to}`);
  const header = readFileHeader(to);
  if (header.found !== 'database') throw foreign(to, 'backup');
  checkIdentity(to, header, BACKUP_ID);
  return true;
}

async function copyStore(options: BackupOptions, partial: string, replace: boolean): Promise<void> {
  const { from, to, signal } = options;
  const { db, close } = openToRead(from, { orBackup: false });
  try {
    // An open read keeps one instant; without it every write of another process would make SQLite begin anew.
    db.exec('begin');
    db.pragma('user_version');
    // First what a sweep could take away meanwhile. Bytes are named by what they are, so those of an earlier backup stay true.
    const blobs = draftFolder(partial, to);
    await copyBlobs({ db, from: blobFolder(from), to: blobs, signal });
    // For its owner only, as the store is; SQLite would go by the umask.
    closeSync(openSync(partial, 'wx', 0o600));
    await copyPages(db, partial, options);
    finish(partial, from);
    signal?.throwIfAborted();
    await installBlobs(blobs, blobFolder(to));
    await install(partial, to, { replace });
    // The backup is there; what stays beside it costs room and nothing else.
    await pruneBlobs(db, blobFolder(to)).catch(() => undefined);
  } finally {
    close();
  }
}

/** Bytes that were removed after the instant of the backup: then a later one is taken. */
function wasSwept(error: unknown, from: string): boolean {
  if (!isPrusikError(error, 'STORE_CORRUPT') || typeof error.meta['hash'] !== 'string') return false;
  const { db, close } = openToRead(from, { orBackup: false });
  try {
    return db.prepare('select 1 from blobs where hash = ?').get(error.meta['hash']) === undefined;
  } finally {
    close();
  }
}

async function copyPages(
  source: Database.Database,
  partial: string,
  { signal, onProgress }: Pick<BackupOptions, 'signal' | 'onProgress'>,
): Promise<void> {
  const pageSize = Number(source.pragma('page_size', { simple: true }));
  const syncing = createBackgroundSync(partial);
  let pieces = 0;
  try {
    await source.backup(partial, {
      progress({ totalPages, remainingPages }) {
        signal?.throwIfAborted();
        onProgress?.({ bytes: (totalPages - remainingPages) * pageSize, totalBytes: totalPages * pageSize });
        pieces += 1;
        if (pieces % PIECES_A_SYNC === 0) syncing.start();
        return PAGES_A_PIECE;
      },
    });
  } finally {
    await syncing.end();
  }
}

/** Syncs a file that another is writing, off the event loop, one sync at a time. */
function createBackgroundSync(path: string): { start(): void; end(): Promise<void> } {
  let syncing: Promise<void> | undefined;

  async function sync(): Promise<void> {
    const file = await open(path, 'r+');
    try {
      await file.datasync();
    } finally {
      await file.close();
    }
  }

  return {
    start() {
      // Whether it worked is asked of the last sync, which covers everything.
      syncing ??= sync()
        .catch(() => undefined)
        .finally(() => (syncing = undefined));
    },
    async end() {
      await syncing;
    },
  };
}

/** One file, without a log, that says what it is. */
function finish(partial: string, from: string): void {
  const db = new Database(partial, { fileMustExist: true });
  try {
    if (db.pragma('journal_mode = delete', { simple: true }) !== 'delete')
      throw new PrusikError('STORE_UNAVAILABLE', `The backup of ${from} could not be finished`, { retryable: true });
    db.pragma(`application_id = ${BACKUP_ID}`);
  } finally {
    db.close();
  }
}
