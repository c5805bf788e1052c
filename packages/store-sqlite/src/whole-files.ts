import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PrusikError } from '@prusik/core';
import { blobFolder } from './blob-files.ts';
import { syncDirectory } from './own-directory.ts';

/** File systems without hard links say one of these. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** What {@link partialName} adds, and what SQLite and blobs add to that. */
const LEFT_OVER = /^\.partial-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(-journal|-wal|-shm|-blobs)?$/;

/** A name beside `path` for what is not whole yet. A process that dies leaves the file there, and it may be removed. */
export function partialName(path: string): string {
  return `${path}.partial-${randomUUID()}`;
}

export async function removePartial(partial: string): Promise<void> {
  for (const suffix of ['', '-journal', '-wal', '-shm']) await rm(`${partial}${suffix}`, { force: true });
}

/** Takes away what did not become whole, with its blobs. It never fails: whoever calls it has another error to tell. */
export async function discardPartial(partial: string): Promise<void> {
  await removePartial(partial).catch(() => undefined);
  await rm(blobFolder(partial), { recursive: true, force: true }).catch(() => undefined);
}

/** The same of those who died at it, for whoever has the lock of that name. What cannot be taken away stays: it costs room and nothing else. */
export async function discardLeftOver(to: string): Promise<void> {
  const folder = dirname(to);
  for (const name of await readdir(folder).catch(() => []))
    if (name.startsWith(basename(to)) && LEFT_OVER.test(name.slice(basename(to).length)))
      await rm(join(folder, name), { recursive: true, force: true }).catch(() => undefined);
}

/** Puts a finished file under its name, at once and for good: its bytes are on the disk before, and the name is after. */
export async function install(partial: string, to: string, { replace }: { readonly replace: boolean }): Promise<void> {
  // SQLite has synced it, but on macOS only as far as the cache of the drive.
  await syncFile(partial);
  if (replace) await rename(partial, to);
  else await linkNew(partial, to);
  await syncDirectory(dirname(to));
}

/** A rename would replace what has come under that name meanwhile; a link is refused then. */
async function linkNew(partial: string, to: string): Promise<void> {
  try {
    await link(partial, to);
    await rm(partial);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'EEXIST' || (NO_LINKS.has(code) && existsSync(to))) throw exists(to);
    if (!NO_LINKS.has(code)) throw error;
    await rename(partial, to);
  }
}

export function exists(path: string): PrusikError {
  return new PrusikError('STORE_EXISTS', `There is a file already: ${path}. Name another; overwrite replaces it`);
}

export async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
