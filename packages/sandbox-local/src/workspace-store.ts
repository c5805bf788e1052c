import { randomUUID } from 'node:crypto';
import { chown, mkdir, open, readdir, rename } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import {
  isPrusikError,
  PrusikError,
  type CreateWorkspaceOptions,
  type Workspace,
  type WorkspaceLimits,
  type Workspaces,
  type WorkspaceSource,
  type WorkspaceState,
} from '@prusik/core';
import { copyFolder } from './copy-folder.ts';
import { diffManifests } from './diff-manifests.ts';
import { systemCode } from './directory.ts';
import { checkOut } from './git-source.ts';
import type { Identity } from './identity.ts';
import { resolveLimits } from './limits.ts';
import type { Manifest } from './manifest.ts';
import { isRunning, ownProcessName } from './process-identity.ts';
import { removeTree } from './remove-tree.ts';
import { createSnapshotStore, createStaging, type Staging } from './snapshot-store.ts';
import { syncPath } from './sync-path.ts';
import { createWorkspaceLocks } from './workspace-locks.ts';
import { checkWorkspaceId, workspaceFolder } from './workspace-name.ts';
import { DESCRIPTION, pathsIn, readPlace, type WorkspacePlace } from './workspace-place.ts';
import {
  checkSnapshotName,
  lookAt,
  neededBy,
  noWorkspace,
  restoreSnapshot,
  takeSnapshot,
  unfinishedRestore,
  unpackSnapshot,
} from './workspace-snapshots.ts';

const DEFAULT_LIMITS: WorkspaceLimits = { bytes: 2 * 1024 ** 3, files: 100_000 };
const DEFAULT_DIFF = 1_000;
/** The lock of all contents, which is no workspace's: their folders have a dot in their names. */
const CONTENTS = 'contents';

export interface WorkspaceStore extends Workspaces {
  /**
   * The place of a workspace for a session, which has it until `leave`.
   *
   * @throws {PrusikError} `WORKSPACE_NOT_FOUND`, `WORKSPACE_BUSY`
   */
  enter(id: string): Promise<{ readonly place: WorkspacePlace; leave(): void }>;
}

export interface WorkspaceStoreOptions {
  readonly root: string;
  readonly owner: Identity | undefined;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/**
 * Workspaces as folders of `root`. One is built beside them and renamed into place, so that it exists whole or not at all; it is renamed
 * away before it is deleted for the same reason. What a killed process leaves lies in `unfinished`, under the name of that process.
 */
export function createWorkspaceStore({ root, owner, now }: WorkspaceStoreOptions): WorkspaceStore {
  const finished = join(root, 'workspaces');
  const unfinished = join(root, 'unfinished');
  const locks = createWorkspaceLocks(join(root, 'locks'));
  const store = createSnapshotStore(root);
  const parts = { store, owner };
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
    for (const folder of ['locks', 'objects', 'snapshots'])
      await mkdir(join(root, folder), { recursive: true, mode: 0o700 });
    await syncPath(root);
  };
  const unfinishedPath = (): string => join(unfinished, `${ownProcessName()}.${randomUUID()}`);
  const folderOf = (id: string): string => workspaceFolder(checkWorkspaceId(id));

  const find = async (id: string): Promise<WorkspacePlace | undefined> => readPlace(join(finished, folderOf(id)));

  /** Runs `work` with a folder for what it writes, which goes with it. */
  async function staged<T>(work: (staging: Staging) => Promise<T>): Promise<T> {
    const folder = unfinishedPath();
    await mkdir(folder, { mode: 0o700 });
    try {
      return await work(createStaging(folder));
    } finally {
      await removeTree(folder);
    }
  }

  /** Runs `work` on contents that nobody collects meanwhile. */
  async function withContents<T>(work: (staging: Staging) => Promise<T>): Promise<T> {
    const release = await locks.take(CONTENTS, 'work', 'What snapshots hold');
    try {
      return await staged(work);
    } finally {
      release();
    }
  }

  /** The place of a workspace that is held, whose last restore has come to its end. */
  async function hold(id: string, as: 'session' | 'work' | 'alone') {
    await prepare();
    for (;;) {
      const release = await locks.take(folderOf(id), as, `The workspace ${id}`);
      try {
        const place = await find(id);
        if (place === undefined) throw noWorkspace(id);
        const snapshot = as === 'alone' ? undefined : await unfinishedRestore(place);
        if (snapshot === undefined) return { place, release };
        release();
        await restore(id, snapshot);
      } catch (error) {
        release();
        throw error;
      }
    }
  }

  async function withWorkspace<T>(
    id: string,
    as: 'work' | 'alone',
    work: (place: WorkspacePlace, staging: Staging) => Promise<T>,
  ): Promise<T> {
    const { place, release } = await hold(id, as);
    try {
      return await withContents((staging) => work(place, staging));
    } finally {
      release();
    }
  }

  const places = async (): Promise<readonly WorkspacePlace[]> => {
    const found: WorkspacePlace[] = [];
    for (const folder of await readdir(finished).catch(nothingThere)) {
      const place = await readPlace(join(finished, folder));
      if (place !== undefined) found.push(place);
    }
    return found.toSorted(({ workspace: a }, { workspace: b }) => (a.id < b.id ? -1 : 1));
  };

  const snapshot: Workspaces['snapshot'] = async (id, options = {}) => {
    checkSnapshotName(options.name);
    const limits = resolveLimits(DEFAULT_LIMITS, options.limits);
    return withWorkspace(id, 'work', (place, staging) => takeSnapshot(parts, place, limits, options, staging));
  };

  const restore: Workspaces['restore'] = (id, to, { signal } = {}) =>
    withWorkspace(id, 'alone', (place, staging) => restoreSnapshot(parts, place, to, signal, staging));

  async function manifestOf(state: WorkspaceState, signal: AbortSignal | undefined): Promise<Manifest> {
    await prepare();
    if ('snapshot' in state) return store.load(state.snapshot);
    return withWorkspace(state.workspace, 'work', (place) => lookAt(place, DEFAULT_LIMITS, signal));
  }

  const create = async (options: CreateWorkspaceOptions): Promise<Workspace> => {
    const existing = await find(options.id);
    if (existing !== undefined) return existing.workspace;
    checkSource(options.from);
    options.signal?.throwIfAborted();
    await prepare();
    const building = unfinishedPath();
    try {
      await build(building, options);
      await rename(building, join(finished, folderOf(options.id)));
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

  async function build(folder: string, { id, from = { empty: true }, ...rest }: CreateWorkspaceOptions): Promise<void> {
    const limits = resolveLimits(DEFAULT_LIMITS, rest.limits);
    const { signal } = rest;
    const place = pathsIn(folder);
    await mkdir(folder, { mode: 0o711 });
    await mkdir(place.staging, { mode: 0o700 });
    await makeOwned(place.home, owner);
    const copy = (source: string, include: (path: string) => boolean = () => true): Promise<void> =>
      copyFolder({ source, limits, owner, include, ...(signal ? { signal } : {}) }, async () => {
        await removeTree(place.files);
        await makeOwned(place.files, owner);
        return place.files;
      });
    if ('folder' in from) {
      await copy(from.folder, from.include);
    } else if ('gitRef' in from) {
      await staged(async (staging) => {
        const checkedOut = staging.next();
        await checkOut(from.gitRef, checkedOut, signal);
        await copy(checkedOut);
      });
    } else {
      await makeOwned(place.files, owner);
      if (!('empty' in from)) {
        const source =
          'snapshot' in from
            ? from.snapshot
            : (await snapshot(from.workspace, { limits, ...(signal ? { signal } : {}) })).snapshot;
        await withContents((staging) => unpackSnapshot(parts, place, source, limits, signal, staging));
      }
    }
    await describe(folder, { id, createdAt: now() });
  }

  const remove = async (id: string): Promise<void> => {
    const folder = join(finished, folderOf(id));
    await prepare();
    const release = await locks.take(folderOf(id), 'alone', `The workspace ${id}`);
    const trash = unfinishedPath();
    try {
      await rename(folder, trash);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return;
      throw error;
    } finally {
      release();
    }
    await removeTree(trash);
  };

  /** Runs `work` while nobody takes or restores a snapshot, with those that workspaces need. */
  async function withSnapshots<T>(work: (needed: ReadonlySet<string>) => Promise<T>): Promise<T> {
    await prepare();
    const release = await locks.take(CONTENTS, 'alone', 'What snapshots hold');
    try {
      return await work(new Set((await Promise.all((await places()).map(neededBy))).flat()));
    } finally {
      release();
    }
  }

  return {
    create,
    remove,
    snapshot,
    restore,
    open: async (id) => (await find(id))?.workspace,
    list: async () => (await places()).map(({ workspace }) => workspace),

    async enter(id) {
      const { place, release } = await hold(id, 'session');
      return { place, leave: release };
    },

    async diff(from, to, { limit = DEFAULT_DIFF, signal } = {}) {
      if (!(Number.isInteger(limit) && limit >= 0)) throw new TypeError(`${limit} is no number of paths`);
      return diffManifests(await manifestOf(from, signal), await manifestOf(to, signal), limit);
    },

    removeSnapshot: (id) =>
      withSnapshots(async (needed) => {
        if (needed.has(id))
          throw new PrusikError(
            'WORKSPACE_BUSY',
            `A workspace needs the snapshot ${id}, for it has it under a name or is being restored to it; remove the workspace first`,
            { retryable: true },
          );
        if (store.exists(id)) await store.remove(id);
      }),

    async sweep({ workspace: keepWorkspace = () => true, snapshot: keepSnapshot = () => true } = {}) {
      await prepare();
      const workspaces: string[] = [];
      for (const { workspace } of await places()) {
        if (keepWorkspace(workspace.id) || !(await unlessBusy(remove(workspace.id)))) continue;
        workspaces.push(workspace.id);
      }
      const snapshots = await withSnapshots(async (needed) => {
        const removed: string[] = [];
        for (const { snapshot: id, createdAt } of await store.list()) {
          if (needed.has(id) || keepSnapshot(id, createdAt)) continue;
          await store.remove(id);
          removed.push(id);
        }
        await store.collect();
        return removed;
      });
      for (const entry of await readdir(unfinished, { withFileTypes: true })) {
        if (entry.isDirectory() && !isRunning(entry.name.split('.')[0] ?? ''))
          await removeTree(join(unfinished, entry.name));
      }
      locks.clean();
      return { workspaces, snapshots };
    },
  };
}

function checkSource(from: WorkspaceSource = { empty: true }): void {
  if (!['empty', 'folder', 'gitRef', 'workspace', 'snapshot'].some((source) => source in from))
    throw new TypeError('A workspace is made from one of empty, folder, gitRef, workspace, snapshot');
  if ('folder' in from && !isAbsolute(from.folder))
    throw new TypeError(`The folder must be an absolute path, not ${JSON.stringify(from.folder)}`);
}

async function describe(folder: string, workspace: Workspace): Promise<void> {
  const description = await open(join(folder, DESCRIPTION), 'wx', 0o600);
  try {
    await description.writeFile(JSON.stringify({ version: 1, ...workspace }));
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

/** False when it was in use. */
async function unlessBusy(work: Promise<void>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (isPrusikError(error, 'WORKSPACE_BUSY')) return false;
    throw error;
  }
}

function nothingThere(error: unknown): never[] {
  if (systemCode(error) === 'ENOENT') return [];
  throw error;
}
