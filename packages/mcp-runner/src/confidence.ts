/** What a server was given in confidence, such as a token. */
export interface Confidence {
  /** Remembers the secret, and gives it. */
  give(secret: string): string;
  /** The text without it. */
  redact(text: string): string;
}

/** Of what was given, so that it is taken out of what comes back. */
const REMEMBERED = 64;
/** A shorter one would black out words that merely look like it. */
const SHORTEST = 6;

export function confidence(): Confidence {
  let given: readonly string[] = [];
  return {
    give(secret) {
      // Of several lines, such as a key, each may be told by itself.
      const parts = [secret, ...secret.split('\n')].filter((part) => part.length >= SHORTEST);
      const all = [...new Set([...given, ...parts])].slice(-REMEMBERED);
      // One that is part of another would leave the rest of it.
      given = all.toSorted((a, b) => b.length - a.length);
      return secret;
    },
    redact: (text) => given.reduce((safe, secret) => safe.replaceAll(secret, '[redacted]'), text),
  };
}

/** Redacts every text of a message that was just read, and is nobody else's, in place. What a server sends is shown to models and people, and recorded. */
export function redactMessage(message: object, redact: (text: string) => string): void {
  const open: object[] = [message];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    const members = one as Record<string, unknown>;
    for (const [name, value] of Object.entries(members)) {
      const safe = Array.isArray(one) ? name : redact(name);
      if (safe !== name) delete members[name];
      if (typeof value === 'object' && value !== null) open.push(value);
      const told = typeof value === 'string' ? redact(value) : value;
      if (safe !== name || told !== value) members[safe] = told;
    }
  }
}
