import { randomUUID } from 'node:crypto';
import { chmod, constants, lstat, open, opendir, rename, rm, rmdir, unlink } from 'node:fs/promises';
import { systemCode } from './directory.ts';
import { entryName, LISTING } from './entry-name.ts';

/** Linux, all processors that Node runs on. Opens a folder without the right to read it. */
const O_PATH = 0o10_000_000;

/**
 * Removes a folder that hostile commands may have filled: folders without permissions, and chains so deep that no path reaches their
 * end. Each folder met is first moved up beside its parent, so that no path grows and no recursion is needed.
 *
 * `folder` must already be where nobody else reaches it, in a folder on its own file system that takes the moved ones.
 */
export async function removeTree(folder: string): Promise<void> {
  if (process.platform !== 'linux') return rm(folder, { recursive: true, force: true });
  const queue = [folder];
  for (let current = queue.pop(); current !== undefined; current = queue.pop()) {
    if (!(await makeAccessible(current))) continue;
    for await (const entry of await opendir(current, LISTING)) {
      const path = Buffer.concat([Buffer.from(`${current}/`), entryName(entry)]);
      if (!(await lstat(path)).isDirectory()) {
        await unlink(path);
        continue;
      }
      // Moving a folder rewrites its `..`, which takes the right to write it.
      await makeAccessible(path);
      const moved = `${folder}.${randomUUID()}`;
      await rename(path, moved);
      queue.push(moved);
    }
    await rmdir(current);
  }
}

/** Sets the permissions of a file or folder, never of what a link points to; `mode` 0 takes them away. False when there is none. */
export async function makeAccessible(path: string | Buffer, mode = 0o700): Promise<boolean> {
  if (process.platform !== 'linux') return true;
  let handle;
  try {
    handle = await open(path, O_PATH | constants.O_NOFOLLOW);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
  try {
    await chmod(`/proc/self/fd/${handle.fd}`, mode);
  } finally {
    await handle.close();
  }
  return true;
}
