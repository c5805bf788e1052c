import type { Dirent } from 'node:fs';
import {
  chmod,
  constants,
  copyFile,
  lchown,
  mkdir,
  open,
  opendir,
  readlink,
  symlink,
  type FileHandle,
} from 'node:fs/promises';
import { PrusikError, type WorkspaceLimits } from '@prusik/core';
import { openChild, openDirectory, systemCode, type Directory } from './directory.ts';
import { entryName, LISTING } from './entry-name.ts';
import type { Identity } from './identity.ts';
import { syncPath } from './sync-path.ts';

const DEEPEST = 256;
const ATTEMPTS = 5;
const FILES_AT_ONCE = 32;
const SEPARATOR = Buffer.from('/');

export interface CopyFolderOptions {
  readonly source: string;
  readonly limits: WorkspaceLimits;
  readonly owner: Identity | undefined;
  readonly include: (path: string) => boolean;
  readonly signal?: AbortSignal;
}

interface Copy extends CopyFolderOptions {
  bytes: number;
  files: number;
}

/**
 * Copies a folder into a new one for each attempt of `makeTarget`. Somebody may be writing the source: when a file vanishes between
 * the listing and its opening (git repacks), the copy starts again, because what replaced the file may lie in a folder already passed.
 */
export async function copyFolder(options: CopyFolderOptions, makeTarget: () => Promise<string>): Promise<void> {
  let vanished: unknown;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const source = await openSource(options.source);
    const target = Buffer.from(await makeTarget());
    try {
      await copyEntries(source, target, '', 0, { ...options, bytes: 0, files: 0 });
      return;
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
      vanished = error;
    } finally {
      await source.close();
    }
  }
  throw new PrusikError(
    'WORKSPACE_SOURCE_UNSTABLE',
    `Files of ${options.source} kept vanishing in ${ATTEMPTS} attempts to copy it`,
    {
      cause: vanished,
      retryable: true,
    },
  );
}

async function openSource(path: string): Promise<Directory> {
  try {
    return await openDirectory(path);
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR', 'ELOOP'].includes(systemCode(error) ?? '')) throw error;
    throw new PrusikError('WORKSPACE_SOURCE_NOT_FOUND', `There is no folder ${path}; a link is not followed`, {
      cause: error,
    });
  }
}

async function copyEntries(source: Directory, target: Buffer, path: string, depth: number, copy: Copy): Promise<void> {
  if (depth > DEEPEST) throw tooLarge(`is deeper than ${DEEPEST} folders`, copy);
  const under: Promise<void>[] = [];
  try {
    for (const entry of await sortedEntries(source, copy)) {
      copy.signal?.throwIfAborted();
      const name = entryName(entry);
      const entryPath = path === '' ? name.toString() : `${path}/${name.toString()}`;
      if (!copy.include(entryPath)) continue;
      copy.files += 1;
      if (copy.files > copy.limits.files) throw tooLarge(`has more than ${copy.limits.files} entries`, copy);
      const to = Buffer.concat([target, SEPARATOR, name]);
      // Files that stand side by side wait for the disk together. A folder begins when all before it are there: the order matters.
      if (entry.isDirectory() || under.length >= FILES_AT_ONCE) await allOf(under.splice(0));
      const work = copyEntry(source, entry, { name, to, path: entryPath, depth }, copy);
      if (entry.isDirectory()) await work;
      else under.push(work);
    }
    await allOf(under);
  } finally {
    await Promise.allSettled(under);
  }
  await syncPath(target);
}

/** All of them have ended when one has failed: nothing is written behind the back of whoever is told. */
async function allOf(works: readonly Promise<void>[]): Promise<void> {
  for (const work of await Promise.allSettled(works)) if (work.status === 'rejected') throw work.reason;
}

interface EntryPlace {
  readonly name: Buffer;
  readonly to: Buffer;
  readonly path: string;
  readonly depth: number;
}

async function copyEntry(
  source: Directory,
  entry: Pick<Dirent<Buffer>, 'isDirectory' | 'isFile' | 'isSymbolicLink'>,
  { name, to, path, depth }: EntryPlace,
  copy: Copy,
): Promise<void> {
  if (entry.isDirectory()) {
    const child = await openChild(source, name);
    try {
      await mkdir(to, { mode: 0o755 });
      await copyEntries(child, to, path, depth + 1, copy);
    } finally {
      await child.close();
    }
  } else if (entry.isSymbolicLink()) {
    await symlink(await readlink(source.at(name), { encoding: 'buffer' }), to);
  } else if (entry.isFile()) {
    await copyPlainFile(source, name, to, copy);
  } else {
    throw new PrusikError('WORKSPACE_SOURCE_REFUSED', `${path} in ${copy.source} is a device, FIFO or socket`);
  }
  if (copy.owner?.drop === true) await lchown(to, copy.owner.uid, copy.owner.gid);
}

/**
 * In the order in which a git repository can be copied while it is written: references before the objects they name
 * (new objects are written first), loose objects before the packs into which they move.
 */
async function sortedEntries(source: Directory, copy: Copy) {
  const entries = [];
  for await (const entry of await opendir(source.path, LISTING)) {
    entries.push(entry);
    if (copy.files + entries.length > copy.limits.files + 1)
      throw tooLarge(`has more than ${copy.limits.files} entries`, copy);
  }
  const rank = (name: string): string => (name === 'objects' ? '1' : '0') + name;
  return entries.toSorted((a, b) => (rank(a.name) < rank(b.name) ? -1 : 1));
}

async function copyPlainFile(source: Directory, name: Buffer, to: Buffer, copy: Copy): Promise<void> {
  const from = source.at(name);
  const handle = await open(from, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  try {
    const stats = await handle.stat();
    if (!stats.isFile())
      throw new PrusikError(
        'WORKSPACE_SOURCE_REFUSED',
        `${name.toString()} in ${copy.source} changed into a special file`,
      );
    copy.bytes += stats.size;
    if (copy.bytes > copy.limits.bytes) throw tooLarge(`has more than ${copy.limits.bytes} bytes`, copy);
    await copyFile(contentPath(handle, from), to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    await finishFile(to, (stats.mode & 0o100) === 0 ? 0o644 : 0o755, stats.size, copy);
  } finally {
    await handle.close();
  }
}

/** The file that was opened and looked at, not what its name stands for by now. */
function contentPath(handle: FileHandle, path: string | Buffer): string | Buffer {
  return process.platform === 'linux' ? `/proc/self/fd/${handle.fd}` : path;
}

async function finishFile(path: Buffer, mode: number, expected: number, copy: Copy): Promise<void> {
  // First: a copy has the permissions of what was copied, which may not let its owner open it.
  await chmod(path, mode);
  const handle = await open(path, 'r+');
  try {
    // It may have grown since it was counted.
    copy.bytes += Math.max(0, (await handle.stat()).size - expected);
    if (copy.bytes > copy.limits.bytes) throw tooLarge(`has more than ${copy.limits.bytes} bytes`, copy);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function tooLarge(what: string, { source, limits }: Copy): PrusikError {
  return new PrusikError(
    'WORKSPACE_TOO_LARGE',
    `The folder ${source} ${what}; leave some out with include, or raise limits`,
    {
      meta: { bytes: limits.bytes, files: limits.files },
    },
  );
}
