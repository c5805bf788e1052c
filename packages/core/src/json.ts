/** What a journal can hold. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

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
  return copyWithin(value, maxBytes, LEVELS);
}

/** The same for what values are recorded in, which may be as much deeper as that takes. */
export function toJsonOfWrite(value: unknown, maxBytes: number): Json {
  return copyWithin(value, maxBytes, LEVELS_OF_A_WRITE);
}

function copyWithin(value: unknown, maxBytes: number, levels: number): Json {
  const size: Size = { characters: 0, most: maxBytes, levels };
  const json = copy(value, [], size);
  // Counted exactly only where escapes and other scripts could make the difference.
  if (size.characters * MOST_BYTES_A_CHARACTER > maxBytes && Buffer.byteLength(JSON.stringify(json)) > maxBytes)
    throw tooLarge(maxBytes);
  return json;
}

/**
 * The same copy with its text, for those who need both: a large one is turned into text once.
 *
 * @throws {TypeError} and {RangeError} as {@link toJson}.
 */
export function toJsonText(value: unknown, maxBytes: number): { readonly value: Json; readonly text: string } {
  const json = copy(value, [], { characters: 0, most: maxBytes, levels: LEVELS });
  const text = JSON.stringify(json);
  if (text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes) throw tooLarge(maxBytes);
  return { value: json, text };
}

/** Characters of the text that was copied so far, without escapes: its bytes are no fewer. */
interface Size {
  characters: number;
  readonly most: number;
  readonly levels: number;
}

function count(size: Size, characters: number): void {
  size.characters += characters;
  if (size.characters > size.most) throw tooLarge(size.most);
}

function tooLarge(maxBytes: number): RangeError {
  return new RangeError(`The value has more than ${maxBytes} bytes as JSON`);
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

function refuse(way: Way, what: string): never {
  const path = way.map(({ key }) => `[${typeof key === 'number' ? key : JSON.stringify(key)}]`).join('');
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
  const prototype: unknown = Object.getPrototypeOf(value);
  // A plain object of another realm (a worker, a test runner's sandbox) has an Object.prototype of its own.
  if (prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null)
    return 'object';
  return refuse(way, `an instance of ${(value as object).constructor?.name ?? 'a class'}`);
}

function copy(value: unknown, way: Way, size: Size): Json {
  const kind = classify(value, way, size.levels);
  if (kind === 'leaf') {
    count(size, typeof value === 'string' ? value.length + 2 : 1);
    // -0 becomes 0, as it does in JSON text
    return value === 0 ? 0 : (value as Json);
  }
  const step: Way[number] = { object: value as object, key: 0 };
  way.push(step);
  count(size, 2);
  let result: Json;
  if (kind === 'array') {
    // Array.from visits holes too, which must be refused.
    result = Array.from(value as unknown[], (item, index) => {
      step.key = index;
      if (index > 0) count(size, 1);
      return copy(item, way, size);
    });
  } else {
    const object: Record<string, Json> = {};
    let first = true;
    for (const key of Object.keys(value as object)) {
      const item = (value as Readonly<Record<string, unknown>>)[key];
      if (item === undefined) continue;
      step.key = key;
      count(size, key.length + (first ? 3 : 4));
      first = false;
      setOwn(object, key, copy(item, way, size));
    }
    result = object;
  }
  way.pop();
  return result;
}

/** Assignment to `__proto__` would set the prototype instead of making a property. */
function setOwn(object: Record<string, Json>, key: string, value: Json): void {
  if (key === '__proto__') {
    Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
  } else {
    object[key] = value;
  }
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
