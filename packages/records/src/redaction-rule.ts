import type { ContentPlace, Json } from '@prusik/core';
import type { Redaction } from './bundle.ts';

/** What becomes of a value: a part of the rules, given the field that it stands in. Without an answer the field is left out. */
export type Rule = (value: Json, to: Redacting, at: ContentPlace) => Json | undefined;

/** What rules are made of. */
export interface Redacting {
  readonly mode: Redaction;
  /** Something that somebody said, made or gave. */
  content(value: Json, at: ContentPlace): Json;
  /** A text that is no content by itself, wherever it stands. */
  text(text: string): string;
  /** A text that others refer to. */
  name(text: string): string;
  /** Another name for it, the same one everywhere in the bundle and nowhere else. */
  pseudonym(text: string): string;
}
