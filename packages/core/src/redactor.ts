import type { Json, JsonObject } from './json.ts';
import { checkOptions } from './known-options.ts';
import type { SecretSet } from './secret-set.ts';
import { withoutSecrets } from './secrets.ts';
import { isSensitiveName } from './sensitive-name.ts';
import { unawaited } from './unawaited.ts';

/** What content is of. */
export type ContentKind =
  | 'instructions'
  | 'prompt'
  | 'reply'
  | 'tool-input'
  | 'tool-result'
  | 'input'
  | 'output'
  | 'request'
  | 'note'
  | 'error'
  | 'name';

/** Where a text stands: what it is of, and its path in that, such as `$.messages[0].text`; empty at the top. */
export interface ContentPlace {
  readonly kind: ContentKind;
  readonly path: string;
}

/** How much of one value leaves. Each may be `Infinity`. */
export interface RedactBounds {
  /** Characters of one text. @default 4_096 */
  readonly textChars: number;
  /** Characters of all texts and names of one value. @default 65_536 */
  readonly valueChars: number;
  /** Members and items of one value. @default 10_000 */
  readonly nodes: number;
}

/** What {@link createRedactor} takes. */
export interface RedactorOptions {
  /** Secrets that the program knows, each held by a `secretSet()`. */
  readonly secrets?: readonly Pick<SecretSet, 'redact'>[];
  /**
   * The program's own word, asked last, with the text as it is without what was found already. One that throws, or gives no text, has `[redacted: failed]` in its
   * place. It is synchronous.
   */
  readonly redact?: (text: string, place: ContentPlace) => string;
  readonly bounds?: Partial<RedactBounds>;
}

/** Makes content fit to leave: bounded, and without what is known or looks like a secret. Never throws. */
export interface Redactor {
  text(text: string, place: ContentPlace): string;
  /** Its names, too. What stands under the name of a credential is replaced whole, whatever it looks like. */
  json(value: Json, kind: ContentKind): Json;
}

const REDACTED = '[redacted]';
const FAILED = '[redacted: failed]';
const CUT = ' […]';
/** Read beyond a bound, so that a secret which a cut would part is found whole: tokens of 4 KiB fill a header, and longer ones are rare. */
const MARGIN = 4_096;
/** Of a value; what JSON of ours may hold is not deeper. */
const DEPTH = 1_020;

const OPTIONS = { names: { secrets: true, redact: true, bounds: true } satisfies Record<keyof RedactorOptions, true> };
const BOUNDS = { names: { textChars: true, valueChars: true, nodes: true } satisfies Record<keyof RedactBounds, true> };

/**
 * The one way by which content leaves: bounds, then the secrets that are known, then shapes of secrets, then the program's own word.
 *
 * @throws {TypeError} for an option that is none, for secrets that no `secretSet()` holds, and for a bound that is no positive number.
 */
export function createRedactor(options: RedactorOptions = {}): Redactor {
  checkOptions('createRedactor()', options, OPTIONS);
  const { secrets = [], redact, bounds = {} } = options;
  checkOptions('bounds', bounds, BOUNDS);
  if (!Array.isArray(secrets) || secrets.some((known) => typeof known?.redact !== 'function'))
    throw new TypeError('secrets must be a list of what secretSet() makes');
  if (redact !== undefined && typeof redact !== 'function') throw new TypeError('redact must be a function');
  const textChars = boundOf('textChars', bounds.textChars ?? 4_096);
  const valueChars = boundOf('valueChars', bounds.valueChars ?? 65_536);
  const nodes = boundOf('nodes', bounds.nodes ?? 10_000);

  function text(given: string, place: ContentPlace, most = textChars): string {
    try {
      const read = given.slice(0, most + MARGIN);
      const safe = withoutSecrets(secrets.reduce((left, known) => known.redact(left), read));
      const own: unknown = redact === undefined ? safe : redact(safe, place);
      unawaited(own);
      if (typeof own !== 'string') return FAILED;
      if (given.length <= most && own.length <= most) return own;
      // The end of what was read may be the beginning of a secret, and comes within the bound where others before it are gone.
      const room = read.length < given.length ? Math.max(0, own.length - MARGIN) : most;
      return `${own.slice(0, Math.min(most, room)).toWellFormed()}${CUT}`;
    } catch {
      // Never the text itself.
      return FAILED;
    }
  }

  function json(value: Json, kind: ContentKind): Json {
    let charsLeft = valueChars;
    let nodesLeft = nodes;
    const spend = (given: string, path: string): string => {
      if (charsLeft <= 0 && given !== '') return CUT.trim();
      const safe = text(given, { kind, path }, Math.min(textChars, charsLeft));
      charsLeft -= safe.length;
      return safe;
    };
    const member = (name: string, one: Json, path: string, depth: number): [string, Json] => {
      const inner = `${path}.${name.slice(0, 100)}`;
      return [spend(name, path), isSensitiveName(name) && isContent(one) ? REDACTED : walk(one, inner, depth + 1)];
    };
    const walk = (one: Json, path: string, depth: number): Json => {
      if (typeof one === 'string') return spend(one, path);
      if (typeof one !== 'object' || one === null) return one;
      if (depth > DEPTH) return CUT.trim();
      const room = nodesLeft;
      if (Array.isArray(one)) {
        const items = (one as readonly Json[]).slice(0, Math.max(0, room));
        nodesLeft -= items.length;
        const safe = items.map((item, at) => walk(item, `${path}[${at}]`, depth + 1));
        return items.length === one.length ? safe : [...safe, CUT.trim()];
      }
      const members = Object.entries(one as JsonObject);
      const taken = members.slice(0, Math.max(0, room));
      nodesLeft -= taken.length;
      const named = namedValueOf(one as JsonObject);
      const safe = taken.map(([name, inner]) =>
        name === named ? ([name, REDACTED] as [string, Json]) : member(name, inner, path, depth),
      );
      return Object.fromEntries(taken.length === members.length ? safe : [...safe, [CUT.trim(), CUT.trim()]]);
    };
    try {
      return walk(value, '$', 0);
    } catch {
      return FAILED;
    }
  }

  return { text: (given, place) => text(given, place), json };
}

/** A switch or a missing value tells nothing. */
const isContent = (value: Json): boolean => value !== null && typeof value !== 'boolean';

/** Headers and variables are often lists of names with values: `{ name: 'authorization', value: … }`. */
function namedValueOf({ name, key, value }: JsonObject): string | undefined {
  const called = typeof name === 'string' ? name : key;
  return typeof called === 'string' && typeof value === 'string' && isSensitiveName(called) ? 'value' : undefined;
}

function boundOf(name: string, value: unknown): number {
  if (typeof value === 'number' && value > 0) return value;
  throw new TypeError(`The bound ${name} of a redactor must be a positive number`);
}

/** @throws {TypeError} for what is no redactor, which would be found out with the first text that is to leave. */
export function checkRedactor(redactor: Redactor | undefined): void {
  if (redactor === undefined) return;
  const { text, json } = (redactor ?? {}) as Partial<Redactor>;
  if (typeof text !== 'function' || typeof json !== 'function')
    throw new TypeError('redactor must be what createRedactor() makes, or have its methods text and json');
}
