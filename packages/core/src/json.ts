/** What a journal can hold. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

const DEPTH_LIMIT = 1_000;

/**
 * A copy of `value` as JSON would give it back, so that a live result and a replayed one are the same value.
 * Object properties that are `undefined` are dropped, as `JSON.stringify` does; everything else that JSON
 * would lose or bend (NaN, functions, symbols, BigInt, class instances, cycles, holes) is refused.
 *
 * @throws {TypeError} naming the path of the first value that is not JSON.
 */
export function toJson(value: unknown): Json {
  return copy(value, '$', []);
}

/**
 * The one text of a JSON value: keys sorted by code unit, no white space. Equal values have equal texts, different
 * values different ones (a `__proto__` key counts like any other), so it can be hashed into an identity.
 *
 * @throws {TypeError} naming the path of the first value that is not JSON; unlike {@link toJson}, an `undefined` property too.
 */
export function canonicalJson(value: unknown): string {
  return canonical(value, '$', []);
}

function refuse(path: string, what: string): never {
  throw new TypeError(`${path} is ${what}, which JSON cannot hold`);
}

/** Checks one value's own kind; returns `array` or `object` where its members are still to be looked at. */
function classify(value: unknown, path: string, ancestors: readonly unknown[]): 'leaf' | 'array' | 'object' {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return 'leaf';
    case 'number':
      return Number.isFinite(value) ? 'leaf' : refuse(path, String(value));
    case 'object':
      break;
    default:
      return refuse(path, typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`);
  }
  if (value === null) return 'leaf';
  if (ancestors.includes(value)) refuse(path, 'a cycle');
  if (ancestors.length >= DEPTH_LIMIT) refuse(path, `nested deeper than ${DEPTH_LIMIT} levels`);
  if (Array.isArray(value)) return 'array';
  const prototype: unknown = Object.getPrototypeOf(value);
  // A plain object of another realm (a worker, a test runner's sandbox) has an Object.prototype of its own.
  if (prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null)
    return 'object';
  return refuse(path, `an instance of ${(value as object).constructor?.name ?? 'a class'}`);
}

const member = (path: string, key: string): string => `${path}[${JSON.stringify(key)}]`;

function copy(value: unknown, path: string, ancestors: unknown[]): Json {
  const kind = classify(value, path, ancestors);
  // -0 becomes 0, as it does in JSON text
  if (kind === 'leaf') return value === 0 ? 0 : (value as Json);
  ancestors.push(value);
  let result: Json;
  if (kind === 'array') {
    result = Array.from(value as unknown[], (item, index) => copy(item, `${path}[${index}]`, ancestors));
  } else {
    const object: Record<string, Json> = {};
    for (const [key, item] of Object.entries(value as object)) {
      if (item === undefined) continue;
      const copied = copy(item, member(path, key), ancestors);
      // Assignment to `__proto__` would set the prototype instead of making a property.
      if (key === '__proto__')
        Object.defineProperty(object, key, { value: copied, enumerable: true, writable: true, configurable: true });
      else object[key] = copied;
    }
    result = object;
  }
  ancestors.pop();
  return result;
}

function canonical(value: unknown, path: string, ancestors: unknown[]): string {
  const kind = classify(value, path, ancestors);
  if (kind === 'leaf') return JSON.stringify(value);
  ancestors.push(value);
  const text =
    kind === 'array'
      ? `[${Array.from(value as unknown[], (item, index) => canonical(item, `${path}[${index}]`, ancestors)).join(',')}]`
      : `{${Object.keys(value as object)
          .toSorted(byCodeUnit)
          .map(
            (key) =>
              `${JSON.stringify(key)}:${canonical((value as Record<string, unknown>)[key], member(path, key), ancestors)}`,
          )
          .join(',')}}`;
  ancestors.pop();
  return text;
}

const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
