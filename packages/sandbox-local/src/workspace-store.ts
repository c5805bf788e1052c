import { randomUUID } from 'node:crypto';
import { chown, mkdir, open, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import {
  PrusikError,
  type CreateWorkspaceOptions,
  type Workspace,
  type WorkspaceLimits,
  type Workspaces,
} from '@prusik/core';
import { copyFolder } from './copy-folder.ts';
import { systemCode } from './directory.ts';
import type { Identity } from './identity.ts';
import { isRunning, ownProcessName } from './process-identity.ts';
import { removeTree } from './remove-tree.ts';
import { syncPath } from './sync-path.ts';
import { checkWorkspaceId, workspaceFolder } from './workspace-name.ts';

const DEFAULT_LIMITS: WorkspaceLimits = { bytes: 2 * 1024 ** 3, files: 100_000 };
const DESCRIPTION = 'workspace.json';

/** Where a workspace lies on the host. */
export interface WorkspacePlace {
  readonly workspace: Workspace;
  /** What commands see as the workspace; the only part of it they can reach. */
  readonly files: string;
  /** For files that are being written, on the same file system. */
  readonly staging: string;
  /** Home and temporary files where no sandbox brings its own. */
  readonly home: string;
}

export interface WorkspaceStore extends Workspaces {
  find(id: string): Promise<WorkspacePlace | undefined>;
}

export interface WorkspaceStoreOptions {
  readonly root: string;
  readonly owner: Identity | undefined;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly isOpen: (id: string) => boolean;
}

/**
 * Workspaces as folders of `root`. One is built beside them and renamed into place, so that it exists whole or not at all; it is renamed
 * away before it is deleted for the same reason. What a killed process leaves lies in `unfinished`, under the name of that process.
 */
export function createWorkspaceStore({ root, owner, now, isOpen }: WorkspaceStoreOptions): WorkspaceStore {
  const finished = join(root, 'workspaces');
  const unfinished = join(root, 'unfinished');
  let prepared: Promise<void> | undefined;

  const prepare = (): Promise<void> => {
    prepared ??= makeFolders().catch((error: unknown) => {
      prepared = undefined;
      throw error;
    });
    return prepared;
  };
  const makeFolders = async (): Promise<void> => {
    // The user of the commands passes through but cannot list.
    for (const folder of [root, finished, unfinished]) await mkdir(folder, { recursive: true, mode: 0o711 });
  };
  const unfinishedPath = (): string => join(unfinished, `${ownProcessName()}.${randomUUID()}`);

  const find = async (id: string): Promise<WorkspacePlace | undefined> =>
    readPlace(join(finished, workspaceFolder(checkWorkspaceId(id))));

  const create = async (options: CreateWorkspaceOptions): Promise<Workspace> => {
    const existing = await find(options.id);
    if (existing !== undefined) return existing.workspace;
    options.signal?.throwIfAborted();
    await prepare();
    const building = unfinishedPath();
    try {
      await build(building, options, owner, now());
      await rename(building, join(finished, workspaceFolder(options.id)));
      await syncPath(finished);
    } catch (error) {
      await removeTree(building);
      // Somebody else, in this process or another, finished first: that one is the workspace.
      if (!['ENOTEMPTY', 'EEXIST', 'EPERM'].includes(systemCode(error) ?? '')) throw error;
      const first = await find(options.id);
      if (first === undefined) throw error;
      return first.workspace;
    }
    const made = await find(options.id);
    if (made === undefined) throw new Error(`The workspace ${options.id} was removed while it was created`);
    return made.workspace;
  };

  const remove = async (id: string): Promise<void> => {
    const folder = join(finished, workspaceFolder(checkWorkspaceId(id)));
    if (isOpen(id))
      throw new PrusikError('WORKSPACE_BUSY', `The workspace ${id} is open in a session; dispose it first`, {
        retryable: true,
      });
    const trash = unfinishedPath();
    try {
      await rename(folder, trash);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return;
      throw error;
    }
    await removeTree(trash);
  };

  const list = async (): Promise<readonly Workspace[]> => {
    const found: Workspace[] = [];
    for (const folder of await readdir(finished).catch(nothingThere)) {
      const place = await readPlace(join(finished, folder));
      if (place !== undefined) found.push(place.workspace);
    }
    return found.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  };

  return {
    find,
    create,
    remove,
    list,
    open: async (id) => (await find(id))?.workspace,

    async sweep(keep) {
      const removed: string[] = [];
      for (const { id } of await list()) {
        if (isOpen(id) || keep(id)) continue;
        await remove(id);
        removed.push(id);
      }
      for (const folder of await readdir(unfinished).catch(nothingThere)) {
        if (!isRunning(folder.split('.')[0] ?? '')) await removeTree(join(unfinished, folder));
      }
      return removed;
    },
  };
}

async function build(
  folder: string,
  { id, from = { empty: true }, limits, signal }: CreateWorkspaceOptions,
  owner: Identity | undefined,
  createdAt: number,
): Promise<void> {
  await mkdir(folder, { mode: 0o711 });
  await mkdir(join(folder, 'staging'), { mode: 0o700 });
  await makeOwned(join(folder, 'home'), owner);
  const files = join(folder, 'files');
  if ('folder' in from) {
    await copyFolder(
      {
        source: from.folder,
        limits: { ...DEFAULT_LIMITS, ...limits },
        owner,
        include: from.include ?? (() => true),
        ...(signal ? { signal } : {}),
      },
      async () => {
        await removeTree(files);
        await makeOwned(files, owner);
        return files;
      },
    );
  } else {
    await makeOwned(files, owner);
  }
  const description = await open(join(folder, DESCRIPTION), 'wx', 0o600);
  try {
    await description.writeFile(JSON.stringify({ version: 1, id, createdAt }));
    await description.sync();
  } finally {
    await description.close();
  }
  await syncPath(folder);
}

async function makeOwned(folder: string, owner: Identity | undefined): Promise<void> {
  await mkdir(folder, { mode: 0o700 });
  if (owner?.drop === true) await chown(folder, owner.uid, owner.gid);
}

async function readPlace(folder: string): Promise<WorkspacePlace | undefined> {
  let text: string;
  try {
    text = await readFile(join(folder, DESCRIPTION), 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
  const { id, createdAt } = JSON.parse(text) as Workspace;
  return {
    workspace: { id, createdAt },
    files: join(folder, 'files'),
    staging: join(folder, 'staging'),
    home: join(folder, 'home'),
  };
}

function nothingThere(error: unknown): never[] {
  if (systemCode(error) === 'ENOENT') return [];
  throw error;
}
