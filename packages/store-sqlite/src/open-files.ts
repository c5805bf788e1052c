import { fstatSync, statSync, type Stats } from 'node:fs';

/** How often this process has each file open through SQLite, by device and inode. */
const openings = new Map<string, number>();

/** Names the file that is at this path just now; `undefined` where there is none. One microsecond, or four right after a commit, when the kernel was elsewhere. */
export function fileAt(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found && nameOf(found);
}

/** Names the file of an open descriptor. */
export function fileOf(descriptor: number): string {
  return nameOf(fstatSync(descriptor));
}

const nameOf = ({ dev, ino }: Stats): string => `${dev}:${ino}`;

/**
 * Until the answer is called, {@link isOpenHere} says so. Whoever closes a plain descriptor of a file drops all POSIX locks that the
 * process has on it, SQLite's too: then another process takes itself for the only one that has the file open.
 */
export function trackOpening(file: string): () => void {
  openings.set(file, (openings.get(file) ?? 0) + 1);
  let tracked = true;
  return () => {
    if (!tracked) return;
    tracked = false;
    const left = (openings.get(file) ?? 1) - 1;
    if (left === 0) openings.delete(file);
    else openings.set(file, left);
  };
}

export function isOpenHere(file: string): boolean {
  return openings.has(file);
}
