import { constants, mkdir, open } from 'node:fs/promises';
import { openChild, refusePath, systemCode, type Directory } from './directory.ts';
import { inspect, refuseUnlessPlain, translate } from './file-walk.ts';

/** An entry of a workspace, held open, that commands get as a mount of its own. */
export interface GuardedEntry {
  readonly fd: number;
  /** Relative to the workspace. */
  readonly path: string;
  readonly writable: boolean;
  close(): Promise<void>;
}

/** What `.git/commondir` says where hooks and configuration are beside it, as without the file. */
const HERE = '.\n';

/**
 * Opens what decides which programs the host's git runs in this workspace later: hooks and configuration, made where they are
 * missing, and `commondir`, which says where git looks for both. `.git` itself is among them because a mount point cannot be renamed: else `mv .git x; mkdir .git` would undo the rest.
 * None is opened through a link, which bubblewrap would follow out of the workspace if an earlier command had planted one.
 * The caller closes them.
 *
 * @throws {PrusikError} `SANDBOX_PATH_REFUSED` when one of them is a link or special file, so that it cannot be guarded.
 */
export async function guardGit(root: Directory): Promise<readonly GuardedEntry[]> {
  const git = inspect({ parent: root, name: '.git', path: '.git' });
  if (git === null) return [];
  // A file: the repository is elsewhere, and this says where.
  if (git.isFile()) return [await openPlain(root, '.git', '.git')];

  const entries: GuardedEntry[] = [];
  try {
    const folder = await openFolder(root, '.git', '.git');
    entries.push(entryOf(folder, '.git', true));
    entries.push(entryOf(await openHooks(folder), '.git/hooks', false));
    for (const name of ['config', 'config.worktree'])
      entries.push(await openPlain(folder, name, `.git/${name}`, constants.O_CREAT));
    entries.push(await openCommonFolder(folder));
    return entries;
  } catch (error) {
    for (const entry of entries) await entry.close();
    throw error;
  }
}

async function openHooks(git: Directory): Promise<Directory> {
  await mkdir(git.at('hooks'), 0o755).catch((error: unknown) => {
    if (systemCode(error) !== 'EEXIST') throw translate(error, '.git/hooks');
  });
  return openFolder(git, 'hooks', '.git/hooks');
}

async function openFolder(parent: Directory, name: string, path: string): Promise<Directory> {
  try {
    return await openChild(parent, name);
  } catch (error) {
    if (systemCode(error) === 'ENOTDIR') throw refusePath(path, 'is not a folder, so that it cannot be kept read-only');
    throw translate(error, path);
  }
}

/** An empty one, which somebody who died here left, would make git fail. */
async function openCommonFolder(git: Directory): Promise<GuardedEntry> {
  const path = '.git/commondir';
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(git.at('commondir'), flags, 0o644).catch((error: unknown) => {
    throw translate(error, path);
  });
  try {
    const stats = await handle.stat();
    refuseUnlessPlain(stats, path);
    if (stats.size === 0) await handle.write(HERE, 0);
  } finally {
    await handle.close();
  }
  return openPlain(git, 'commondir', path);
}

async function openPlain(parent: Directory, name: string, path: string, create = 0): Promise<GuardedEntry> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | create;
  const handle = await open(parent.at(name), flags, 0o644).catch((error: unknown) => {
    throw translate(error, path);
  });
  try {
    refuseUnlessPlain(await handle.stat(), path);
    return { fd: handle.fd, path, writable: false, close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function entryOf(folder: Directory, path: string, writable: boolean): GuardedEntry {
  if (folder.fd === undefined) throw new Error('Guarding takes folders held open, which only Linux has');
  return { fd: folder.fd, path, writable, close: folder.close };
}
