import { posix } from 'node:path';
import { PrusikError } from '@prusik/core';
import { checkLimit } from './limits.ts';

/** The kernel's MAX_ARG_STRLEN, with the final NUL. */
const LONGEST_ARGUMENT = 128 * 1024 - 1;
/** Below what every kernel takes with the default stack limit, leaving room for the environment and the launcher. */
const ALL_ARGUMENTS = 1024 * 1024;

/**
 * @throws {TypeError} for a program name that cannot be one, and for NUL bytes.
 * @throws {PrusikError} `SANDBOX_ARGUMENTS_TOO_LARGE`.
 */
export function checkCommand(file: string, args: readonly string[]): void {
  if (typeof file !== 'string' || file === '' || file.startsWith('-'))
    throw new TypeError(`${JSON.stringify(file)} cannot be a program: it is empty or looks like an option`);
  let sum = 0;
  for (const argument of [file, ...args]) {
    if (typeof argument !== 'string' || argument.includes('\0'))
      throw new TypeError('Arguments must be strings without NUL bytes');
    const length = Buffer.byteLength(argument);
    sum += length + 1;
    if (length > LONGEST_ARGUMENT || sum > ALL_ARGUMENTS)
      throw new PrusikError(
        'SANDBOX_ARGUMENTS_TOO_LARGE',
        'The command line is too long for the kernel; pass the data through stdin or a file',
        {
          meta: { argumentBytes: LONGEST_ARGUMENT, allBytes: ALL_ARGUMENTS },
        },
      );
  }
}

/** @throws {TypeError} unless `value` is a number of milliseconds, or of bytes. */
export function checkOverride(name: 'timeoutMs' | 'maxOutputBytes', value: number | undefined, base: number): number {
  return value === undefined ? base : checkLimit(name, value);
}

/** Absolute working directory inside the sandbox; it is looked up there, not on the host. */
export function resolveDirectory(cwd: string | undefined, directory: string): string {
  if (cwd === undefined) return directory;
  if (typeof cwd !== 'string' || cwd.includes('\0'))
    throw new TypeError('The working directory must be a string without NUL');
  return posix.resolve(directory, cwd);
}
