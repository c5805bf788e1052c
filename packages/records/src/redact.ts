import { randomBytes, createHmac } from 'node:crypto';
import { isObject, withoutSecrets, type Json } from '@prusik/core';
import type { BundleRows, Redaction } from './bundle.ts';
import type { Redactor, RedactedAt, RedactText } from './redaction-rule.ts';
import { ROW_RULES } from './redaction-rules.ts';

/** Of whatever looks like a hash of ours: who guesses the content could confirm it by its hash. */
const HASH = /sha256:[0-9a-f]{64}/g;
const DIGITS_OF_A_NAME = 16;

/**
 * Makes rows what may be told of them. Keys of the pseudonyms are made for one bundle and kept nowhere.
 */
export function createRedaction(
  mode: Redaction,
  given?: RedactText,
): <Kind extends keyof BundleRows>(kind: Kind, row: BundleRows[Kind], of: string) => BundleRows[Kind] {
  const own: RedactText = given ?? ((text) => text);
  const secret = randomBytes(32);
  const keyed = (text: string): string => createHmac('sha256', secret).update(text).digest('hex');
  const safe = (text: string, at: RedactedAt): string =>
    mode === 'none'
      ? own(text, at)
      : own(
          withoutSecrets(text).replace(HASH, (hash) => `sha256:${keyed(hash)}`),
          at,
        );

  const redactor: Redactor = {
    mode,
    content: (value, at) => (mode === 'content' ? sizeOf(value) : deep(value, at)),
    text: safe,
    name: (text, at) => (safe(text, at) === text ? text : redactor.pseudonym(text)),
    pseudonym: (text) => `redacted-${keyed(text).slice(0, DIGITS_OF_A_NAME)}`,
  };

  function deep(value: Json, at: RedactedAt): Json {
    if (typeof value === 'string') return safe(value, at);
    if (Array.isArray(value)) return value.map((item: Json) => deep(item, at));
    if (!isObject(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => {
        const within = { ...at, path: at.path === '' ? name : `${at.path}.${name}` };
        return [redactor.name(name, within), deep(item, within)];
      }),
    );
  }

  // Rules keep the form of what they are for; a row is JSON.
  return (kind, row, of) =>
    (mode === 'none' && given === undefined
      ? row
      : ROW_RULES[kind](row as unknown as Json, redactor, { row: kind, path: '', of })) as typeof row;
}

/** How large something was, in words. */
export const sizeOf = (value: Json): string => `[${Buffer.byteLength(JSON.stringify(value))} bytes]`;
