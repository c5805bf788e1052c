import { isAbsolute, posix } from 'node:path';
import type { SandboxMount } from '@prusik/core';
import { WORKSPACE } from './bubblewrap-arguments.ts';

/** Folders that the sandbox itself makes. In the workspace and /tmp a command could put a link in the target's place. */
const OWN = [
  '/usr',
  '/bin',
  '/sbin',
  '/lib',
  '/lib32',
  '/lib64',
  '/libx32',
  '/etc',
  '/proc',
  '/dev',
  '/sys',
  '/tmp',
  WORKSPACE,
];

/** @throws {TypeError} for a mount that is not absolute, or would cover what the sandbox stands on. */
export function checkMounts(mounts: readonly SandboxMount[]): void {
  for (const { source, target } of mounts) {
    for (const path of [source, target])
      if (typeof path !== 'string' || !isAbsolute(path) || path.includes('\0'))
        throw new TypeError(
          `The mount of ${JSON.stringify(source)} on ${JSON.stringify(target)} must name absolute paths`,
        );
    const clean = posix.normalize(target);
    if (clean !== target || clean === '/' || OWN.some((own) => clean === own || clean.startsWith(`${own}/`)))
      throw new TypeError(
        `${JSON.stringify(target)} cannot be the target of a mount: it has to be an absolute path without . and .., and in none of the sandbox's own folders (${OWN.join(', ')})`,
      );
  }
}
