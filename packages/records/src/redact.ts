import { createHmac, randomBytes } from 'node:crypto';
import { createRedactor, isObject, type ContentKind, type Json, type Redactor } from '@prusik/core';
import type { BundleRows, Redaction } from './bundle.ts';
import type { Redacting } from './redaction-rule.ts';
import { ROW_RULES } from './redaction-rules.ts';

/** Of whatever looks like a hash of ours: who guesses the content could confirm it by its hash. */
const HASH = /sha256:[0-9a-f]{64}/g;
const DIGITS_OF_A_NAME = 16;
const REMEMBERED = { texts: 5_000, chars: 200 } as const;
const WHOLE = { textChars: Infinity, valueChars: Infinity, nodes: Infinity } as const;

const CONTENT_OF: { readonly [Kind in keyof BundleRows]: ContentKind } = {
  session: 'name',
  run: 'input',
  entry: 'output',
  signal: 'input',
  message: 'reply',
  request: 'request',
  grant: 'request',
  ledger: 'name',
  note: 'note',
  slot: 'note',
  uses: 'name',
  blob: 'name',
  piece: 'name',
};

/** Makes rows what may be told of them. */
export function createRedaction(
  mode: Redaction,
  redactor: Redactor = createRedactor({ bounds: WHOLE }),
): <Kind extends keyof BundleRows>(kind: Kind, row: BundleRows[Kind]) => BundleRows[Kind] {
  // Made for one bundle and kept nowhere, so that nobody can confirm what they guess.
  const secret = randomBytes(32);
  const keyed = (text: string): string => createHmac('sha256', secret).update(text).digest('hex');
  const withoutHashes = (text: string): string =>
    text.includes('sha256:') ? text.replace(HASH, (hash) => `sha256:${keyed(hash)}`) : text;

  function deep(value: Json): Json {
    if (typeof value === 'string') return withoutHashes(value);
    if (Array.isArray(value)) return value.map((item: Json) => deep(item));
    if (!isObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [withoutHashes(name), deep(item)]));
  }

  const known = createMemory();
  const to: Redacting = {
    mode,
    content: (value, { kind }) => (mode === 'content' ? sizeOf(value) : deep(redactor.json(value, kind))),
    text: (text, at) => known.read(text, () => withoutHashes(redactor.text(text, at))),
    name: (text, at) => (to.text(text, at) === text ? text : to.pseudonym(text)),
    pseudonym: (text) => `redacted-${keyed(text).slice(0, DIGITS_OF_A_NAME)}`,
  };

  return (kind, row) =>
    mode === 'none'
      ? row
      : // Rules keep the form of what they are for, and a row is JSON.
        (ROW_RULES[kind](row as unknown as Json, to, { kind: CONTENT_OF[kind], path: '$' }) as typeof row);
}

/** Kinds, names, codes and keys are the same few texts over and over. */
function createMemory(): { read(text: string, make: () => string): string } {
  const known = new Map<string, string>();
  return {
    read(text, make) {
      const found = known.get(text);
      if (found !== undefined) return found;
      const made = make();
      if (text.length <= REMEMBERED.chars && known.size < REMEMBERED.texts) known.set(text, made);
      return made;
    },
  };
}

/** How large something was, in words. */
const sizeOf = (value: Json): string => `[${Buffer.byteLength(JSON.stringify(value))} bytes]`;
