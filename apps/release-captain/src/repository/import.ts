import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { PrusikError, isPrusikError, type Sandbox, type SandboxSession } from '@prusik/core';
import { isObjectFile, isObjectPath } from './objects.ts';
import { absent } from './refs-snapshot.ts';
import { snapshotRepository, type RepositorySnapshot } from './snapshot.ts';

/** Bytes and files of one repository's objects, at most. */
export const REPOSITORY_LIMITS = { bytes: 4 * 1024 ** 3, files: 200_000 };

export interface ImportOptions {
  readonly sandbox: Sandbox;
  /** The workspace's id; one that a killed process left half made is made anew. */
  readonly workspace: string;
  /** Any folder of the repository. */
  readonly folder: string;
  readonly signal?: AbortSignal;
}

export type ImportedRepository = Pick<RepositorySnapshot, 'shallow' | 'partial'>;

/**
 * Copies a repository into a new workspace, which then is a bare git folder. git does not run, and nothing is
 * written outside the workspace.
 *
 * @throws {PrusikError} `NOT_A_REPOSITORY`, `UNSUPPORTED_REPOSITORY`, `REPOSITORY_TOO_LARGE`.
 */
export async function importRepository(options: ImportOptions): Promise<ImportedRepository> {
  const { sandbox, workspace, folder, signal } = options;
  const snapshot = await snapshotRepository(folder);
  // An existing workspace is of an attempt that ended before its outcome was stored: its objects may be older than these refs.
  await sandbox.workspaces.remove(workspace);
  const [own, ...borrowed] = snapshot.objects;
  // A folder of another name is reached by a link (`repo`, old work trees) and is copied like a borrowed one.
  const direct = own !== undefined && basename(own) === 'objects';
  await create(options, direct ? dirname(own) : undefined);
  const session = await sandbox.open({
    workspace,
    limits: { diskBytes: REPOSITORY_LIMITS.bytes },
    ...(signal ? { signal } : {}),
  });
  try {
    for (const objects of direct ? borrowed : snapshot.objects) await copyObjects(session, objects, signal);
    for (const [path, content] of snapshot.files) await session.writeBinaryFile({ path, content });
  } finally {
    await session[Symbol.asyncDispose]();
  }
  return { shallow: snapshot.shallow, partial: snapshot.partial };
}

async function create({ sandbox, workspace, signal }: ImportOptions, folder: string | undefined): Promise<void> {
  const include = (path: string): boolean =>
    path === 'objects' || (path.startsWith('objects/') && isObjectPath(path.slice('objects/'.length)));
  try {
    await sandbox.workspaces.create({
      id: workspace,
      from: folder === undefined ? { empty: true } : { folder, include },
      limits: REPOSITORY_LIMITS,
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (!isPrusikError(error, 'WORKSPACE_TOO_LARGE')) throw error;
    throw new PrusikError('REPOSITORY_TOO_LARGE', 'The repository’s objects are more than 4 GiB or 200,000 files', {
      cause: error,
    });
  }
}

/** Objects have the same name in every repository, so folders merge without a conflict. */
async function copyObjects(session: SandboxSession, from: string, signal: AbortSignal | undefined): Promise<void> {
  for (const folder of await readdir(from)) {
    for (const name of await readdir(join(from, folder)).catch(absent<string[]>([]))) {
      signal?.throwIfAborted();
      const path = `${folder}/${name}`;
      if (!isObjectFile(path)) continue;
      const content = Readable.toWeb(createReadStream(join(from, path))) as ReadableStream<Uint8Array>;
      await session.writeFile({ path: `objects/${path}`, content });
    }
  }
}
