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
 * given, as they are and as they stand in JSON and in addresses; none of less than 6 characters.
 */
export function secretSet(): SecretSet {
  let known: readonly (readonly string[])[] = [];
  let texts: readonly string[] = [];
  return {
    remember(secret) {
      const forms = formsOf(secret);
      if (forms.length === 0) return secret;
      known = [...known.filter(([first]) => first !== forms[0]), forms].slice(-REMEMBERED);
      // One that is part of another would leave the rest of it.
      texts = [...new Set(known.flat())].toSorted((a, b) => b.length - a.length);
      return secret;
    },
    redact: (text) => texts.reduce((safe, secret) => safe.replaceAll(secret, '[redacted]'), text),
  };
}

/** As it is, and as it stands in JSON and in addresses. Of several lines, such as a key, each may be told by itself. */
function formsOf(secret: string): readonly string[] {
  const parts = [secret, ...secret.split('\n')].filter((part) => part.trim().length >= SHORTEST);
  return [...new Set(parts.flatMap((part) => [part, JSON.stringify(part).slice(1, -1), inAddress(part)]))];
}

function inAddress(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}
