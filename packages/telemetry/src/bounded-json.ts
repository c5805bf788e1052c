/** Of one value: characters of all its texts, values in it, and levels. */
const CHARS_LIMIT = 32_768;
const VALUES_LIMIT = 2_000;
const DEPTH_LIMIT = 32;
const LEFT_OUT = '[left out]';
const REDACTED = '[redacted]';

/** Names of members whose value is a secret whatever it looks like. */
const SECRET_MEMBER = /authorization|cookie|token|secret|passw|api[-_ ]?key|credential/i;

/** JSON text of a value, within bounds, with every text in it made safe: that it stays JSON is why no text is cut after it was written. */
export function createBoundedJson(safe: (text: string) => string): (value: unknown) => string {
  let chars = CHARS_LIMIT;
  let values = VALUES_LIMIT;

  function told(text: string): string {
    if (chars <= 0) return LEFT_OUT;
    const made = safe(text.length > chars ? text.slice(0, chars) : text);
    // As it is written: a control character takes six.
    chars -= JSON.stringify(made).length - 2;
    return made;
  }

  function bounded(value: unknown, depth: number): unknown {
    values -= 1;
    if (values < 0) return LEFT_OUT;
    if (typeof value === 'string') return told(value);
    if (typeof value !== 'object' || value === null) return value;
    if (depth >= DEPTH_LIMIT) return LEFT_OUT;
    if (Array.isArray(value)) {
      const kept = value.slice(0, Math.max(0, values)).map((item: unknown) => bounded(item, depth + 1));
      return kept.length < value.length ? [...kept, LEFT_OUT] : kept;
    }
    const members: [string, unknown][] = [];
    for (const [name, member] of Object.entries(value)) {
      if (values <= 0) break;
      // A token count is none, and neither is a flag.
      const isSecret = typeof member === 'string' && SECRET_MEMBER.test(name);
      members.push([told(name), isSecret ? REDACTED : bounded(member, depth + 1)]);
    }
    return Object.fromEntries(members);
  }

  return (value) => JSON.stringify(bounded(value, 0)) ?? 'null';
}
