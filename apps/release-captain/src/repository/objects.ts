import { lstat, readdir, readFile, realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { PrusikError } from '@prusik/core';
import { absent } from './refs-snapshot.ts';

const ALTERNATES_DEPTH = 5;
const ALTERNATES_BYTES = 64 * 1024;

/**
 * Whether a file below `objects/` is copied: packs with their index, and loose objects. Left out are caches, which git
 * can do without and which could say what the objects do not (commit graphs, bitmaps, indexes over several packs), half
 * written files, and `info/alternates`, whose objects are copied themselves.
 */
export function isObjectFile(path: string): boolean {
  return /^(?:pack\/pack-[0-9a-f]{40,64}\.(?:pack|idx)|[0-9a-f]{2}\/[0-9a-f]{38,62})$/.test(path);
}

/** The same for folders and files, for a copier that asks about both. */
export function isObjectPath(path: string): boolean {
  return isObjectFile(path) || /^(?:pack|[0-9a-f]{2})$/.test(path);
}

/** Where a repository's objects are. */
export interface ObjectSources {
  /** Its own folder, then those it borrows from (`git clone --shared`), resolved. */
  readonly folders: readonly string[];
  /** Some objects may be elsewhere: it was cloned with a filter. */
  readonly partial: boolean;
}

/** @throws {PrusikError} `UNSUPPORTED_REPOSITORY` for a missing alternate, or one behind too many others. */
export async function objectSources(commonDir: string): Promise<ObjectSources> {
  const folders: string[] = [];
  await collect(join(commonDir, 'objects'), 0, folders);
  const packs = await Promise.all(folders.map((folder) => readdir(join(folder, 'pack')).catch(absent<string[]>([]))));
  return { folders, partial: packs.flat().some((name) => name.endsWith('.promisor')) };
}

async function collect(path: string, depth: number, folders: string[]): Promise<void> {
  const folder = await realpath(path).catch((cause: unknown) => {
    throw new PrusikError('UNSUPPORTED_REPOSITORY', `The repository borrows objects from ${path}, which is not there`, {
      cause,
    });
  });
  if (folders.includes(folder)) return;
  if (depth > ALTERNATES_DEPTH) {
    throw new PrusikError(
      'UNSUPPORTED_REPOSITORY',
      `The repository borrows objects over more than ${ALTERNATES_DEPTH} others`,
    );
  }
  folders.push(folder);
  for (const line of await alternatesOf(folder)) await collect(resolve(folder, line), depth + 1, folders);
}

async function alternatesOf(folder: string): Promise<readonly string[]> {
  const path = join(folder, 'info', 'alternates');
  const entry = await lstat(path).catch(absent(undefined));
  if (entry === undefined) return [];
  if (!entry.isFile() || entry.size > ALTERNATES_BYTES) {
    throw new PrusikError('UNSUPPORTED_REPOSITORY', `${path} is not a list of folders`);
  }
  return (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}
