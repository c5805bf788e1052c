import type { Dirent } from 'node:fs';
import { lstat, open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PrusikError } from '@prusik/core';
import { isHash } from '../git/refs.ts';

/** HEAD and all refs of a repository, as the two files that git reads them from. */
export interface RefsSnapshot {
  readonly head: string;
  readonly packedRefs: Uint8Array;
}

const REFS_LIMIT = 200_000;
const PACKED_LIMIT_BYTES = 64 * 1024 * 1024;
const REF_FILE_BYTES = 4_096;
const SYMREF_DEPTH = 5;

/**
 * Reads every ref as data. Loose refs before packed ones: `git pack-refs` writes the packed file first and deletes loose
 * files after, so a ref that vanishes under us is in the packed file by the time that we read it.
 *
 * Names are kept as bytes (latin1 strings), since git allows any.
 *
 * @throws {PrusikError} `UNSUPPORTED_REPOSITORY` above the bounds or for a HEAD that is no ref.
 */
export async function snapshotRefs(gitDir: string, commonDir: string): Promise<RefsSnapshot> {
  const head = (await readRefFile(join(gitDir, 'HEAD')))?.trim() ?? '';
  if (!isHash(head) && !/^ref: refs\/[^\0\n]+$/.test(head)) {
    throw new PrusikError('UNSUPPORTED_REPOSITORY', `${join(gitDir, 'HEAD')} names neither a branch nor a commit`);
  }
  const loose = new Map<string, string>();
  await readLoose(Buffer.from(join(commonDir, 'refs')), 'refs', loose);
  const refs = await readPacked(join(commonDir, 'packed-refs'));
  for (const [name, value] of loose) refs.set(name, value);
  const lines: string[] = [];
  for (const name of refs.keys()) {
    const hash = follow(refs, name);
    if (hash !== undefined) lines.push(`${hash} ${name}\n`);
  }
  return { head: `${head}\n`, packedRefs: Buffer.from(lines.toSorted().join(''), 'latin1') };
}

function follow(refs: ReadonlyMap<string, string>, name: string): string | undefined {
  let value = refs.get(name);
  for (let depth = 0; value?.startsWith('ref: ') === true && depth < SYMREF_DEPTH; depth += 1) {
    value = refs.get(value.slice('ref: '.length));
  }
  return value !== undefined && isHash(value) ? value : undefined;
}

async function readLoose(folder: Buffer, prefix: string, found: Map<string, string>): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true, encoding: 'buffer' }).catch(
    absent<Dirent<Buffer>[]>([]),
  );
  for (const entry of entries) {
    const name = `${prefix}/${entry.name.toString('latin1')}`;
    const path = Buffer.concat([folder, Buffer.from('/'), entry.name]);
    // Replacements would show another history than the one that everybody else has.
    if (name === 'refs/replace' || name.includes('\n')) continue;
    if (entry.isDirectory()) await readLoose(path, name, found);
    else if (entry.isFile() && !name.endsWith('.lock')) {
      const value = await readRefFile(path);
      if (value !== undefined) found.set(name, value.trim());
    }
    if (found.size > REFS_LIMIT) throw tooMany();
  }
}

async function readPacked(path: string): Promise<Map<string, string>> {
  const entry = await lstat(path).catch(absent(undefined));
  if (entry !== undefined && entry.size > PACKED_LIMIT_BYTES) throw tooMany();
  const text = entry === undefined ? '' : await readFile(path, 'latin1').catch(absent(''));
  const refs = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, hash, name] = /^([0-9a-f]{40,64}) (refs\/.+)$/.exec(line) ?? [];
    if (hash !== undefined && name !== undefined && !name.startsWith('refs/replace/')) refs.set(name, hash);
    if (refs.size > REFS_LIMIT) throw tooMany();
  }
  return refs;
}

/** Undefined when it is gone; only its first bytes, whatever stands there. */
async function readRefFile(path: string | Buffer): Promise<string | undefined> {
  const file = await open(path, 'r').catch(absent(undefined));
  if (file === undefined) return undefined;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(REF_FILE_BYTES), 0, REF_FILE_BYTES, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** A rejection handler: what vanished while we looked is as good as never there. */
export function absent<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return value;
    throw error;
  };
}

function tooMany(): PrusikError {
  return new PrusikError('UNSUPPORTED_REPOSITORY', `The repository has more than ${REFS_LIMIT} refs`);
}
