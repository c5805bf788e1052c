import { existsSync, statSync } from 'node:fs';
import { copyFile, rm } from 'node:fs/promises';
import Database from 'better-sqlite3';
import { PrusikError } from '@prusik/core';
import { FILE_TIME } from './appended.ts';
import { copyBlobs, draftFolder, installBlobs, type CopyBlobsOptions } from './blob-copies.ts';
import { blobFolder } from './blob-files.ts';
import { checkStore } from './check-store.ts';
import { readFileHeader } from './file-header.ts';
import { BACKUP_ID, checkIdentity, foreign, STORE_ID } from './identity.ts';
import { lockTarget } from './lock-target.ts';
import { lockWhole } from './lock-whole.ts';
import { checkedPath, migrate, openError, readVersion } from './open-database.ts';
import { fileAt } from './open-files.ts';
import { checkRuntime } from './runtime.ts';
import { discardLeftOver, discardPartial, exists, install, partialName } from './whole-files.ts';

/**
 * What is added to every epoch. The file that the backup was made of went on: its runs were claimed more often than the backup knows, and a
 * holder from there must be behind, also for those who were told its epoch outside of the store.
 */
const EPOCH_STEP = 1_000_000;

/** What {@link restoreBackup} takes. */
export interface RestoreOptions {
  /** A backup that `backupStore()` has made. It is not changed. */
  readonly from: string;
  /** Where the store will be. */
  readonly to: string;
  /** Replaces the store that is there, which no process may have open. @default false */
  readonly overwrite?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Makes a store of a backup, of the next generation: whoever held a run holds nothing any more, runs that were running are ready, runs that were
 * parked stay parked. The store that is there is left as it is until the new one is whole; processes that open either meet one of the two.
 *
 * A damaged store cannot be locked, so it is not replaced: move it away first, with its `-wal` and `-shm`.
 *
 * @throws {PrusikError} `STORE_MISSING` (the backup), `STORE_EXISTS`, `STORE_BUSY` (a process has the store open, or restores it), `STORE_FOREIGN`, `STORE_TOO_NEW`,
 *   `STORE_CORRUPT` (the backup, or the store that would be replaced), `STORE_UNAVAILABLE`
 */
export async function restoreBackup(options: RestoreOptions): Promise<{ readonly generation: number }> {
  const { overwrite = false, signal } = options;
  checkRuntime();
  const from = checkedPath(options.from);
  const to = checkedPath(options.to);
  signal?.throwIfAborted();
  const partial = partialName(to);
  let lock: ReturnType<typeof lockWhole> | undefined;
  let unlock: (() => void) | undefined;
  try {
    checkBackup(from);
    unlock = lockTarget(to);
    if (fileAt(to) !== undefined) {
      if (!overwrite) throw exists(to);
      if (!statSync(to).isFile()) throw new PrusikError('STORE_UNAVAILABLE', `The store is not a file: ${to}`);
      if (fileAt(to) === fileAt(from)) throw new TypeError(`A backup cannot be restored over itself: ${to}`);
    } else checkNoCompanions(to);
    await discardLeftOver(to);
    await requireSound(from, signal);
    if (overwrite && fileAt(to) !== undefined) lock = lockWhole(to);
    await copyFile(from, partial);
    const blobs = draftFolder(partial, to);
    await restoreBlobs(from, { to: blobs, signal });
    const generation = renew(partial, lock?.generation ?? 0);
    signal?.throwIfAborted();
    // Text in progress is of runs that nobody drives any more.
    if (lock !== undefined) for (const suffix of ['', '-wal', '-shm']) await rm(`${to}-live${suffix}`, { force: true });
    // An open file cannot be replaced on Windows.
    if (process.platform === 'win32') lock?.close();
    await installBlobs(blobs, blobFolder(to));
    await install(partial, to, { replace: lock !== undefined });
    return { generation };
  } catch (error) {
    await discardPartial(partial);
    signal?.throwIfAborted();
    throw openError(error, to);
  } finally {
    lock?.close();
    unlock?.();
  }
}

function checkBackup(from: string): void {
  if (fileAt(from) === undefined) throw new PrusikError('STORE_MISSING', `There is no backup at ${from}`);
  const header = readFileHeader(from);
  if (header.found !== 'database') throw foreign(from, 'backup');
  checkIdentity(from, header, BACKUP_ID);
}

/** SQLite would take the log of a file that is gone for one of the new file. */
function checkNoCompanions(to: string): void {
  for (const suffix of ['-wal', '-journal', '-shm']) if (existsSync(`${to}${suffix}`)) throw exists(`${to}${suffix}`);
}

async function requireSound(from: string, signal: AbortSignal | undefined): Promise<void> {
  for await (const { message } of checkStore({ path: from, ...(signal === undefined ? {} : { signal }) }))
    throw new PrusikError('STORE_CORRUPT', `The backup ${from} is damaged: ${message}`);
}

/** Undamaged bytes that are there already are the same, whoever put them; those that nobody names are swept. */
async function restoreBlobs(from: string, options: Pick<CopyBlobsOptions, 'to' | 'signal'>): Promise<void> {
  const db = new Database(from, { readonly: true });
  try {
    await copyBlobs({ ...options, db, from: blobFolder(from) });
  } finally {
    db.close();
  }
}

/** Makes a store of the copy, in one transaction, and tells its generation. */
function renew(partial: string, replaced: number): number {
  const db = new Database(partial, { fileMustExist: true });
  try {
    db.pragma('synchronous = full');
    db.pragma(`application_id = ${STORE_ID}`);
    migrate(db, partial, readVersion(db, partial));
    db.exec('begin immediate');
    db.prepare('update generation set number = max(number, ?) + 1').run(replaced);
    db.exec('delete from holders');
    db.prepare('update runs set epoch = epoch + ? where ended_at is null').run(EPOCH_STEP);
    // Whoever drove them did not die at it: they are not under suspicion.
    db.exec(
      `update runs set status = 'queued', ready_at = ${FILE_TIME}, lease_until = null, holder = null, worker = null
       where lease_until is not null`,
    );
    const generation = db.prepare<[], number>('select number from generation').pluck().get() ?? 0;
    db.exec('commit');
    // As every store is, so that whoever opens it holds it from the first read on.
    db.pragma('journal_mode = wal');
    return generation;
  } finally {
    db.close();
  }
}
