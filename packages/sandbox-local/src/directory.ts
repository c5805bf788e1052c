import { closeSync, constants, openSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { PrusikError } from '@prusik/core';

/**
 * A folder held open, so that its entries are reached through it and not through its path, which an attacker may
 * swap meanwhile. Node has no openat; `/proc/self/fd/N/name` is the same thing on Linux.
 */
export interface Directory {
  /** A path of the entry `name`, which is one path component, for any function of `node:fs` that does not follow its last link. */
  at(name: string): string;
  at(name: EntryName): string | Buffer;
  /** The folder's own path, for listing. */
  readonly path: string;
  readonly fd: number | undefined;
  close(): Promise<void>;
}

/** Bytes where the name comes from a listing: on Linux it need not be text in any encoding. */
export type EntryName = string | Buffer;

/** Opens a folder by a trusted path. */
export async function openDirectory(path: string): Promise<Directory> {
  return process.platform === 'linux' ? openAnchored(path) : byPath(path);
}

/** Opens the folder `name` in `parent`. Rejects with ENOENT, or ENOTDIR for anything but a real folder. */
export async function openChild(parent: Directory, name: EntryName): Promise<Directory> {
  if (parent.fd !== undefined) return openAnchored(parent.at(name));
  // Without the walk this can be raced. Sandboxes of these platforms report that nothing is held.
  const stats = await lstat(parent.at(name));
  if (!stats.isDirectory())
    throw Object.assign(new Error(`ENOTDIR: ${name.toString()} is not a folder`), { code: 'ENOTDIR' });
  return byPath(parent.at(name));
}

/**
 * Opened synchronously: it is one call into the kernel, answered from its cache in a few microseconds, and a trip through the thread pool for each
 * component made reading a small file nine times as slow. O_DIRECTORY never waits, not for a FIFO either.
 */
function openAnchored(path: string | Buffer): Directory {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  const own = `/proc/self/fd/${fd}`;
  let open = true;
  return {
    at: entriesOf(own),
    path: own,
    fd,
    async close() {
      // Once: the number may be another file's by now.
      if (open) closeSync(fd);
      open = false;
    },
  };
}

function byPath(path: string | Buffer): Directory {
  const own = path.toString();
  return { at: entriesOf(own), path: own, fd: undefined, close: () => Promise.resolve() };
}

function entriesOf(folder: string): Directory['at'] {
  function at(name: string): string;
  function at(name: EntryName): string | Buffer;
  function at(name: EntryName): string | Buffer {
    return typeof name === 'string' ? `${folder}/${name}` : Buffer.concat([Buffer.from(`${folder}/`), name]);
  }
  return at;
}

/** The `code` of an error of the operating system. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

export function refusePath(path: string, reason: string): PrusikError {
  return new PrusikError('SANDBOX_PATH_REFUSED', `${JSON.stringify(path.slice(0, 200))} ${reason}`);
}
