import type { SandboxLimits } from '@prusik/core';

const MIB = 1024 * 1024;

export const DEFAULT_LIMITS: SandboxLimits = {
  timeoutMs: 10_000,
  maxOutputBytes: 8 * MIB,
  hardOutputBytes: 64 * MIB,
  processes: 256,
  memoryBytes: 2048 * MIB,
  fileBytes: 512 * MIB,
  diskBytes: 2048 * MIB,
  openFiles: 1_024,
};

/** The longest delay that a Node timer keeps; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** `base` with `changes` over it. @throws {TypeError} for a limit that there is not, or that is not a positive whole number. */
export function resolveLimits<Limits extends { readonly [Name in keyof Limits]: number }>(
  base: Limits,
  changes: Partial<Limits> = {},
): Limits {
  const limits = { ...base };
  for (const [name, value] of Object.entries<number | undefined>(changes)) {
    if (!Object.hasOwn(base, name))
      throw new TypeError(`There is no limit ${name}, only ${Object.keys(base).join(', ')}`);
    if (value !== undefined) Object.assign(limits, { [name]: checkLimit(name, value) });
  }
  return limits;
}

/** @throws {TypeError} unless `value` is a positive whole number (of milliseconds: that a timer keeps). */
export function checkLimit(name: string, value: number): number {
  const most = name.endsWith('Ms') ? MAX_TIMER_MS : Number.MAX_SAFE_INTEGER;
  if (!Number.isSafeInteger(value) || value < 1 || value > most)
    throw new TypeError(`${name} must be a whole number from 1 to ${most}, not ${String(value)}`);
  return value;
}
