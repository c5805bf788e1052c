import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PrusikError } from '@prusik/core';
import { isHash } from '../git/refs.ts';
import { readFormat, type ObjectFormat } from './config.ts';
import { locateRepository } from './locate.ts';
import { objectSources } from './objects.ts';
import { absent, snapshotRefs } from './refs-snapshot.ts';

/** A repository as data: what a copy of it is made of, our own settings instead of its. */
export interface RepositorySnapshot {
  readonly objectFormat: ObjectFormat;
  /** Small files of the copy, by their path in it. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Folders whose object files (see `isObjectFile`) go into the copy's `objects/`. */
  readonly objects: readonly string[];
  /** Commits whose parents this clone does not have. */
  readonly shallow: readonly string[];
  /** Other objects may be missing too. */
  readonly partial: boolean;
}

const CONFIG_BYTES = 1024 * 1024;

/**
 * Reads what names commits, and says where the objects are. Nothing is started and nothing is written. The objects are
 * to be copied **after** this: a commit made meanwhile then adds objects that no copied ref names, which is harmless; the
 * other way round a ref could name an object that was not copied.
 *
 * @throws {PrusikError} `NOT_A_REPOSITORY`, `UNSUPPORTED_REPOSITORY`.
 */
export async function snapshotRepository(folder: string): Promise<RepositorySnapshot> {
  const { gitDir, commonDir } = await locateRepository(folder);
  const objectFormat = readFormat((await readBounded(join(commonDir, 'config'))).toString('utf8'));
  const shallowFile = await readBounded(join(commonDir, 'shallow'));
  const { head, packedRefs } = await snapshotRefs(gitDir, commonDir);
  const shallow = shallowFile.toString('latin1').split('\n').filter(isHash);
  const files = new Map<string, Uint8Array>([
    ['HEAD', Buffer.from(head, 'latin1')],
    ['packed-refs', packedRefs],
    ['config', Buffer.from(configFor(objectFormat))],
    // git takes a folder for a repository only when it has one of these
    ['refs/.keep', new Uint8Array()],
  ]);
  if (shallow.length > 0) files.set('shallow', Buffer.from(`${shallow.join('\n')}\n`));
  const { folders, partial } = await objectSources(commonDir);
  return { objectFormat, files, objects: folders, shallow, partial };
}

function configFor(format: ObjectFormat): string {
  const extension = format === 'sha256' ? '[extensions]\n\tobjectFormat = sha256\n' : '';
  return `[core]\n\trepositoryFormatVersion = ${format === 'sha256' ? 1 : 0}\n\tbare = true\n${extension}`;
}

async function readBounded(path: string): Promise<Buffer> {
  const entry = await stat(path).catch(absent(undefined));
  if (entry === undefined) return Buffer.alloc(0);
  if (!entry.isFile() || entry.size > CONFIG_BYTES) {
    throw new PrusikError('UNSUPPORTED_REPOSITORY', `${path} is not a file that git would write`);
  }
  return readFile(path).catch(absent(Buffer.alloc(0)));
}
