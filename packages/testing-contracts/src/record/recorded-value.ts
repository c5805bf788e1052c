import { createHash } from 'node:crypto';
import { isPrusikError, PrusikError, type ErrorMeta, type Json, type JsonObject } from '@prusik/core';
import { recordingInvalid, recordingTooLarge } from './recording-errors.ts';

/** Marks what JSON has no form for. A value of the program's own with this member is told as an `object`. */
const TAG = '$';
/** Levels of a value; a redactor takes a few more. */
const LEVELS = 900;
/** What retries and fallbacks look at. */
const ERROR_FACTS = ['code', 'statusCode', 'isRetryable', 'type', 'retryable'] as const;
/** Characters of what a provider said of an error: its class is read from there. */
const BODY_CHARS = 4_000;
const CAUSES = 5;

export interface EncodeOptions {
  /** Of the text, about. */
  readonly maxBytes: number;
  /** Takes the bytes of a file, for a value that is played again; without it only their hash is kept. */
  readonly keepFile?: (sha256: string, base64: string) => void;
}

/**
 * Anything as JSON: dates, addresses, errors and bytes with a mark, functions and what is `undefined` left out.
 *
 * @throws {PrusikError} `RECORDING_TOO_LARGE` for what is larger, or deeper than 900 levels; a cycle is.
 */
export function encodeValue(value: unknown, { maxBytes, keepFile }: EncodeOptions): Json {
  let size = 0;
  const spend = (bytes: number): void => {
    size += bytes;
    if (size > maxBytes) throw recordingTooLarge(maxBytes);
  };

  function fileOf(as: 'bytes' | 'base64', bytes: Uint8Array): JsonObject {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    spend(keepFile === undefined ? 100 : bytes.byteLength * 1.4);
    keepFile?.(sha256, Buffer.from(bytes).toString('base64'));
    // Who asks may give the same bytes in either form.
    return { [TAG]: keepFile === undefined ? 'bytes' : as, size: bytes.byteLength, sha256 };
  }

  const walk = (one: unknown, level: number): Json | undefined => {
    spend(typeof one === 'string' ? one.length + 2 : 2);
    if (typeof one === 'string' || typeof one === 'boolean' || one === null) return one;
    if (typeof one === 'number') return Number.isFinite(one) ? one : null;
    if (typeof one !== 'object') return undefined;
    if (level > LEVELS) throw recordingTooLarge(maxBytes);
    if (one instanceof Date) return { [TAG]: 'date', at: Number.isFinite(one.getTime()) ? one.toISOString() : null };
    if (one instanceof URL) return { [TAG]: 'url', href: one.href };
    if (ArrayBuffer.isView(one)) return fileOf('bytes', new Uint8Array(one.buffer, one.byteOffset, one.byteLength));
    if (one instanceof Error) return errorOf(one, level);
    if (Array.isArray(one)) {
      spend(one.length);
      return one.map((item) => walk(item, level + 1) ?? null);
    }
    const members = membersOf(one, level);
    const brands = brandsOf(one);
    if (brands.length === 0 && !Object.hasOwn(members, TAG)) return members;
    return { [TAG]: 'object', members, ...(brands.length === 0 ? {} : { brands }) };
  };

  function membersOf(object: object, level: number): JsonObject {
    const isFile = 'mediaType' in object && typeof object.mediaType === 'string';
    return Object.fromEntries(
      Object.entries(object).flatMap(([name, item]: [string, unknown]) => {
        spend(name.length + 3);
        const json = (isFile && name === 'data' ? base64In(item) : undefined) ?? walk(item, level + 1);
        return json === undefined ? [] : [[name, json]];
      }),
    );
  }

  /** Bytes of a file in the text that the AI SDK takes for them, in the shapes of its versions. */
  function base64In(data: unknown): JsonObject | undefined {
    const { type, data: inner, ...more } = (typeof data === 'object' && data !== null ? data : {}) as JsonObject;
    const text = typeof data === 'string' ? data : type === 'data' && Object.keys(more).length === 0 ? inner : '';
    if (typeof text !== 'string' || text === '') return undefined;
    const bytes = Buffer.from(text, 'base64');
    if (bytes.toString('base64') !== text) return undefined;
    return typeof data === 'string' ? fileOf('base64', bytes) : { type: 'data', data: fileOf('base64', bytes) };
  }

  function errorOf(error: Error, level: number, causes = 0): JsonObject {
    const said = error as unknown as Readonly<Record<string, unknown>>;
    const facts = ERROR_FACTS.flatMap((name) => {
      const fact = said[name];
      return typeof fact === 'string' || typeof fact === 'number' || typeof fact === 'boolean' ? [[name, fact]] : [];
    });
    const { responseBody, responseHeaders, meta, errors, cause } = said;
    const retryAfter = (responseHeaders as Readonly<Record<string, unknown>> | undefined)?.['retry-after'];
    const brands = brandsOf(error);
    const inner = cause instanceof Error && causes < CAUSES ? errorOf(cause, level + 1, causes + 1) : undefined;
    spend(error.message.length + 100);
    return {
      [TAG]: 'error',
      name: String(error.name),
      message: String(error.message),
      ...(Object.fromEntries(facts) as JsonObject),
      ...(typeof responseBody === 'string' ? { responseBody: responseBody.slice(0, BODY_CHARS) } : {}),
      ...(typeof retryAfter === 'string' ? { retryAfter } : {}),
      ...(isPrusikError(error) ? { meta: walk(meta, level + 1) ?? {} } : {}),
      ...(Array.isArray(errors) ? { errors: walk(errors, level + 1) ?? [] } : {}),
      ...(inner === undefined ? {} : { cause: inner }),
      ...(brands.length === 0 ? {} : { brands }),
    };
  }

  return walk(value, 0) ?? null;
}

/** Marks that libraries put on their values so that another copy of them knows them, by registered symbols. */
function brandsOf(object: object): readonly string[] {
  return Object.getOwnPropertySymbols(object).flatMap((symbol) => {
    const name = Symbol.keyFor(symbol);
    return name !== undefined && (object as Readonly<Record<symbol, unknown>>)[symbol] === true ? [name] : [];
  });
}

const branded = <T extends object>(object: T, brands: Json | undefined): T => {
  for (const name of Array.isArray(brands) ? (brands as readonly Json[]) : [])
    if (typeof name === 'string') Object.defineProperty(object, Symbol.for(name), { value: true });
  return object;
};

/**
 * What {@link encodeValue} was given, anew each time.
 *
 * @throws {PrusikError} `RECORDING_INVALID` for a mark that is none, or a file that is not there.
 */
export function decodeValue(json: Json, fileAt: (sha256: string) => string | undefined): unknown {
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return json.map((item) => decodeValue(item, fileAt));
  const object = json as JsonObject;
  if (!Object.hasOwn(object, TAG)) return decodeMembers(object, fileAt);
  const { [TAG]: tag, at, href, sha256, members, brands } = object;
  switch (tag) {
    case 'date':
      return new Date(typeof at === 'string' ? at : Number.NaN);
    case 'url': {
      const url = URL.parse(String(href));
      if (url === null) throw recordingInvalid('an address in it is none');
      return url;
    }
    case 'bytes':
    case 'base64': {
      const base64 = fileAt(String(sha256));
      if (base64 === undefined) throw recordingInvalid('the bytes of a file are not in it');
      return tag === 'base64' ? base64 : new Uint8Array(Buffer.from(base64, 'base64'));
    }
    case 'error':
      return decodeError(object, fileAt);
    case 'object':
      return branded(decodeMembers((members ?? {}) as JsonObject, fileAt), brands);
    default:
      throw recordingInvalid('a value in it has a mark that nobody knows');
  }
}

const decodeMembers = (object: JsonObject, fileAt: Parameters<typeof decodeValue>[1]): object =>
  Object.fromEntries(Object.entries(object).map(([name, item]) => [name, decodeValue(item, fileAt)]));

const BUILT_IN: Readonly<Record<string, ErrorConstructor>> = { TypeError, RangeError, SyntaxError };

function decodeError(json: JsonObject, fileAt: Parameters<typeof decodeValue>[1]): Error {
  const { [TAG]: _, name, message, retryAfter, meta, errors, cause, brands, ...facts } = json;
  const more = cause === undefined ? {} : { cause: decodeValue(cause, fileAt) };
  if (name === 'PrusikError')
    return new PrusikError(String(facts['code']), String(message), {
      ...more,
      retryable: facts['retryable'] === true,
      meta: (meta ?? {}) as ErrorMeta,
    });
  const list = Array.isArray(errors) ? (decodeValue(errors, fileAt) as unknown[]) : undefined;
  const known = Object.hasOwn(BUILT_IN, String(name)) ? BUILT_IN[String(name)] : undefined;
  const error =
    list === undefined ? new (known ?? Error)(String(message), more) : new AggregateError(list, String(message), more);
  if (error.name !== name) Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true });
  const headers = retryAfter === undefined ? {} : { responseHeaders: { 'retry-after': retryAfter } };
  return branded(Object.assign(error, facts, headers), brands);
}
