import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { PrusikError, type Json } from '@prusik/core';
import type { Call, Values } from './command.ts';

export function usage(message: string, cause?: unknown): PrusikError {
  return new PrusikError('CLI_USAGE', message, cause === undefined ? {} : { cause });
}

/** One of a set of words. */
export function oneOf<Word extends string>(name: string, text: string, words: readonly Word[]): Word {
  const found = words.find((word) => word === text);
  if (found === undefined) throw usage(`${name} is one of ${words.join(', ')}, not ${JSON.stringify(text)}`);
  return found;
}

/** Words that may be given one by one or with commas between. */
export function wordsOf<Word extends string>(
  values: Values,
  name: string,
  words: readonly Word[],
): readonly Word[] | undefined {
  const texts = listOf(values, name);
  return texts?.map((text) => oneOf(`--${name}`, text, words));
}

export function listOf(values: Values, name: string): readonly string[] | undefined {
  const texts = values.texts(name).flatMap((text) => text.split(','));
  // `--status "$UNSET"` would else be the same as no filter.
  if (texts.includes('')) throw usage(`--${name} names nothing`);
  return texts.length === 0 ? undefined : texts;
}

/** A whole number of at least `least`. */
export function numberOf(values: Values, name: string, least = 0): number | undefined {
  const text = values.text(name);
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(number) || number < least)
    throw usage(`--${name} is a whole number from ${least} on, not ${JSON.stringify(text)}`);
  return number;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A length of time, such as `90s`, `15m`, `12h`, `30d`, in milliseconds. */
export function spanOf(values: Values, name: string): number | undefined {
  const text = values.text(name);
  if (text === undefined) return undefined;
  const [, digits, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  const scale = unit === undefined ? undefined : UNITS[unit];
  if (digits === undefined || scale === undefined)
    throw usage(`--${name} is a length of time such as 90s, 15m, 12h or 30d, not ${JSON.stringify(text)}`);
  return Number(digits) * scale;
}

/** A moment: an ISO date, milliseconds since the epoch, or a length of time ago. */
export function momentOf(values: Values, name: string, now: number): number | undefined {
  const text = values.text(name);
  if (text === undefined) return undefined;
  if (/^\d{1,9}(ms|s|m|h|d)$/.test(text)) return now - (spanOf(values, name) ?? 0);
  const at = /^\d{10,16}$/.test(text) ? Number(text) : dateOf(text);
  if (Number.isNaN(at))
    throw usage(`--${name} is a date, such as 2026-11-28 or 2026-11-28T09:30:00Z, or a time ago, such as 2h`);
  return at;
}

/** The engine takes `7` for a day in 2001, the last of February for one in March, and a time without a zone for one of this machine, where ours are UTC. */
function dateOf(text: string): number {
  const [, day, time = 'T00:00', zone = 'Z'] =
    /^(\d{4}-\d\d-\d\d)([T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?(Z|[+-]\d\d:\d\d)?$/.exec(text) ?? [];
  const midnight = day === undefined ? Number.NaN : Date.parse(`${day}T00:00:00Z`);
  const isDay = !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(day ?? '');
  return isDay ? Date.parse(`${day}${time}${zone}`) : Number.NaN;
}

const SIZES: Readonly<Record<string, number>> = { '': 1, KiB: 1_024, MiB: 1_048_576, GiB: 1_073_741_824 };

/** A size in bytes, such as `500MiB`. */
export function sizeOf(values: Values, name: string): number | undefined {
  const text = values.text(name);
  if (text === undefined) return undefined;
  const [, digits, unit = ''] = /^(\d{1,12})(KiB|MiB|GiB)?$/.exec(text) ?? [];
  if (digits === undefined) throw usage(`--${name} is a size such as 500MiB or 2GiB, not ${JSON.stringify(text)}`);
  return Number(digits) * (SIZES[unit] ?? 1);
}

/** Largest file that is read for one value. */
const LARGEST_VALUE = 16 * 1_048_576;

/** A value as JSON: the text itself, or `@FILE` for what stands in a file. */
export function jsonOf({ values, io }: Pick<Call, 'values' | 'io'>, name: string): Json | undefined {
  const given = values.text(name);
  if (given === undefined) return undefined;
  const text = given.startsWith('@') ? readText(resolve(io.cwd, given.slice(1))) : given;
  try {
    return JSON.parse(text) as Json;
  } catch (cause) {
    throw usage(`--${name} is no JSON: a text needs its quotes, such as '"yes"'`, cause);
  }
}

function readText(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new PrusikError('FILE_UNREADABLE', `The file cannot be read: ${path}`, { cause });
  }
  if (text.length > LARGEST_VALUE) throw usage(`The file is larger than ${LARGEST_VALUE} characters: ${path}`);
  return text;
}
