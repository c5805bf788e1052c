import type { Json } from '@prusik/core';
import type { BundleRows, Redaction } from './bundle.ts';

/** Where a text stands. */
export interface RedactedAt {
  /** Kind of its row, such as `entry`. */
  readonly row: keyof BundleRows;
  /** Names of the fields that lead to it, such as `outcome.value.total`. */
  readonly path: string;
  /** The run or session that it belongs to. */
  readonly of: string;
}

/** What stays of a text. Also asked about names of fields, ids and keys: where it changes one of these, another name is put for it, the same one everywhere. */
export type RedactText = (text: string, at: RedactedAt) => string;

/** What becomes of a value: a part of the rules, given the field that it stands in. */
export type Rule = (value: Json, to: Redactor, at: RedactedAt) => Json | undefined;

/** What rules are made of. */
export interface Redactor {
  readonly mode: Redaction;
  /** Something that somebody said, made or gave. */
  content(value: Json, at: RedactedAt): Json;
  /** A text that is no content by itself. */
  text(text: string, at: RedactedAt): string;
  /** A text that others refer to. */
  name(text: string, at: RedactedAt): string;
  /** Another name for it, the same one everywhere in the bundle and nowhere else. */
  pseudonym(text: string): string;
}
