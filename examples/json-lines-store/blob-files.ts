import { randomUUID } from 'node:crypto';
import { existsSync, statSync, unlinkSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PrusikError, type BlobBytes } from '@prusik/core';
import { syncDirectory } from './log-file.ts';

const READ_BYTES = 262_144;
const DRAFT = 'draft-';

/** A file for each blob, named by its hash once it is whole and synced. Ages go by the store's clock, `now`. */
export function blobFiles(folder: string, now: () => number): BlobBytes {
  let isPrepared = false;
  const fileOf = (hash: string): string => join(folder, hash.slice('sha256:'.length));

  /** Synced by whoever comes first, also where another has made it: its name may not be on the disk yet. */
  async function prepare(): Promise<void> {
    if (isPrepared) return;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    syncDirectory(dirname(folder));
    isPrepared = true;
  }

  async function write(file: FileHandle, body: AsyncIterable<Uint8Array>): Promise<void> {
    // What the body throws is the caller's, so only the disk's part of it is the store's.
    for await (const piece of body) await onDisk(() => file.writeFile(piece));
    await onDisk(async () => {
      await file.utimes(now() / 1_000, now() / 1_000);
      await file.sync();
    });
  }

  async function names(): Promise<readonly string[]> {
    return existsSync(folder) ? readdir(folder) : [];
  }

  return {
    async put(body, hash) {
      const draft = join(folder, `${DRAFT}${randomUUID()}`);
      const file = await onDisk(async () => {
        await prepare();
        return open(draft, 'wx', 0o600);
      });
      try {
        try {
          await write(file, body);
        } finally {
          await file.close();
        }
        await onDisk(async () => {
          await rename(draft, fileOf(hash()));
          syncDirectory(folder);
        });
      } catch (error) {
        await rm(draft, { force: true }).catch(() => undefined);
        throw error;
      }
    },
    read: (hash) => onDisk(async () => (existsSync(fileOf(hash)) ? pieces(await open(fileOf(hash), 'r')) : undefined)),
    has: (hash) => existsSync(fileOf(hash)),
    remove(hash, before) {
      try {
        if (statSync(fileOf(hash)).mtimeMs <= before) unlinkSync(fileOf(hash));
      } catch {
        // It is gone, or cannot go: the next sweep sees to it. Nobody's row names it.
      }
    },
    list: (portion) =>
      onDisk(async () =>
        portion === 0
          ? (await names()).filter((name) => /^[0-9a-f]{64}$/.test(name)).map((name) => `sha256:${name}`)
          : undefined,
      ),
    tidy: (before) =>
      onDisk(async () => {
        for (const name of (await names()).filter((one) => one.startsWith(DRAFT))) {
          const file = join(folder, name);
          // A put that has just given it its name leaves none to look at.
          const found = await stat(file).catch(() => undefined);
          if (found !== undefined && found.mtimeMs <= before) await rm(file, { force: true });
        }
      }),
  };
}

async function* pieces(file: FileHandle): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      const piece = new Uint8Array(READ_BYTES);
      const { bytesRead } = await onDisk(() => file.read(piece, 0, READ_BYTES));
      if (bytesRead === 0) return;
      yield piece.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new PrusikError('STORE_UNAVAILABLE', `The blobs cannot be used: ${code}`, { cause, retryable: true });
  }
}
