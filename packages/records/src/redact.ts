import { hash, randomBytes } from 'node:crypto';
import {
  createRedactor,
  derivedUuid,
  type ContentKind,
  type ContentPlace,
  type Json,
  type Redactor,
} from '@prusik/core';
import type { BundleRows, Redaction } from './bundle.ts';
import type { Redacting } from './redaction-rule.ts';
import { ROW_RULES } from './redaction-rules.ts';

/** Of whatever looks like a hash of ours: who guesses the content could confirm it by its hash. */
const HASH = /sha256:[0-9a-f]{64}/g;
/** Ids that are derived are hashes too: of a child, of the key that it was called by. */
const DERIVED = /\b[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b/g;
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

/** A redactor is told what a text is of; where in its row it stands is not worth a path for each of so many. */
const PLACES: { readonly [Kind in keyof BundleRows]: ContentPlace } = Object.fromEntries(
  Object.entries(CONTENT_OF).map(([row, kind]) => [row, { kind, path: '' }]),
) as { readonly [Kind in keyof BundleRows]: ContentPlace };

/** What is no content is a name in whichever row it stands: what two rows have in common is the same in both, and a word about outputs is not one about types of entries. */
const NAME: ContentPlace = { kind: 'name', path: '' };

/** Makes rows what may be told of them. */
export interface RowRedaction {
  row<Kind extends keyof BundleRows>(kind: Kind, row: BundleRows[Kind]): BundleRows[Kind];
  /** An id that stands outside of a row. */
  name(text: string): string;
  /** The text of a row, without a hash that somebody could confirm; what takes its place has its form. */
  line(text: string): string;
}

export function createRedaction(mode: Redaction, redactor: Redactor = createRedactor({ bounds: WHOLE })): RowRedaction {
  // Made for one bundle and kept nowhere, so that nobody can confirm what they guess.
  const secret = randomBytes(32).toString('hex');
  const keyed = (text: string): string => hash('sha256', `${secret}${text}`);
  const known = createMemory();
  const to: Redacting = {
    mode,
    content: (value, { kind }) => (mode === 'content' ? sizeOf(value) : redactor.json(value, kind)),
    text: (text) => known.read(text, () => redactor.text(text, NAME)),
    name: (text) => (to.text(text) === text ? text : to.pseudonym(text)),
    pseudonym: (text) => `redacted-${keyed(text).slice(0, DIGITS_OF_A_NAME)}`,
  };

  return {
    row: (kind, row) =>
      mode === 'none'
        ? row
        : // Rules keep the form of what they are for, and a row is JSON.
          (ROW_RULES[kind](row as unknown as Json, to, PLACES[kind]) as typeof row),
    name: (text) => (mode === 'none' ? text : to.name(text)),
    line(text) {
      if (mode === 'none') return text;
      const safe = text.includes('sha256:') ? text.replace(HASH, (found) => `sha256:${keyed(found)}`) : text;
      return safe.replace(DERIVED, (found) => derivedUuid(keyed(found)));
    },
  };
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
