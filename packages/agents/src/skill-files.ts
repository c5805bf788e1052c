import { constants, lstatSync, readdirSync, type Stats } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { PrusikError } from '@prusik/core';

/** A file of a skill, by its path in the folder, `/` between names. */
export interface SkillFile {
  readonly path: string;
  readonly bytes: number;
}

/** Bounds of a skill; past one of them `SKILL_INVALID`. */
export const SKILL_LIMITS = {
  /** Bytes of SKILL.md. */
  instructions: 131_072,
  /** Files of a skill. */
  files: 1_000,
  /** Bytes of all of them. */
  bytes: 67_108_864,
  /** Folders in folders. */
  depth: 8,
} as const;

/**
 * The files of a folder, in order. Links and special files are named as problems: a link could show a model what is outside.
 */
export function listSkillFiles(folder: string): {
  readonly files: readonly SkillFile[];
  readonly problems: readonly string[];
} {
  const files: SkillFile[] = [];
  const problems: string[] = [];
  let bytes = 0;

  function walk(inside: string, depth: number): void {
    const names = readdirSync(join(folder, inside)).toSorted();
    for (const name of names) {
      if (files.length >= SKILL_LIMITS.files) return;
      const path = inside === '' ? name : `${inside}/${name}`;
      const stats = lstatSync(join(folder, path));
      if (stats.isDirectory()) {
        if (depth >= SKILL_LIMITS.depth) problems.push(`${path}: folders lie deeper than ${SKILL_LIMITS.depth} levels`);
        else walk(path, depth + 1);
      } else if (!stats.isFile()) problems.push(`${path} is ${kindOf(stats)}: copy the file itself into the folder`);
      else {
        bytes += stats.size;
        files.push({ path, bytes: stats.size });
      }
    }
  }

  walk('', 0);
  if (files.length >= SKILL_LIMITS.files) problems.push(`it has ${SKILL_LIMITS.files} files or more`);
  if (bytes > SKILL_LIMITS.bytes) problems.push(`its files have more than ${SKILL_LIMITS.bytes} bytes`);
  return { files, problems };
}

const kindOf = (stats: Stats): string => (stats.isSymbolicLink() ? 'a link' : 'no ordinary file');

/**
 * Part of a file of a skill: `length` bytes from `offset`, as they are now.
 *
 * @throws {PrusikError} `SKILL_FILE_UNAVAILABLE` where it is gone, or is no longer the plain file that was looked at.
 */
export async function readSkillFile(
  folder: string,
  path: string,
  { offset, length }: { readonly offset: number; readonly length: number },
): Promise<{ readonly bytes: Buffer; readonly size: number }> {
  const place = join(folder, path);
  const unavailable = (cause?: unknown): PrusikError =>
    new PrusikError('SKILL_FILE_UNAVAILABLE', `The file ${path} of the skill cannot be read`, { cause });
  try {
    // Somebody may have put a link into the way since the folder was looked at.
    if ((await realpath(place)) !== place) throw unavailable();
    // The flags of the platform: where there is no O_NOFOLLOW, the path was just seen to have no link.
    const file = await open(place, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
    try {
      const stats = await file.stat();
      if (!stats.isFile()) throw unavailable();
      const bytes = Buffer.alloc(Math.max(0, Math.min(length, stats.size - offset)));
      const { bytesRead } = await file.read(bytes, 0, bytes.length, offset);
      return { bytes: bytes.subarray(0, bytesRead), size: stats.size };
    } finally {
      await file.close();
    }
  } catch (error) {
    throw error instanceof PrusikError ? error : unavailable(error);
  }
}
