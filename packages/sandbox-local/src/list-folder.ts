import { opendir } from 'node:fs/promises';
import { PrusikError, type SandboxFiles } from '@prusik/core';
import type { Directory } from './directory.ts';

const LONGEST_LISTING = 100_000;

/** @throws {PrusikError} `SANDBOX_DIRECTORY_TOO_LARGE` */
export async function listFolder(
  folder: Pick<Directory, 'path'>,
  path: string,
  most: number = LONGEST_LISTING,
): Promise<NonNullable<Awaited<ReturnType<SandboxFiles['listDirectory']>>>> {
  const entries: { name: string; type: 'file' | 'directory' | 'symlink' | 'other' }[] = [];
  for await (const entry of await opendir(folder.path)) {
    if (entries.length === most)
      throw new PrusikError('SANDBOX_DIRECTORY_TOO_LARGE', `${JSON.stringify(path)} has more than ${most} entries`, {
        meta: { limit: most },
      });
    const type = entry.isFile()
      ? 'file'
      : entry.isDirectory()
        ? 'directory'
        : entry.isSymbolicLink()
          ? 'symlink'
          : 'other';
    entries.push({ name: entry.name, type });
  }
  return entries;
}
