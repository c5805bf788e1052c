import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Hands a filter to one process after another. */
export interface FilterSource {
  /** Opens the filter from its beginning. bubblewrap reads to the end, so that no two processes can share an open file. */
  open(): { readonly fd: number; close(): void };
  close(): void;
}

/** Keeps `filter` in a file without a name, which nobody can change and no crash leaves behind. */
export function createFilterSource(filter: Uint8Array): FilterSource {
  const folder = mkdtempSync(join(tmpdir(), 'prusik-seccomp-'));
  let file: number;
  try {
    writeFileSync(join(folder, 'filter'), filter, { mode: 0o600 });
    file = openSync(join(folder, 'filter'), 'r');
  } finally {
    rmSync(folder, { recursive: true });
  }
  return {
    open() {
      const fd = openSync(`/proc/self/fd/${file}`, 'r');
      return { fd, close: () => closeSync(fd) };
    },
    close: () => closeSync(file),
  };
}
