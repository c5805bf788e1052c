import { readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import type { ExceededLimit, SandboxLimits } from '@prusik/core';
import { measureFolder } from './measure-folder.ts';
import { treeOf } from './process-tree.ts';
import type { RunningProcess } from './running-process.ts';

const EVERY_MS = 100;

export interface WatchedUsage {
  readonly limits: SandboxLimits;
  /** The workspace's files on the host. */
  readonly files: string;
}

/**
 * Watches what no resource limit of the kernel sums up: the memory of the whole tree, and the workspace's size. It polls, so a
 * burst between two looks goes unseen; cgroups and quotas would enforce, but ordinary users mostly have neither.
 */
export function watchUsage(
  { pid }: RunningProcess,
  { limits, files }: WatchedUsage,
  onExceeded: (limit: ExceededLimit) => void,
): () => void {
  if (process.platform !== 'linux' || pid === undefined) return () => {};
  const disk = diskWatch(files, limits.diskBytes);
  let looking = false;
  const timer = setInterval(() => {
    if (memoryOf(treeOf(pid), limits.memoryBytes) > limits.memoryBytes) onExceeded('memoryBytes');
    if (looking) return;
    looking = true;
    disk()
      .then((over) => over && onExceeded('diskBytes'))
      // The workspace's own disk cannot be asked: the next look will tell, and the deadline holds in any case.
      .catch(() => {})
      .finally(() => {
        looking = false;
      });
  }, EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/**
 * Memory of these processes that no file on disk is behind: their own, and what they share. The quick sum counts pages that several have once for
 * each, so what looks like too much is counted again in proportional shares, which costs the kernel a walk through the page tables.
 */
function memoryOf(pids: readonly number[], limit: number): number {
  const resident = (pid: number): number => kibibytes(`/proc/${pid}/status`, /^Rss(?:Anon|Shmem):\s+(\d+) kB$/gm) ?? 0;
  const quick = sum(pids.map(resident));
  if (quick <= limit) return quick;
  return sum(
    pids.map((pid) => kibibytes(`/proc/${pid}/smaps_rollup`, /^Pss_(?:Anon|Shmem):\s+(\d+) kB$/gm) ?? resident(pid)),
  );
}

/** The sum of such lines of a file of `/proc`, in bytes; undefined when there is none to read. */
function kibibytes(path: string, lines: RegExp): number | undefined {
  try {
    const values = [...readFileSync(path, 'latin1').matchAll(lines)].map(([, value]) => Number(value) * 1_024);
    return values.length === 0 ? undefined : sum(values);
  } catch {
    return undefined;
  }
}

/** How long the workspace may go unmeasured: what others delete meanwhile hides from the file system's sum what a command writes. */
const MEASURED_EVERY_MS = 1_000;

/** Asks the file system how much fuller it got, which is cheap, and walks the workspace when that may have been us, or after a while. */
function diskWatch(files: string, limit: number): () => Promise<boolean> {
  let free = 0;
  let measured = 0;
  let measuredAt = performance.now();
  let every = MEASURED_EVERY_MS;
  return async () => {
    const { bavail, bsize } = await statfs(files);
    const now = bavail * bsize;
    free = Math.max(free, now);
    const mayBeOver = free - now > (limit - measured) / 2;
    if (!mayBeOver && performance.now() - measuredAt < every) return false;
    const began = performance.now();
    measured = await measureFolder(files, limit);
    measuredAt = performance.now();
    // A very large workspace is not to cost its size every second: a twentieth of the time at most.
    every = Math.max(MEASURED_EVERY_MS, 20 * (measuredAt - began));
    free = now;
    return measured > limit;
  };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
