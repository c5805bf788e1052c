import { link, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PrusikError, type SnapshotOptions, type WorkspaceLimits, type WorkspaceSnapshot } from '@prusik/core';
import { applyChange, stageChange } from './apply-manifest.ts';
import { systemCode } from './directory.ts';
import type { Identity } from './identity.ts';
import { sameEntry, sizeOf, type Manifest } from './manifest.ts';
import { makeAccessible } from './remove-tree.ts';
import { scanWorkspace, tooLarge } from './scan-workspace.ts';
import { hashContent, type SnapshotStore, type Staging } from './snapshot-store.ts';
import { syncPath } from './sync-path.ts';
import { EMPTY_INDEX, readIndex, writeIndex } from './workspace-index.ts';
import type { WorkspacePlace } from './workspace-place.ts';

const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** Where the files of a workspace are, or of one that is being made. */
type Files = Pick<WorkspacePlace, 'files' | 'index' | 'restoring'>;

export interface SnapshotParts {
  readonly store: SnapshotStore;
  readonly owner: Identity | undefined;
}

/** Keeps what the workspace holds. Nobody may restore it or collect contents meanwhile. */
export async function takeSnapshot(
  { store }: SnapshotParts,
  place: WorkspacePlace,
  limits: WorkspaceLimits,
  { name, signal }: Pick<SnapshotOptions, 'name' | 'signal'>,
  staging: Staging,
): Promise<WorkspaceSnapshot> {
  const standing = name === undefined ? undefined : await readNamed(place, name);
  if (standing !== undefined) return { snapshot: standing, ...sizeOf(await store.load(standing)) };

  const { base, files: known } = await readIndex(place.index);
  const allKept = store.exists(base);
  const { manifest, settled } = await scanWorkspace({
    files: place.files,
    known,
    // What the last snapshot named may have been removed with it.
    isKept: (hash) => allKept || store.has(hash, staging),
    read: (content) => store.keep(content, staging),
    limits,
    signal,
  });
  await store.sync(staging);
  const snapshot = await store.save(manifest, staging);
  await writeIndex(place.index, staging.next(), { base: snapshot, files: settled });
  if (name === undefined) return { snapshot, ...sizeOf(manifest) };
  const first = await writeNamed(place, name, snapshot, staging);
  return { snapshot: first, ...sizeOf(first === snapshot ? manifest : await store.load(first)) };
}

/** What the workspace holds, with nothing kept. */
export async function lookAt(
  place: WorkspacePlace,
  limits: WorkspaceLimits,
  signal: AbortSignal | undefined,
): Promise<Manifest> {
  const { files: known } = await readIndex(place.index);
  const { manifest } = await scanWorkspace({
    files: place.files,
    known,
    isKept: () => true,
    read: hashContent,
    limits,
    signal,
  });
  return manifest;
}

/** Makes the workspace what the snapshot holds. Nobody may use it or collect contents meanwhile. */
export async function restoreSnapshot(
  { store, owner }: SnapshotParts,
  place: Files,
  snapshot: string,
  signal: AbortSignal | undefined,
  staging: Staging,
): Promise<void> {
  const to = await store.load(snapshot);
  // What commands do to the folder itself is in no snapshot.
  await makeAccessible(place.files);
  const { files: known } = await readIndex(place.index);
  const sizes = new Set([...to.values()].map((entry) => (entry.type === 'file' ? entry.size : -1)));
  const { manifest, others, settled } = await scanWorkspace({
    files: place.files,
    known,
    isKept: () => true,
    // What no file of the snapshot is as long as goes in any case, and may have terabytes that are holes.
    read: async (content) => (sizes.has(content.size) ? hashContent(content) : { hash: '', size: content.size }),
    signal,
  });
  const change = await stageChange(store, { from: manifest, to, others }, { owner, staging, signal });
  await writeSynced(staging.next(), snapshot, (staged) => rename(staged, place.restoring));
  await syncPath(dirname(place.restoring));
  const written = await applyChange(change, { files: place.files, owner, staging });
  const files = new Map([...settled].filter(([path]) => sameEntry(manifest.get(path), to.get(path))));
  for (const [path, file] of written) files.set(path, file);
  await writeIndex(place.index, staging.next(), { base: snapshot, files });
  await rm(place.restoring, { force: true });
  await syncPath(dirname(place.restoring));
}

/** Fills a new folder, in a workspace that nobody can see yet. */
export async function unpackSnapshot(
  { store, owner }: SnapshotParts,
  place: Files,
  snapshot: string,
  limits: WorkspaceLimits,
  signal: AbortSignal | undefined,
  staging: Staging,
): Promise<void> {
  const to = await store.load(snapshot);
  const { entries, bytes } = sizeOf(to);
  if (entries > limits.files) throw tooLarge(`has more than ${limits.files} entries`, limits);
  if (bytes > limits.bytes) throw tooLarge(`has more than ${limits.bytes} bytes`, limits);
  const change = await stageChange(store, { from: new Map(), to, others: [] }, { owner, staging, signal });
  const files = await applyChange(change, { files: place.files, owner, staging });
  await writeIndex(place.index, staging.next(), { ...EMPTY_INDEX, base: snapshot, files });
}

/** The snapshot that the workspace was being made when somebody was killed. */
export async function unfinishedRestore({ restoring }: WorkspacePlace): Promise<string | undefined> {
  return readText(restoring);
}

/** Snapshots that the workspace needs. */
export async function neededBy(place: WorkspacePlace): Promise<readonly string[]> {
  const names = await readdir(place.named).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  });
  const needed = [];
  for (const found of [
    await unfinishedRestore(place),
    ...(await Promise.all(names.map((name) => readNamed(place, name)))),
  ])
    if (found !== undefined) needed.push(found);
  return needed;
}

/** @throws {TypeError} */
export function checkSnapshotName(name: string | undefined): void {
  if (name !== undefined && !NAME.test(name))
    throw new TypeError(`${JSON.stringify(name)} is no name for a snapshot: 1 to 64 letters, digits, _ and -`);
}

const readNamed = ({ named }: WorkspacePlace, name: string): Promise<string | undefined> => readText(join(named, name));

/** Of two at once the first stands, and both are told. */
async function writeNamed(place: WorkspacePlace, name: string, snapshot: string, staging: Staging): Promise<string> {
  await mkdir(place.named, { recursive: true, mode: 0o700 });
  try {
    await writeSynced(staging.next(), snapshot, (staged) => link(staged, join(place.named, name)));
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  }
  await syncPath(place.named);
  await syncPath(dirname(place.named));
  return (await readNamed(place, name)) ?? snapshot;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function writeSynced(staged: string, text: string, put: (staged: string) => Promise<void>): Promise<void> {
  const handle = await open(staged, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await put(staged);
}

export function noWorkspace(id: string): PrusikError {
  return new PrusikError(
    'WORKSPACE_NOT_FOUND',
    `There is no workspace ${JSON.stringify(id)}; workspaces.create makes one`,
  );
}
