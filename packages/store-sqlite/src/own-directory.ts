import { chmod, lstat, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PrusikError } from '@prusik/core';

/** Makes a directory for its owner only, durably, or makes sure that what is there is ours: a link may lead anywhere. */
export async function ownDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    await checkOwn(path);
  }
  // Also of one that was there: whoever made it may not have come to that.
  await syncDirectory(dirname(path));
}

async function checkOwn(path: string): Promise<void> {
  const found = await lstat(path);
  if (!found.isDirectory())
    throw new PrusikError('STORE_FOREIGN', `${path} is where the store keeps blobs, and is no directory of its own`);
  const me = process.geteuid?.();
  if (me !== undefined && me !== 0 && found.uid !== me)
    throw new PrusikError('STORE_FOREIGN', `The directory ${path} belongs to another user; it was not changed`);
  if (process.platform !== 'win32' && (found.mode & 0o077) !== 0) await chmod(path, 0o700);
}

/** A name is as durable as the directory that holds it. Windows opens none, and needs none. */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
