import { shown } from './shown.ts';
import { charactersOfCopy, freezeCopy } from './frozen-copies.ts';

/** What a journal can hold. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
/** A JSON object. */
export interface JsonObject {
  readonly [key: string]: Json;
}

/**
 * An object that is to be recorded, in which a member that is `undefined` is one that is not there: {@link toJson} leaves it out. All objects of a place
 * have one shape then, where a conditional spread for each member gives them many, and takes longer than all else that is done with them.
 */
export const sparse = <T extends object>(members: { readonly [Name in keyof T]: T[Name] | undefined }): T =>
  members as T;

/** Levels of a value. */
const LEVELS = 1_000;
/** Levels of a value with what it is recorded in: what is as deep as a value may be must not be refused once it is in an entry of a commit. */
const LEVELS_OF_A_WRITE = 1_020;
/** A control character is six bytes of JSON text; a character of any script is at most three. */
const MOST_BYTES_A_CHARACTER = 6;

/**
 * A copy of `value` as JSON would give it back, so that a live result and a replayed one are the same value. One whose text would
 * have more than `maxBytes` bytes in UTF-8 is given up as soon as that is sure: what is past it is not even looked at.
 * Object properties that are `undefined` are dropped, as `JSON.stringify` does; everything else that JSON
 * would lose or bend (NaN, functions, symbols, BigInt, class instances, cycles, holes) is refused.
 *
 * @throws {TypeError} naming the path of the first value that is not JSON.
 * @throws {RangeError} past `maxBytes`.
 */
export function toJson(value: unknown, maxBytes: number = Infinity): Json {
  return checkedCopy(value, sizeWithin(maxBytes, LEVELS, 'plain'));
}

/** The same copy, frozen throughout. A store that is given it or a part of it, in whatever that is recorded in, need not copy it again. */
export function toFrozenJson(value: unknown, maxBytes: number = Infinity): Json {
  return checkedCopy(value, sizeWithin(maxBytes, LEVELS, 'known'));
}

/** The same for what values are recorded in, which may be as much deeper as that takes. What {@link toFrozenJson} gave stands in it as it is. */
export function toJsonOfWrite(value: unknown, maxBytes: number): Json {
  return checkedCopy(value, sizeWithin(maxBytes, LEVELS_OF_A_WRITE, 'frozen'));
}

/**
 * The same copy with its text, for those who need both: a large one is turned into text once.
 *
 * @throws {TypeError} and {RangeError} as {@link toJson}.
 */
export function toJsonText(value: unknown, maxBytes: number): { readonly value: Json; readonly text: string } {
  const json = copyOrExplain(value, sizeWithin(maxBytes, LEVELS, 'plain'));
  const text = JSON.stringify(json);
  if (text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes) throw tooLarge(maxBytes);
  return { value: json, text };
}

/** A copy under way. */
interface Size {
  /** Of the text that was copied so far, without escapes: its bytes are no fewer. */
  characters: number;
  readonly most: number;
  readonly levels: number;
  /** `known`: frozen, and never copied again. Both of these take what is known as it is. */
  readonly result: 'plain' | 'frozen' | 'known';
}

const sizeWithin = (most: number, levels: number, result: Size['result']): Size => ({
  characters: 0,
  most,
  levels,
  result,
});

function checkedCopy(value: unknown, size: Size): Json {
  const json = copyOrExplain(value, size);
  // Counted exactly only where escapes and other scripts could make the difference.
  if (size.characters * MOST_BYTES_A_CHARACTER > size.most && Buffer.byteLength(JSON.stringify(json)) > size.most)
    throw tooLarge(size.most);
  return json;
}

/** Thrown by {@link copy}, which keeps no path: nearly every value is JSON. {@link explain} says then what is wrong. */
const NOT_JSON: unique symbol = Symbol('not JSON');

function copyOrExplain(value: unknown, size: Size): Json {
  try {
    return copy(value, 0, size);
  } catch (error) {
    if (error !== NOT_JSON && !(error instanceof RangeError)) throw error;
    // A cycle may have come to be too large before it came to be too deep.
    explain(value, [], { ...size, characters: 0 });
    throw error === NOT_JSON ? new TypeError('$ changed while it was copied') : error;
  }
}

function count(size: Size, characters: number): void {
  size.characters += characters;
  if (size.characters > size.most) throw tooLarge(size.most);
}

function tooLarge(maxBytes: number): RangeError {
  return new RangeError(`The value has more than ${maxBytes} bytes as JSON`);
}

function copy(value: unknown, level: number, size: Size): Json {
  switch (typeof value) {
    case 'string':
      count(size, value.length + 2);
      return value;
    case 'boolean':
      count(size, 1);
      return value;
    case 'number':
      if (!Number.isFinite(value)) throw NOT_JSON;
      count(size, 1);
      // -0 becomes 0, as it does in JSON text
      return value === 0 ? 0 : value;
    case 'object':
      break;
    default:
      throw NOT_JSON;
  }
  if (value === null) {
    count(size, 1);
    return null;
  }
  const { result: kind, characters: before } = size;
  if (kind !== 'plain') {
    const length = charactersOfCopy(value);
    if (length !== undefined) {
      count(size, length);
      return value as Json;
    }
  }
  // A cycle comes here, too.
  if (level >= size.levels) throw NOT_JSON;
  count(size, 2);
  const result = Array.isArray(value) ? copyArray(value, level + 1, size) : copyObject(value, level + 1, size);
  if (kind === 'plain') return result;
  return kind === 'known' ? freezeCopy(result, size.characters - before) : Object.freeze(result);
}

function copyArray(value: readonly unknown[], level: number, size: Size): Json[] {
  const result: Json[] = [];
  for (let index = 0; index < value.length; index += 1) {
    if (index > 0) count(size, 1);
    result.push(copy(value[index], level, size));
  }
  return result;
}

/** A loop over an object's keys need not look for this one: V8 knows that. Of `Object.hasOwn` it does not, and a fifth of a copy was its looks. */
const { hasOwnProperty: hasOwn } = Object.prototype;

function copyObject(value: object, level: number, size: Size): Record<string, Json> {
  if (!isPlain(value)) throw NOT_JSON;
  const result: Record<string, Json> = {};
  let first = true;
  // A third faster than its keys as a list.
  for (const key in value) {
    if (!hasOwn.call(value, key)) continue;
    const item = (value as Readonly<Record<string, unknown>>)[key];
    if (item === undefined) continue;
    count(size, key.length + (first ? 3 : 4));
    first = false;
    setOwn(result, key, copy(item, level, size));
  }
  return result;
}

/** A plain object of another realm (a worker, a test runner's sandbox) has an Object.prototype of its own. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Assignment to `__proto__` would set the prototype instead of making a property. */
function setOwn(object: Record<string, Json>, key: string, value: Json): void {
  if (key === '__proto__') {
    Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
  } else {
    object[key] = value;
  }
}

/**
 * The one text of a JSON value: keys sorted by code unit, no white space. Equal values have equal texts, different
 * values different ones (a `__proto__` key counts like any other), so it can be hashed into an identity.
 *
 * @throws {TypeError} naming the path of the first value that is not JSON; unlike {@link toJson}, an `undefined` property too.
 */
export function canonicalJson(value: unknown): string {
  return canonical(value, []);
}

/** The way from the top to a value: each object with the key that leads on. The path is only put into words when something is refused. */
type Way = { readonly object: object; key: string | number }[];

/** Levels that a refusal names. */
const PATH_LEVELS = 20;

function refuse(way: Way, what: string): never {
  const named = way.slice(0, PATH_LEVELS).map(({ key }) => `[${typeof key === 'number' ? key : shown(key)}]`);
  const path = `${named.join('')}${way.length > PATH_LEVELS ? '[…]' : ''}`;
  throw new TypeError(`$${path} is ${what}, which JSON cannot hold`);
}

/** Checks one value's own kind; returns `array` or `object` where its members are still to be looked at. */
function classify(value: unknown, way: Way, levels: number): 'leaf' | 'array' | 'object' {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return 'leaf';
    case 'number':
      return Number.isFinite(value) ? 'leaf' : refuse(way, String(value));
    case 'object':
      break;
    default:
      return refuse(way, typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`);
  }
  if (value === null) return 'leaf';
  for (const { object } of way) if (object === value) refuse(way, 'a cycle');
  if (way.length >= levels) refuse(way, `nested deeper than ${levels} levels`);
  if (Array.isArray(value)) return 'array';
  if (isPlain(value)) return 'object';
  return refuse(way, `an instance of ${String((value as object).constructor?.name ?? 'a class').slice(0, 80)}`);
}

/**
 * Goes where {@link copy} went, and no further.
 *
 * @throws {TypeError} naming the path of the first value that is not JSON.
 * @throws {RangeError} past the size.
 */
function explain(value: unknown, way: Way, size: Size): void {
  const kind = classify(value, way, size.levels);
  if (kind === 'leaf') return count(size, typeof value === 'string' ? value.length + 2 : 1);
  count(size, 2);
  const step: Way[number] = { object: value as object, key: 0 };
  way.push(step);
  if (kind === 'array') {
    for (let index = 0; index < (value as unknown[]).length; index += 1) {
      step.key = index;
      if (index > 0) count(size, 1);
      explain((value as unknown[])[index], way, size);
    }
  } else {
    for (const [key, item] of Object.entries(value as object)) {
      if (item === undefined) continue;
      step.key = key;
      count(size, key.length + 3);
      explain(item, way, size);
    }
  }
  way.pop();
}

function canonical(value: unknown, way: Way): string {
  const kind = classify(value, way, LEVELS_OF_A_WRITE);
  if (kind === 'leaf') return JSON.stringify(value);
  const step: Way[number] = { object: value as object, key: 0 };
  way.push(step);
  const member = (key: string | number, item: unknown): string => {
    step.key = key;
    return canonical(item, way);
  };
  const text =
    kind === 'array'
      ? `[${Array.from(value as unknown[], (item, index) => member(index, item)).join(',')}]`
      : `{${Object.keys(value as object)
          .toSorted(byCodeUnit)
          .map((key) => `${JSON.stringify(key)}:${member(key, (value as Record<string, unknown>)[key])}`)
          .join(',')}}`;
  way.pop();
  return text;
}

const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
