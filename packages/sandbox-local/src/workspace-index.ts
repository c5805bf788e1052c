import { readFileSync, type BigIntStats } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { systemCode } from './directory.ts';

/**
 * What is known of the files of a workspace without reading them, from the last snapshot or restore: a file whose length, inode and change time are the same holds the
 * same. Commands cannot set a change time, and cannot reach this file.
 */
export interface WorkspaceIndex {
  /** A snapshot that has all of these contents, while it is there. */
  readonly base: string;
  readonly files: ReadonlyMap<string, IndexedFile>;
}

export interface IndexedFile {
  readonly stamp: string;
  readonly hash: string;
}

export const EMPTY_INDEX: WorkspaceIndex = { base: '', files: new Map() };

const HEADER = 'prusik index 1';

export function stampOf({ size, ctimeNs, ino }: BigIntStats): string {
  return `${size} ${ctimeNs} ${ino}`;
}

/**
 * Whether a later change is sure to give the file another change time, if its content was read at `readAt` (milliseconds since the epoch). The kernel takes these times from
 * a clock that moves every few milliseconds, some file systems only every second or two; a file that was changed within such a tick is read again next time.
 */
export function isSettled({ ctimeNs }: BigIntStats, readAt: number): boolean {
  const tickMs = ctimeNs % 1_000_000_000n === 0n ? 2_100 : 50;
  return Number(ctimeNs / 1_000_000n) < readAt - tickMs;
}

/** Written without syncing: after a boot it is not believed, since files may have lost what was not on the disk. */
export async function writeIndex(path: string, staged: string, { base, files }: WorkspaceIndex): Promise<void> {
  const fields = [HEADER, bootId(), base];
  for (const [name, { stamp, hash }] of files) fields.push(name, stamp, hash);
  await writeFile(staged, fields.join('\0'), { encoding: 'latin1', mode: 0o600 });
  await rename(staged, path);
}

/** Nothing is known where there is none, or another version's. */
export async function readIndex(path: string): Promise<WorkspaceIndex> {
  let text: string;
  try {
    text = await readFile(path, 'latin1');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return EMPTY_INDEX;
    throw error;
  }
  const [header, boot, base = '', ...fields] = text.split('\0');
  if (header !== HEADER || boot !== bootId()) return EMPTY_INDEX;
  const files = new Map<string, IndexedFile>();
  for (let at = 0; at + 2 < fields.length; at += 3) {
    const [name = '', stamp = '', hash = ''] = fields.slice(at, at + 3);
    files.set(name, { stamp, hash });
  }
  return { base, files };
}

/** Elsewhere than on Linux nobody tells boots apart, and nothing is believed. */
function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return `${process.pid}-${performance.timeOrigin}`;
  }
}
