import { lstatSync, readlinkSync, type BigIntStats, type Dirent } from 'node:fs';
import { constants, open, opendir, type FileHandle } from 'node:fs/promises';
import { setImmediate as breathe } from 'node:timers/promises';
import { PrusikError, type WorkspaceLimits } from '@prusik/core';
import { openChild, openDirectory, systemCode, type Directory } from './directory.ts';
import { entryName, LISTING } from './entry-name.ts';
import type { ManifestEntry } from './manifest.ts';
import { makeAccessible } from './remove-tree.ts';
import type { Content, KeptContent } from './snapshot-store.ts';
import { isSettled, stampOf, type IndexedFile } from './workspace-index.ts';

const DEEPEST = 256;
const ATTEMPTS = 5;
/** Files of a folder that are read at once. */
const READERS = 8;
/** Entries between two turns of the event loop. */
const STRETCH = 200;
const PERMISSIONS = 0o777;

export interface ScanOptions {
  readonly files: string;
  /** What is known without reading. */
  readonly known: ReadonlyMap<string, IndexedFile>;
  /** Whether the content of that hash need not be read again. */
  readonly isKept: (hash: string) => boolean;
  readonly read: (content: Content) => Promise<KeptContent>;
  /** Missing: whatever it holds is told, for whoever is about to replace it. */
  readonly limits?: WorkspaceLimits;
  readonly signal?: AbortSignal | undefined;
}

export interface Scan {
  readonly manifest: Map<string, ManifestEntry>;
  /** Files that the next scan need not read. */
  readonly settled: Map<string, IndexedFile>;
  /** What no snapshot holds: devices, FIFOs, sockets, and folders that are too deep. */
  readonly others: string[];
}

interface Walk extends ScanOptions, Scan {
  entries: number;
  bytes: number;
  sinceBreath: number;
}

/**
 * What a workspace holds, while commands may be changing it: each folder is walked into through the one before and no link is followed. When something vanishes between
 * the listing and the look at it, the scan starts again, with what it has read.
 */
export async function scanWorkspace(options: ScanOptions): Promise<Scan> {
  let known = options.known;
  let vanished: unknown;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const root = await openDirectory(options.files);
    const walk: Walk = {
      ...options,
      known,
      manifest: new Map(),
      settled: new Map(),
      others: [],
      entries: 0,
      bytes: 0,
      sinceBreath: 0,
    };
    try {
      await scanFolder(root, '', 0, walk);
      return walk;
    } catch (error) {
      if (!['ENOENT', 'ENOTDIR', 'ELOOP'].includes(systemCode(error) ?? '')) throw error;
      vanished = error;
      known = new Map([...known, ...walk.settled]);
    } finally {
      await root.close();
    }
  }
  throw new PrusikError('WORKSPACE_SOURCE_UNSTABLE', `Files of the workspace kept vanishing in ${ATTEMPTS} attempts`, {
    cause: vanished,
    retryable: true,
  });
}

async function scanFolder(folder: Directory, path: string, depth: number, walk: Walk): Promise<void> {
  const folders: Dirent[] = [];
  const toRead: { readonly name: Buffer; readonly path: string; readonly stats: BigIntStats }[] = [];
  for await (const entry of await opendir(folder.path, { ...LISTING, bufferSize: 1_024 })) {
    count(walk);
    if (++walk.sinceBreath % STRETCH === 0) {
      await breathe();
      walk.signal?.throwIfAborted();
    }
    const name = entryName(entry);
    const at = path === '' ? entry.name : `${path}/${entry.name}`;
    if (entry.isDirectory()) {
      folders.push(entry);
    } else if (entry.isSymbolicLink()) {
      walk.manifest.set(at, { type: 'link', target: readlinkSync(folder.at(name), 'latin1') });
    } else if (entry.isFile()) {
      const stats = lstatSync(folder.at(name), { bigint: true });
      if (!takeKnown(at, stats, walk)) toRead.push({ name, path: at, stats });
    } else {
      walk.others.push(at);
    }
  }

  const readers = Array.from({ length: Math.min(READERS, toRead.length) }, async () => {
    for (let next = toRead.pop(); next !== undefined; next = toRead.pop()) {
      walk.signal?.throwIfAborted();
      await readPlainFile(folder, next.name, next.path, next.stats, walk);
    }
  });
  // All of them, before the folder that they read through is closed.
  for (const read of await Promise.allSettled(readers)) if (read.status === 'rejected') throw read.reason;

  for (const entry of folders) {
    const name = entryName(entry);
    const at = path === '' ? entry.name : `${path}/${entry.name}`;
    if (depth === DEEPEST) {
      if (walk.limits !== undefined) throw tooLarge(`is deeper than ${DEEPEST} folders`, walk.limits);
      walk.others.push(at);
      continue;
    }
    const mode = lstatSync(folder.at(name)).mode & PERMISSIONS;
    walk.manifest.set(at, { type: 'folder', mode });
    await readable(folder.at(name), mode, 0o500, async () => {
      const child = await openChild(folder, name);
      try {
        await scanFolder(child, at, depth + 1, walk);
      } finally {
        await child.close();
      }
    });
  }
}

function takeKnown(path: string, stats: BigIntStats, walk: Walk): boolean {
  const known = walk.known.get(path);
  if (known === undefined || known.stamp !== stampOf(stats) || !walk.isKept(known.hash)) return false;
  walk.settled.set(path, known);
  add(path, stats, { hash: known.hash, size: Number(stats.size) }, walk);
  return true;
}

async function readPlainFile(
  folder: Directory,
  name: Buffer,
  path: string,
  seen: BigIntStats,
  walk: Walk,
): Promise<void> {
  if (walk.limits !== undefined && walk.bytes + Number(seen.size) > walk.limits.bytes)
    throw tooLarge(`has more than ${walk.limits.bytes} bytes`, walk.limits);
  await readable(folder.at(name), Number(seen.mode) & PERMISSIONS, 0o400, async () => {
    const from = folder.at(name);
    const handle = await open(from, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
    try {
      const readAt = Date.now();
      const stats = await handle.stat({ bigint: true });
      // Replaced by something else since it was listed: as good as vanished.
      if (!stats.isFile()) throw Object.assign(new Error(`ENOENT: ${path} is no file any more`), { code: 'ENOENT' });
      const kept = await walk.read({ path: contentPath(handle, from), size: Number(stats.size) });
      if (isSettled(stats, readAt) && kept.size === Number(stats.size))
        walk.settled.set(path, { stamp: stampOf(stats), hash: kept.hash });
      add(path, seen, kept, walk);
    } finally {
      await handle.close();
    }
  });
}

function add(path: string, { mode }: BigIntStats, { hash, size }: KeptContent, walk: Walk): void {
  walk.bytes += size;
  if (walk.limits !== undefined && walk.bytes > walk.limits.bytes)
    throw tooLarge(`has more than ${walk.limits.bytes} bytes`, walk.limits);
  walk.manifest.set(path, { type: 'file', mode: Number(mode) & PERMISSIONS, size, hash });
}

function count(walk: Walk): void {
  walk.entries += 1;
  if (walk.limits !== undefined && walk.entries > walk.limits.files)
    throw tooLarge(`has more than ${walk.limits.files} entries`, walk.limits);
}

/** The file that is open, not what its name stands for by now. */
function contentPath({ fd }: FileHandle, path: string | Buffer): string {
  return process.platform === 'linux' ? `/proc/self/fd/${fd}` : path.toString();
}

/** An owner may have taken his own right to read away; root needs none. It is given for as long as it is read. */
async function readable(path: string | Buffer, mode: number, needed: number, read: () => Promise<void>): Promise<void> {
  if (process.geteuid?.() === 0 || (mode & needed) === needed) return read();
  await makeAccessible(path, mode | needed);
  try {
    await read();
  } finally {
    await makeAccessible(path, mode);
  }
}

export function tooLarge(what: string, { bytes, files }: WorkspaceLimits): PrusikError {
  return new PrusikError('WORKSPACE_TOO_LARGE', `The workspace ${what}; remove some, or raise limits`, {
    meta: { bytes, files },
  });
}
