import { createHash, hash, type Hash } from 'node:crypto';
import { createReadStream, existsSync, lstatSync } from 'node:fs';
import {
  chmod,
  constants,
  copyFile,
  lchown,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  stat,
  unlink,
  utimes,
} from 'node:fs/promises';
import { join } from 'node:path';
import { PrusikError } from '@prusik/core';
import { systemCode } from './directory.ts';
import type { Identity } from './identity.ts';
import { decodeManifest, encodeManifest, manifestId, type Manifest } from './manifest.ts';
import { syncPath } from './sync-path.ts';

/** Longer files are copied by the file system, which may share their blocks, and hashed from the copy. */
const WHOLE_BYTES = 1024 ** 2;
const ID = /^[0-9a-f]{64}$/;

/** A file that is open, or an object. */
export interface Content {
  /** Reaches this file whatever its name stands for by now. */
  readonly path: string;
  readonly size: number;
}

export interface KeptContent {
  readonly hash: string;
  readonly size: number;
}

/**
 * Contents by their SHA-256 and manifests by theirs. Each is written beside, synced and renamed in, so what has its name is whole; nothing is ever
 * changed in place, and no other file shares it by a hard link, since commands write in place.
 */
export interface SnapshotStore {
  /** Keeps a content in `staging` first; on the disk after {@link SnapshotStore.sync}. */
  keep(content: Content, staging: Staging): Promise<KeptContent>;
  /** Whether it is kept; on the disk after {@link SnapshotStore.sync}. */
  has(hash: string, staging: Staging): boolean;
  sync(staging: Staging): Promise<void>;
  /** A copy beside, synced, which a rename puts where it belongs. Rejects with `SNAPSHOT_DAMAGED`. */
  copyOut(
    content: KeptContent & { readonly mode: number },
    owner: Identity | undefined,
    staging: Staging,
  ): Promise<string>;

  /** Kept, on the disk, under its id. All that it names has to be. */
  save(manifest: Manifest, staging: Staging): Promise<string>;
  /** Rejects with `SNAPSHOT_NOT_FOUND`, `SNAPSHOT_DAMAGED`. */
  load(snapshot: string): Promise<Manifest>;
  exists(snapshot: string): boolean;
  list(): Promise<readonly { readonly snapshot: string; readonly createdAt: number }[]>;
  remove(snapshot: string): Promise<void>;
  /** Removes contents that no snapshot names. Nobody may keep or copy meanwhile. */
  collect(): Promise<void>;
}

/** A folder for what is being written, and what has to be synced. */
export interface Staging {
  readonly folder: string;
  next(): string;
  readonly unsynced: Set<string>;
}

export function createStaging(folder: string): Staging {
  let count = 0;
  return { folder, next: () => join(folder, String(count++)), unsynced: new Set() };
}

export function createSnapshotStore(root: string): SnapshotStore {
  const objects = join(root, 'objects');
  const snapshots = join(root, 'snapshots');
  const objectPath = (digest: string): string => join(objects, digest.slice(0, 2), digest.slice(2));

  function has(digest: string, staging: Staging): boolean {
    if (!existsSync(objectPath(digest))) return false;
    // Whoever wrote it may not have synced its folder yet, nor the one that this is in.
    staging.unsynced.add(join(objects, digest.slice(0, 2)));
    staging.unsynced.add(objects);
    return true;
  }

  /** What is there but shorter or longer was damaged, and is put there anew. */
  const hasWhole = ({ hash: digest, size }: KeptContent, staging: Staging): boolean =>
    has(digest, staging) && lstatSync(objectPath(digest), { throwIfNoEntry: false })?.size === size;

  async function place(staged: string, digest: string, staging: Staging): Promise<void> {
    const folder = join(objects, digest.slice(0, 2));
    if (!existsSync(folder)) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      staging.unsynced.add(objects);
    }
    await rename(staged, objectPath(digest));
    staging.unsynced.add(folder);
  }

  async function keep(content: Content, staging: Staging): Promise<KeptContent> {
    const staged = staging.next();
    if (content.size <= WHOLE_BYTES) {
      const bytes = await readStart(content);
      const digest = hash('sha256', bytes);
      const kept = { hash: digest, size: bytes.length };
      if (!hasWhole(kept, staging)) {
        await writeSynced(staged, bytes);
        await place(staged, digest, staging);
      }
      return kept;
    }
    await copyFile(content.path, staged, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    await chmod(staged, 0o600);
    const kept = await hashFile(staged);
    if (hasWhole(kept, staging)) {
      await rm(staged);
    } else {
      await syncPath(staged);
      await place(staged, kept.hash, staging);
    }
    return kept;
  }

  async function load(snapshot: string): Promise<Manifest> {
    let bytes: Buffer;
    try {
      if (!ID.test(snapshot)) throw Object.assign(new Error('It is no id'), { code: 'ENOENT' });
      bytes = await readFile(join(snapshots, snapshot));
    } catch (cause) {
      if (systemCode(cause) !== 'ENOENT') throw cause;
      throw new PrusikError('SNAPSHOT_NOT_FOUND', `There is no snapshot ${snapshot.slice(0, 100)}`, { cause });
    }
    if (manifestId(bytes) !== snapshot) throw damaged(`The snapshot ${snapshot}`);
    try {
      return decodeManifest(bytes);
    } catch (cause) {
      throw damaged(`The snapshot ${snapshot}`, cause);
    }
  }

  async function list(): Promise<readonly { readonly snapshot: string; readonly createdAt: number }[]> {
    const found = [];
    for (const snapshot of (await readdir(snapshots)).filter((name) => ID.test(name)).toSorted())
      found.push({ snapshot, createdAt: (await stat(join(snapshots, snapshot))).mtimeMs });
    return found;
  }

  return {
    keep,
    has,
    load,
    list,
    exists: (snapshot) => ID.test(snapshot) && existsSync(join(snapshots, snapshot)),
    async sync({ unsynced }) {
      await Promise.all([...unsynced].map((folder) => syncPath(folder)));
      unsynced.clear();
    },

    async copyOut({ hash: digest, size, mode }, owner, staging) {
      const staged = staging.next();
      if (size <= WHOLE_BYTES) {
        const bytes = await readStart({ path: objectPath(digest), size }).catch(missing(digest));
        if (hash('sha256', bytes) !== digest) throw damaged(`The content ${digest}`);
        await writeSynced(staged, bytes, mode);
      } else {
        await copyFile(objectPath(digest), staged, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE).catch(
          missing(digest),
        );
        if ((await hashFile(staged)).hash !== digest) throw damaged(`The content ${digest}`);
        await syncPath(staged);
        await chmod(staged, mode);
      }
      if (owner?.drop === true) await lchown(staged, owner.uid, owner.gid);
      return staged;
    },

    async save(manifest, staging) {
      const encoded = encodeManifest(manifest);
      const snapshot = manifestId(encoded);
      const path = join(snapshots, snapshot);
      if (existsSync(path)) {
        const now = new Date();
        await utimes(path, now, now);
      } else {
        const staged = staging.next();
        await writeSynced(staged, encoded);
        await rename(staged, path);
      }
      // Whoever wrote it may not have synced it yet.
      await syncPath(snapshots);
      return snapshot;
    },

    remove: (snapshot) => rm(join(snapshots, snapshot), { force: true }),

    async collect() {
      const used = new Set<string>();
      for (const { snapshot } of await list())
        for (const entry of (await load(snapshot)).values()) if (entry.type === 'file') used.add(entry.hash);
      for (const entry of await readdir(objects, { withFileTypes: true })) {
        const folder = entry.name;
        if (!entry.isDirectory() || folder.length !== 2) continue;
        // What somebody else has put there is not ours to remove.
        const unused = (await readdir(join(objects, folder))).filter(
          (rest) => ID.test(folder + rest) && !used.has(folder + rest),
        );
        await Promise.all(unused.map((rest) => unlink(join(objects, folder, rest))));
        await rmdir(join(objects, folder)).catch((error: unknown) => {
          if (systemCode(error) !== 'ENOTEMPTY') throw error;
        });
      }
    },
  };
}

/** Nothing is kept of it. */
export async function hashContent(content: Content): Promise<KeptContent> {
  if (content.size > WHOLE_BYTES) return hashFile(content.path);
  const bytes = await readStart(content);
  return { hash: hash('sha256', bytes), size: bytes.length };
}

/** A file that grows meanwhile is read to the size it had: a command may make gigabytes of it before it is opened. */
async function readStart({ path, size }: Content): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const bytes = Buffer.alloc(size);
    let length = 0;
    while (length < size) {
      const { bytesRead } = await handle.read(bytes, length, size - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return bytes.subarray(0, length);
  } finally {
    await handle.close();
  }
}

async function hashFile(path: string): Promise<KeptContent> {
  const digest: Hash = createHash('sha256');
  let size = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: WHOLE_BYTES })) {
    digest.update(chunk as Buffer);
    size += (chunk as Buffer).length;
  }
  return { hash: digest.digest('hex'), size };
}

async function writeSynced(path: string, bytes: Buffer, mode = 0o600): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  try {
    await handle.writeFile(bytes);
    if (mode !== 0o600) await handle.chmod(mode);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function missing(digest: string) {
  return (cause: unknown): never => {
    if (systemCode(cause) === 'ENOENT') throw damaged(`The content ${digest}`, cause);
    throw cause;
  };
}

function damaged(what: string, cause?: unknown): PrusikError {
  return new PrusikError(
    'SNAPSHOT_DAMAGED',
    `${what} is not what it was kept as`,
    cause === undefined ? {} : { cause },
  );
}
