/** Secrets that a program knows, such as tokens that it hands to a server, so that they are taken out of what comes back. */
export interface SecretSet {
  /** Remembers the secret, and gives it. */
  remember(secret: string): string;
  /** The text without any of them. */
  redact(text: string): string;
}

/** The last so many are known. */
const REMEMBERED = 64;
/** A shorter one would black out words that merely look like it. */
const SHORTEST = 6;

/**
 * An empty set: each owner of secrets has one of its own and hands it on; nothing looks at the environment of the process. It knows the last 64 secrets that it was
 * given, as they are and as they stand in JSON, also in JSON in a text of it, and in addresses; none of less than 6 characters.
 */
export function secretSet(): SecretSet {
  let known: readonly (readonly string[])[] = [];
  let texts: readonly string[] = [];
  return {
    remember(secret) {
      const forms = formsOf(secret);
      if (forms.length === 0) return secret;
      known = [...known.filter(([first]) => first !== forms[0]), forms].slice(-REMEMBERED);
      texts = [...new Set(known.flat())];
      return secret;
    },
    redact: (text) => withoutSpans(text, spansOf(text, texts)),
  };
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/** Where secrets stand, in the text as it is: one that is taken out first would leave the rest of another that it is part of, or that begins in it. */
function spansOf(text: string, secrets: readonly string[]): readonly Span[] {
  const spans: Span[] = [];
  for (const secret of secrets)
    // One may begin within another that is the same.
    for (let at = text.indexOf(secret); at >= 0; at = text.indexOf(secret, at + 1))
      spans.push({ from: at, to: at + secret.length });
  return spans.toSorted((a, b) => a.from - b.from);
}

function withoutSpans(text: string, spans: readonly Span[]): string {
  let safe = '';
  let told = 0;
  for (const { from, to } of spans) {
    if (from >= told) safe += `${text.slice(told, from)}[redacted]`;
    told = Math.max(told, to);
  }
  return spans.length === 0 ? text : safe + text.slice(told);
}

/** As it is, and as it stands in JSON, in JSON that is a text of JSON, and in addresses. Of several lines, such as a key, each may be told by itself. */
function formsOf(secret: string): readonly string[] {
  const parts = [secret, ...secret.split('\n')].filter((part) => part.trim().length >= SHORTEST);
  return [...new Set(parts.flatMap((part) => [part, inJson(part), inJson(inJson(part)), ...inAddress(part)]))];
}

const inJson = (text: string): string => JSON.stringify(text).slice(1, -1);

/** In a path, and in a query as forms write it; digits of an escape are written in either case. */
function inAddress(text: string): readonly string[] {
  const forms = [encodeURIComponent(text.toWellFormed()), new URLSearchParams({ '': text }).toString().slice(1)];
  return forms.flatMap((form) => [form, form.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase())]);
}
