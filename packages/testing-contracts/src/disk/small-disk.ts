import { mkdtempSync, rmdirSync, rmSync, statfsSync, writeSync, openSync, closeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemCommand } from './system-command.ts';

/** A file system of its own that can be full, or read-only. */
export interface SmallDisk {
  /** Its folder, empty at first. */
  readonly path: string;
  freeBytes(): number;
  /** Takes what is free but for this many bytes, so that the next write of more fails with `ENOSPC`. */
  fill(leaveBytes?: number): void;
  /** Gives back what {@link SmallDisk.fill} took. */
  empty(): void;
  /** Nothing can be written from now on. Throws while somebody has a file open for writing. */
  makeReadOnly(): void;
  /** Unmounts it, with everything on it, also while files of it are open. Harmless when called again, and called when the process exits. */
  remove(): void;
}

/** Makes a disk of this size, in memory. Linux, as root. @throws when it cannot be mounted. */
export function smallDisk({ bytes }: { readonly bytes: number }): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), 'prusik-disk-'));
  try {
    systemCommand('mount', '-t', 'tmpfs', '-o', `size=${bytes},mode=0777`, 'prusik-disk', path);
  } catch (error) {
    rmdirSync(path);
    throw error;
  }
  const ballast = join(path, '.ballast');
  let mounted = true;

  function freeBytes(): number {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  }

  function remove(): void {
    if (!mounted) return;
    mounted = false;
    process.off('exit', remove);
    // Lazily: a process that was killed just now may not be gone yet.
    systemCommand('umount', '--lazy', path);
    rmdirSync(path);
  }

  process.once('exit', remove);
  return {
    path,
    freeBytes,
    fill(leaveBytes = 0) {
      const file = openSync(ballast, 'a');
      try {
        for (let left = freeBytes() - leaveBytes; left > 0;)
          left -= writeSync(file, Buffer.alloc(Math.min(left, 65_536)));
      } finally {
        closeSync(file);
      }
    },
    empty: () => rmSync(ballast, { force: true }),
    makeReadOnly: () => void systemCommand('mount', '-o', 'remount,ro', path),
    remove,
  };
}
