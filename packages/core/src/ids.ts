import { shown } from './shown.ts';
import { hash, randomUUID } from 'node:crypto';
import { canonicalJson } from './json.ts';

/** Names one run. An id is unique within its tenant; the two are never joined into one string. */
export interface RunKey {
  readonly tenant: string;
  readonly run: string;
}

/** Names one session. */
export interface SessionKey {
  readonly tenant: string;
  readonly session: string;
}

/** Names one request. */
export interface RequestRef {
  readonly run: RunKey;
  readonly request: string;
}

/** The tenant of programs that have only one. */
export const DEFAULT_TENANT = 'default';

/** The longest id of each kind, in UTF-16 code units. */
export const ID_LIMITS = {
  tenant: 200,
  run: 200,
  session: 200,
  request: 200,
  message: 200,
  slot: 64,
  workspace: 200,
  signal: 200,
  block: 200,
  'step key': 128,
  'definition name': 64,
  'kind of a note': 64,
  'name of an artifact': 200,
} as const;

/** Of each kind the last that was in order: a store is told the same tenant and run again and again, commit after commit. */
const accepted: Partial<Record<keyof typeof ID_LIMITS, string>> = {};

/**
 * Returns `value` when it can name something: 1 to the limit's number of characters, no control character, no
 * unpaired surrogate. Path characters are allowed: ids never become file names unescaped.
 *
 * @throws {TypeError} naming the kind of id and what is wrong.
 */
export function checkId(kind: keyof typeof ID_LIMITS, value: unknown): string {
  if (typeof value === 'string' && accepted[kind] === value) return value;
  if (typeof value !== 'string')
    throw new TypeError(`The ${kind} must be a string, not ${value === null ? 'null' : typeof value}`);
  if (value === '') throw new TypeError(`The ${kind} must not be empty`);
  if (value.length > ID_LIMITS[kind])
    throw new TypeError(`The ${kind} has ${value.length} characters; the limit is ${ID_LIMITS[kind]}`);
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(value)) throw new TypeError(`The ${kind} ${shown(value)} holds a control character`);
  if (!value.isWellFormed()) throw new TypeError(`The ${kind} holds an unpaired surrogate`);
  accepted[kind] = value;
  return value;
}

/** Whether two keys name one run. */
export function sameRun(a: RunKey, b: RunKey): boolean {
  return a.run === b.run && a.tenant === b.tenant;
}

/** A text that is equal for equal keys only; for maps in memory, never stored. */
export function runKeyText(key: RunKey): string {
  return JSON.stringify([key.tenant, key.run]);
}

/** A child's id follows from its parent and key: a crash between its start and the record makes no second child. */
export function childRunId(tenant: string, parent: string, key: string): string {
  return derivedUuid('child', tenant, parent, key);
}

/** Hash of a JSON value by its canonical text: `sha256:` and 64 hexadecimal digits. */
export function hashJson(value: unknown): string {
  return `sha256:${hash('sha256', canonicalJson(value))}`;
}

/** A version-8 UUID (RFC 9562: custom content) that is a function of its parts: the same on every attempt. */
export function derivedUuid(...parts: readonly string[]): string {
  const digits = hash('sha256', JSON.stringify(parts));
  const variant = ((Number.parseInt(digits.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-8${digits.slice(13, 16)}-${variant}${digits.slice(17, 20)}-${digits.slice(20, 32)}`;
}

/** A number in [0, 1) that is a function of its parts. */
export function derivedRandom(...parts: readonly string[]): number {
  return Number.parseInt(hash('sha256', JSON.stringify(parts)).slice(0, 13), 16) / 2 ** 52;
}

/** Where new ids come from; injected, so that a test can name them. */
export type NewId = () => string;
/** A random UUID. */
export const randomId: NewId = () => randomUUID();
