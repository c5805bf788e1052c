import { lstat, opendir } from 'node:fs/promises';
import { openChild, openDirectory, systemCode, type Directory } from './directory.ts';
import { entryName, LISTING } from './entry-name.ts';

const DEEPEST = 256;

/** Bytes on disk below a folder, while commands change it. Stops at the first sum above `enough`; what cannot be looked at counts as above. */
export async function measureFolder(path: string, enough: number): Promise<number> {
  const root = await openDirectory(path);
  try {
    return await measure(root, enough, 0, new Set());
  } finally {
    await root.close();
  }
}

async function measure(folder: Directory, enough: number, depth: number, seen: Set<bigint>): Promise<number> {
  if (depth > DEEPEST) return Number.POSITIVE_INFINITY;
  let bytes = 0;
  for await (const entry of await opendir(folder.path, LISTING)) {
    try {
      bytes += await measureEntry(folder, entryName(entry), enough - bytes, depth, seen);
    } catch (error) {
      // Deleted or replaced since it was listed.
      if (!['ENOENT', 'ENOTDIR', 'ELOOP'].includes(systemCode(error) ?? '')) return Number.POSITIVE_INFINITY;
    }
    if (bytes > enough) return bytes;
  }
  return bytes;
}

async function measureEntry(
  folder: Directory,
  name: Buffer,
  enough: number,
  depth: number,
  seen: Set<bigint>,
): Promise<number> {
  const stats = await lstat(folder.at(name), { bigint: true });
  // Another name of a file that was counted.
  if (stats.nlink > 1n && !stats.isDirectory()) {
    if (seen.has(stats.ino)) return 0;
    seen.add(stats.ino);
  }
  const own = Number(stats.blocks) * 512;
  if (!stats.isDirectory()) return own;
  const child = await openChild(folder, name);
  try {
    return own + (await measure(child, enough - own, depth + 1, seen));
  } finally {
    await child.close();
  }
}
