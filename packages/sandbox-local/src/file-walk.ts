import { closeSync, constants, fstatSync, lstatSync, openSync, type Stats } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { openChild, refusePath, systemCode, type Directory } from './directory.ts';
import type { Identity } from './identity.ts';

/** The folder that holds an entry, open, and the entry's name in it. */
export interface Place {
  readonly parent: Directory;
  readonly name: string;
  /** The whole path, for messages. */
  readonly path: string;
}

/** Creates missing folders on the way, as this user. */
export interface CreateFolders {
  readonly create: { readonly owner: Identity | undefined } | false;
}

/**
 * Walks from `root` to the folder `names` one component at a time, each opened through the one before without following a link.
 * Checking a whole path and then opening it loses to an attacker who swaps a component in between; this cannot.
 * The caller closes the result; it is `root` itself for no names. `null` when a folder is missing.
 */
async function walk(root: Directory, names: readonly string[], { create }: CreateFolders): Promise<Directory | null> {
  let current = root;
  for (const name of names) {
    const next = await enter(current, name, create).catch(async (error: unknown) => {
      if (current !== root) await current.close();
      throw error;
    });
    if (current !== root) await current.close();
    if (next === null) return null;
    current = next;
  }
  return current;
}

async function enter(parent: Directory, name: string, create: CreateFolders['create']): Promise<Directory | null> {
  try {
    return await openChild(parent, name);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw translate(error, name);
    if (create === false) return null;
  }
  // Somebody else may create it first; either way it is opened like any other.
  await mkdir(parent.at(name), { mode: 0o755 }).catch((error: unknown) => {
    if (systemCode(error) !== 'EEXIST') throw translate(error, name);
  });
  try {
    const child = await openChild(parent, name);
    if (create.owner?.drop === true && child.fd !== undefined) await giveTo(child, create.owner);
    return child;
  } catch (error) {
    throw translate(error, name);
  }
}

async function giveTo(folder: Directory, owner: Identity): Promise<void> {
  const handle = await open(folder.path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.chown(owner.uid, owner.gid);
  } finally {
    await handle.close();
  }
}

/** Runs `use` with the folder at `names` open. `null` when it is missing. */
export async function withDirectory<T>(
  root: Directory,
  names: readonly string[],
  use: (directory: Directory) => Promise<T>,
): Promise<T | null> {
  const directory = await walk(root, names, { create: false });
  if (directory === null) return null;
  try {
    return await use(directory);
  } finally {
    if (directory !== root) await directory.close();
  }
}

/** Runs `use` with the folder around the entry `names` open. `null` when that folder is missing. */
export async function withPlace<T>(
  root: Directory,
  names: readonly string[],
  options: CreateFolders,
  use: (place: Place) => Promise<T>,
): Promise<T | null> {
  const name = names.at(-1);
  if (name === undefined) throw refusePath('.', 'is the workspace itself');
  const parent = await walk(root, names.slice(0, -1), options);
  if (parent === null) return null;
  try {
    return await use({ parent, name, path: names.join('/') });
  } finally {
    if (parent !== root) await parent.close();
  }
}

/** A file held open. */
export interface OpenFile {
  readonly fd: number;
  readonly size: number;
  close(): void;
}

/**
 * Opens an ordinary file for reading, synchronously as folders are: three trips through the thread pool would take three times as long
 * as all of the rest. `null` when there is none.
 */
export function openFile({ parent, name, path }: Place): OpenFile | null {
  let fd: number;
  try {
    // O_NONBLOCK: opening a FIFO would otherwise wait for a writer for ever.
    fd = openSync(parent.at(name), constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw translate(error, path);
  }
  try {
    const stats = fstatSync(fd);
    refuseUnlessPlain(stats, path);
    return { fd, size: stats.size, close: () => closeSync(fd) };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** What is at a place, links not followed; `null` for nothing. */
export function inspect({ parent, name, path }: Place): Stats | null {
  try {
    return lstatSync(parent.at(name));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw translate(error, path);
  }
}

/** @throws {PrusikError} `SANDBOX_PATH_REFUSED` unless it is an ordinary file with one name. */
export function refuseUnlessPlain(stats: Stats, path: string): void {
  if (stats.isSymbolicLink()) throw refusePath(path, 'is a symbolic link');
  if (stats.isDirectory()) throw refusePath(path, 'is a folder');
  if (!stats.isFile()) throw refusePath(path, 'is a device, FIFO or socket');
  // Its other name may be outside the workspace.
  if (stats.nlink !== 1) throw refusePath(path, `is a hard link (${stats.nlink} names)`);
}

/** Makes the refusals of the kernel ours; leaves other errors (a full disk) as they are. */
export function translate(error: unknown, path: string): unknown {
  switch (systemCode(error)) {
    case 'ELOOP':
      return refusePath(path, 'is a symbolic link');
    case 'ENOTDIR':
      return refusePath(path, 'goes through something that is not a folder');
    case 'EISDIR':
      return refusePath(path, 'is a folder');
    case 'ENXIO':
    case 'ENODEV':
      return refusePath(path, 'is a device, FIFO or socket');
    case 'EACCES':
    case 'EPERM':
      return refusePath(path, 'may not be accessed by the user of the sandbox');
    default:
      return error;
  }
}
