import { shown } from '../shown.ts';

/** A name that is not an id of ours: of a version, a worker, a code. */
export function checkText(name: string, value: unknown): void {
  if (typeof value !== 'string' || value.length > 200 || !value.isWellFormed() || value.includes('\0'))
    throw new TypeError(`The ${name} must be a string of at most 200 characters without NUL or an unpaired surrogate`);
}

export function checkCount(name: string, value: unknown): void {
  if (!Number.isSafeInteger(value) || (value as number) < 0)
    throw new TypeError(`The ${name} must be a whole number, not ${shown(value)}`);
}

export function checkTime(name: string, value: unknown): void {
  if (!Number.isFinite(value)) throw new TypeError(`${name} must be milliseconds since the epoch, not ${shown(value)}`);
}

/** What a caller in JavaScript made up would otherwise be stored, and no reader knows what it means. */
export function checkOneOf(name: string, value: unknown, allowed: readonly string[]): void {
  if (!allowed.includes(value as string))
    throw new TypeError(`The ${name} is one of ${allowed.join(', ')}, not ${shown(value)}`);
}

/** A property that is `undefined` is left out of a copy; where `null` is meant it has to be said. */
export function checkJson(name: string, value: unknown): void {
  if (value === undefined) throw new TypeError(`The ${name} is missing; null is JSON too`);
}

/** Text holds characters and has a `length` as well, and is no list of anything. */
export function checkList(name: string, value: unknown): void {
  if (value !== undefined && !Array.isArray(value)) throw new TypeError(`The ${name} must be a list`);
}

/** A list of objects. */
export function checkRecords(name: string, value: unknown): void {
  checkList(name, value);
  for (const item of (value ?? []) as readonly unknown[])
    if (typeof item !== 'object' || item === null || Array.isArray(item))
      throw new TypeError(`Each of the ${name} must be an object`);
}
