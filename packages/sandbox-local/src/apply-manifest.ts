import { lstatSync } from 'node:fs';
import { chmod, lchown, mkdir, rename, symlink, unlink } from 'node:fs/promises';
import { openChild, openDirectory, type Directory } from './directory.ts';
import type { Identity } from './identity.ts';
import { byBytes, sameEntry, type Manifest, type ManifestEntry } from './manifest.ts';
import { makeAccessible, removeTree } from './remove-tree.ts';
import type { SnapshotStore, Staging } from './snapshot-store.ts';
import { syncPath } from './sync-path.ts';
import { isSettled, stampOf, type IndexedFile } from './workspace-index.ts';

/** Copies that are made at once. */
const COPIERS = 8;

/** What becomes of a workspace, and all contents for it, copied beside. */
export interface Change {
  readonly from: Manifest;
  readonly to: Manifest;
  /** Not in `from`, and to go. */
  readonly others: readonly string[];
  readonly staged: ReadonlyMap<string, string>;
}

export interface ApplyOptions {
  readonly files: string;
  readonly owner: Identity | undefined;
  readonly staging: Staging;
}

/** Copies what will be needed, so that a content which is damaged is found before anything is changed. */
export async function stageChange(
  store: SnapshotStore,
  { from, to, others }: Omit<Change, 'staged'>,
  { owner, staging, signal }: Pick<ApplyOptions, 'owner' | 'staging'> & { readonly signal?: AbortSignal | undefined },
): Promise<Change> {
  const staged = new Map<string, string>();
  const missing = [...to].filter(([path, entry]) => entry.type === 'file' && !sameEntry(from.get(path), entry));
  const copiers = Array.from({ length: Math.min(COPIERS, missing.length) }, async () => {
    for (let next = missing.pop(); next !== undefined; next = missing.pop()) {
      signal?.throwIfAborted();
      const [path, entry] = next;
      if (entry.type === 'file') staged.set(path, await store.copyOut(entry, owner, staging));
    }
  });
  for (const copy of await Promise.allSettled(copiers)) if (copy.status === 'rejected') throw copy.reason;
  return { from, to, others, staged };
}

/** Makes the change. Nobody else may be writing; a part of it, made before somebody was killed, is no harm. Gives the files that need no reading. */
export async function applyChange(
  change: Change,
  { files, owner, staging }: ApplyOptions,
): Promise<Map<string, IndexedFile>> {
  const { from, to, others, staged } = change;
  const root = await openDirectory(files);
  const walker = createWalker(root, from);
  const give = async (path: string | Buffer): Promise<void> => {
    if (owner?.drop === true) await lchown(path, owner.uid, owner.gid);
  };
  /** Folders whose entries have changed, and those with permissions to set. */
  const touched = new Set<string>();
  const enter = async (path: string) => {
    const [folder, name] = split(path);
    touched.add(folder);
    return (await walker.enter(folder)).at(bytesOf(name));
  };

  try {
    for (const path of outermost(
      [...from].filter(([at, entry]) => replaced(entry, to.get(at))).map(([at]) => at),
      others,
    )) {
      const at = await enter(path);
      const before = from.get(path)?.type;
      if (before === 'file' || before === 'link') await unlink(at);
      else await removeAway(at, staging.next());
    }
    for (const [path, entry] of [...to].toSorted(([a], [b]) => byBytes(a, b))) {
      const before = from.get(path);
      if (sameEntry(before, entry)) continue;
      if (entry.type === 'file') {
        const content = staged.get(path);
        if (content !== undefined) await rename(content, await enter(path));
      } else if (entry.type === 'link') {
        const at = await enter(path);
        await symlink(bytesOf(entry.target), at);
        await give(at);
      } else if (before?.type !== 'folder') {
        const at = await enter(path);
        await mkdir(at, { mode: 0o700 });
        await give(at);
        touched.add(path);
      } else {
        touched.add(path);
      }
    }
    const settled = await indexOf(to, staged, walker);
    // The inner ones first: the outer ones may not be passed afterwards.
    for (const path of [...touched, ...walker.opened()].toSorted(byBytes).toReversed()) {
      const folder = await walker.enter(path);
      await syncPath(folder.path);
      const entry = to.get(path);
      if (entry?.type === 'folder') await chmod(folder.path, entry.mode);
    }
    return settled;
  } finally {
    await walker.close();
    await root.close();
  }
}

/** Those of the paths that lie below no other. */
function outermost(...paths: readonly (readonly string[])[]): readonly string[] {
  const all = new Set(paths.flat());
  const isBelow = (path: string): boolean => {
    const [folder] = split(path);
    return folder !== '' && (all.has(folder) || isBelow(folder));
  };
  return [...all].filter((path) => !isBelow(path)).toSorted(byBytes);
}

/** A link cannot be changed, and nothing becomes another kind of thing. */
function replaced(before: ManifestEntry, after: ManifestEntry | undefined): boolean {
  if (after === undefined || before.type !== after.type) return true;
  return before.type === 'link' && !sameEntry(before, after);
}

/** Commands may have filled it with anything: it is moved out of the workspace first. */
async function removeAway(at: string | Buffer, trash: string): Promise<void> {
  if (!lstatSync(at).isDirectory()) return unlink(at);
  await makeAccessible(at);
  await rename(at, trash);
  await removeTree(trash);
}

/** Nobody has written since they were put there, so a file is settled as soon as the clock has moved on from then. */
async function indexOf(
  to: Manifest,
  staged: ReadonlyMap<string, string>,
  walker: Walker,
): Promise<Map<string, IndexedFile>> {
  const settled = new Map<string, IndexedFile>();
  for (const path of [...staged.keys()].toSorted(byBytes)) {
    const [folder, name] = split(path);
    const entry = to.get(path);
    const stats = lstatSync((await walker.enter(folder)).at(bytesOf(name)), { bigint: true });
    if (entry?.type === 'file' && isSettled(stats, Date.now()))
      settled.set(path, { stamp: stampOf(stats), hash: entry.hash });
  }
  return settled;
}

interface Walker {
  /** The folder at a path, open until the next one that is not below it is. */
  enter(path: string): Promise<Directory>;
  /** Folders that had to be given rights to be passed. */
  opened(): readonly string[];
  close(): Promise<void>;
}

/** Walks from folder to folder, each through the one above, so that paths in order cost one opening each. */
function createWalker(root: Directory, from: Manifest): Walker {
  const stack: { readonly path: string; readonly folder: Directory }[] = [];
  const opened = new Set<string>();

  async function leave(unless: (path: string) => boolean): Promise<void> {
    for (let top = stack.at(-1); top !== undefined && !unless(top.path); top = stack.at(-1)) {
      stack.pop();
      await top.folder.close();
    }
  }

  async function enter(path: string): Promise<Directory> {
    if (path === '') return root;
    await leave((open) => path === open || path.startsWith(`${open}/`));
    const top = stack.at(-1);
    if (top?.path === path) return top.folder;
    const below = top === undefined ? path : path.slice(top.path.length + 1);
    for (const name of below.split('/')) {
      const above = stack.at(-1);
      const parent = above?.folder ?? root;
      const at = above === undefined ? name : `${above.path}/${name}`;
      const before = from.get(at);
      if (before?.type === 'folder' && (before.mode & 0o700) !== 0o700 && !opened.has(at)) {
        await makeAccessible(parent.at(bytesOf(name)));
        opened.add(at);
      }
      stack.push({ path: at, folder: await openChild(parent, bytesOf(name)) });
    }
    return stack.at(-1)?.folder ?? root;
  }

  return {
    enter,
    opened: () => [...opened],
    close: () => leave(() => false),
  };
}

function split(path: string): readonly [folder: string, name: string] {
  const at = path.lastIndexOf('/');
  return at === -1 ? ['', path] : [path.slice(0, at), path.slice(at + 1)];
}

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');
