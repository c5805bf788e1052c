import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { constants, copyFile, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import { PrusikError } from '@prusik/core';
import { blobFolder, blobPath } from './blob-files.ts';
import { ownDirectory, syncDirectory } from './own-directory.ts';
import { syncFile } from './whole-files.ts';

const NAMES_A_PAGE = 100;

export interface CopyBlobsOptions {
  /** Its rows say which. */
  readonly db: Database.Database;
  readonly from: string;
  readonly to: string;
  readonly signal?: AbortSignal | undefined;
}

/** Where blobs are copied to: the folder that is there, or one of the attempt's own. What failed is then nobody else's to lose. */
export function draftFolder(partial: string, to: string): string {
  return blobFolder(existsSync(blobFolder(to)) ? to : partial);
}

/** Gives what was copied its names for good, before the file that goes with it. Somebody may have made a store there meanwhile: its blobs stay beside them. */
export async function installBlobs(draft: string, to: string): Promise<void> {
  if (draft === to) return;
  for (const name of await namesIn(draft)) {
    await ownDirectory(to);
    await ownDirectory(join(to, name));
    for (const digits of await namesIn(join(draft, name)))
      await rename(join(draft, name, digits), join(to, name, digits));
    await syncDirectory(join(to, name));
  }
  await rm(draft, { recursive: true, force: true });
}

/**
 * Copies the bytes of every blob, durably, unless they are there already, undamaged. Copies, not links: a backup that shares its bytes with the store
 * is damaged with it.
 *
 * @throws {PrusikError} `STORE_CORRUPT` when bytes are missing.
 */
export async function copyBlobs({ db, from, to, signal }: CopyBlobsOptions): Promise<void> {
  // Files of the first schema have none.
  if (db.prepare("select 1 from sqlite_schema where name = 'blobs'").get() === undefined) return;
  const page = db.prepare<[string, number], { readonly hash: string; readonly size: number }>(
    'select hash, max(size) as size from blobs where hash > ? group by hash order by hash limit ?',
  );
  let after = '';
  for (;;) {
    const blobs = page.all(after, NAMES_A_PAGE);
    const last = blobs.at(-1);
    if (last === undefined) return;
    if (after === '') await ownDirectory(to);
    after = last.hash;
    for (const { hash, size } of blobs) {
      signal?.throwIfAborted();
      await copyBlob(blobPath(from, hash).file, blobPath(to, hash), size, hash);
    }
  }
}

async function copyBlob(
  source: string,
  { directory, file }: ReturnType<typeof blobPath>,
  size: number,
  hash: string,
): Promise<void> {
  const found = await statOf(source);
  if (found?.size !== size)
    throw new PrusikError('STORE_CORRUPT', `The bytes of blob ${hash} are missing`, { meta: { hash } });
  if ((await statOf(file))?.size === size && (await hashOf(file)) === hash) return;
  await ownDirectory(directory);
  const partial = join(directory, `partial-${randomUUID()}`);
  try {
    await copyFile(source, partial, constants.COPYFILE_FICLONE);
    // A sweep goes by when they were put.
    await utimes(partial, found.atime, found.mtime);
    await syncFile(partial);
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  await syncDirectory(directory);
}

/** Takes away what no row of this backup names, of an earlier one of the same name. */
export async function pruneBlobs(db: Database.Database, folder: string): Promise<void> {
  const has = db.prepare<[string], number>('select 1 from blobs where hash = ? limit 1').pluck();
  for (const name of await namesIn(folder))
    for (const digits of await namesIn(join(folder, name)))
      if (has.get(`sha256:${digits}`) === undefined) await rm(join(folder, name, digits), { force: true });
}

async function hashOf(path: string): Promise<string> {
  const digest = createHash('sha256');
  for await (const piece of createReadStream(path)) digest.update(piece as Uint8Array);
  return `sha256:${digest.digest('hex')}`;
}

async function statOf(path: string): Promise<Awaited<ReturnType<typeof stat>> | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function namesIn(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
