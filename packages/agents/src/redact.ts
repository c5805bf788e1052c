const TEXT_LIMIT = 2_000;

/** Shapes in which credentials are most often printed. A net under the ground, not the ground: what must not be told is not put into errors. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi, '$1 [redacted]'],
  [/\b(sk|pk|rk|ghp|gho|ghs|xox[abprs]|glpat)[-_][\w-]{8,}/g, '[redacted]'],
  [/\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g, '[redacted]'],
  [/\bAKIA[0-9A-Z]{16}\b/g, '[redacted]'],
  [/\b(api[-_ ]?key|token|password|secret|authorization)(["']?\s*[:=]\s*["']?)[^\s"',;&]{4,}/gi, '$1$2[redacted]'],
  [/(\w+:\/\/)[^\s/@:]+:[^\s/@]+@/g, '$1[redacted]@'],
];

/** A text of somebody else's error as it may be recorded and shown to a model: without credentials, at most 2,000 characters. */
export function redact(text: string): string {
  // Cut first: the patterns must not run over half a gigabyte.
  const short = text.length > TEXT_LIMIT ? `${text.slice(0, TEXT_LIMIT)} […]` : text;
  return SECRETS.reduce((safe, [shape, instead]) => safe.replace(shape, instead), short);
}

/** The message of anything thrown, redacted; never a stack. */
export function describeError(thrown: unknown): string {
  try {
    if (thrown instanceof Error) return redact(thrown.message === '' ? thrown.name : thrown.message);
    return redact(
      typeof thrown === 'string' ? thrown : `A value of type ${typeof thrown} was thrown: ${String(thrown)}`,
    );
  } catch {
    return 'A value that cannot be printed was thrown';
  }
}
