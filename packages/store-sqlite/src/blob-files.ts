import { randomUUID } from 'node:crypto';
import { existsSync, renameSync, statSync } from 'node:fs';
import { constants, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { isPrusikError, PrusikError, type BlobBytes } from '@prusik/core';
import { ownDirectory, syncDirectory } from './own-directory.ts';

/** Where the blobs of the store or backup in this file are. */
export const blobFolder = (file: string): string => `${file}-blobs`;

export function blobPath(folder: string, hash: string): { readonly directory: string; readonly file: string } {
  const digits = hash.slice('sha256:'.length);
  const directory = join(folder, digits.slice(0, 2));
  return { directory, file: join(directory, digits) };
}

const READ_BYTES = 262_144;
const FOLDERS = 256;
/** What the name of a file begins with that was taken away. */
const GONE = 'gone-';

export interface BlobFilesOptions {
  /** The folder that they are in; made with the first. */
  readonly folder: string;
  /** The store's clock. */
  readonly now: () => number;
}

/**
 * A file for each blob, `ab/ab12…` by its hash. It is written under another name in `tmp`, synced, and then renamed, so what has
 * its name is whole. What is taken away goes back to `tmp`, since a name is changed in microseconds, and a large file is not freed in them.
 */
export function blobFiles({ folder, now }: BlobFilesOptions): BlobBytes {
  const tmp = join(folder, 'tmp');
  const known = new Set<string>();

  async function prepare(...directories: readonly string[]): Promise<void> {
    for (const directory of directories) {
      if (known.has(directory)) continue;
      await ownDirectory(directory);
      known.add(directory);
    }
  }

  /** The disk's errors are the store's; those of a body are its own. */
  async function onDisk<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (isPrusikError(error)) throw error;
      const { code } = error as NodeJS.ErrnoException;
      // A folder that somebody removed is made anew with the next put.
      if (code === 'ENOENT') known.clear();
      throw new PrusikError('STORE_UNAVAILABLE', `The blobs in ${folder} cannot be used: ${code ?? String(error)}`, {
        cause: error,
        retryable: true,
      });
    }
  }

  async function write(file: FileHandle, body: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const piece of body) await onDisk(() => file.writeFile(piece));
    await onDisk(async () => {
      // What a sweep goes by is the store's clock, not the machine's.
      await file.utimes(now() / 1_000, now() / 1_000);
      await file.sync();
    });
  }

  return {
    async put(body, hash) {
      const draft = join(tmp, randomUUID());
      const file = await onDisk(async () => {
        await prepare(folder, tmp);
        return open(draft, 'wx', 0o600);
      });
      try {
        try {
          await write(file, body);
        } finally {
          await file.close();
        }
        const { directory, file: name } = blobPath(folder, hash());
        await onDisk(async () => {
          await prepare(directory);
          await rename(draft, name);
          await syncDirectory(directory);
        });
      } catch (error) {
        await rm(draft, { force: true }).catch(() => undefined);
        throw error;
      }
    },
    read: (hash) =>
      onDisk(async () => {
        try {
          // Not through a link, and not from a pipe, which would be waited for.
          const file = await open(
            blobPath(folder, hash).file,
            constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
          );
          return pieces(file, onDisk);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
          throw error;
        }
      }),
    has: (hash) => existsSync(blobPath(folder, hash).file),
    remove(hash, before) {
      const { file } = blobPath(folder, hash);
      try {
        if (statSync(file).mtimeMs <= before) renameSync(file, join(tmp, `${GONE}${randomUUID()}`));
      } catch {
        // It is gone, or cannot go: the next sweep sees to it. Nobody's row names it.
      }
    },
    list: (portion) =>
      onDisk(async () => {
        if (portion >= FOLDERS) return undefined;
        const prefix = portion.toString(16).padStart(2, '0');
        const names = await namesIn(join(folder, prefix));
        return names.filter((name) => /^[0-9a-f]{64}$/.test(name) && name.startsWith(prefix)).map((n) => `sha256:${n}`);
      }),
    tidy: (before) =>
      onDisk(async () => {
        for (const name of await namesIn(tmp)) {
          const path = join(tmp, name);
          if (name.startsWith(GONE) || (await isOlder(path, before))) await rm(path, { force: true });
        }
      }),
  };
}

async function isOlder(path: string, before: number): Promise<boolean> {
  try {
    return (await stat(path)).mtimeMs <= before;
  } catch {
    // Its put has just given it its name, or somebody else has removed it.
    return false;
  }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function* pieces(
  file: FileHandle,
  onDisk: <T>(work: () => Promise<T>) => Promise<T>,
): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      const piece = new Uint8Array(READ_BYTES);
      const { bytesRead } = await onDisk(() => file.read(piece, 0, READ_BYTES));
      if (bytesRead === 0) return;
      yield bytesRead === READ_BYTES ? piece : piece.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
