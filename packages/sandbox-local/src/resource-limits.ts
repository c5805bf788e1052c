import { readFileSync } from 'node:fs';
import type { SandboxLimits } from '@prusik/core';

/** Row of `/proc/self/limits`, option of prlimit, and the limit that it carries. */
const RESOURCES = [
  ['Max processes', 'nproc', 'processes'],
  // RLIMIT_DATA counts private writable memory. RLIMIT_AS would count address space, of which Node and Go reserve far more than they use.
  ['Max data size', 'data', 'memoryBytes'],
  ['Max file size', 'fsize', 'fileBytes'],
  ['Max open files', 'nofile', 'openFiles'],
] as const;

/**
 * Options for prlimit, which runs inside the sandbox: there RLIMIT_NPROC counts the processes of the sandbox's own user
 * namespace. Outside it would count everything the user runs, and nothing at all for root.
 */
export function prlimitOptions(limits: SandboxLimits, hostLimits: ReadonlyMap<string, number>): readonly string[] {
  const options = RESOURCES.map(([row, option, limit]) => {
    // Raising a hard limit is refused, so the host's own lower one stays.
    const value = Math.min(limits[limit], hostLimits.get(row) ?? Number.POSITIVE_INFINITY);
    return `--${option}=${value}`;
  });
  return [...options, '--core=0'];
}

/** Hard limits of this process by their row in `/proc/self/limits`; unlimited ones are left out. */
export function readHostLimits(): ReadonlyMap<string, number> {
  const limits = new Map<string, number>();
  for (const line of readFileSync('/proc/self/limits', 'utf8').split('\n').slice(1)) {
    const [, row, hard] = /^(.{25}) \S+\s+(\S+)/.exec(line) ?? [];
    if (row !== undefined && hard !== undefined && hard !== 'unlimited') limits.set(row.trim(), Number(hard));
  }
  return limits;
}
