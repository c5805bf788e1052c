/** Shapes in which credentials are most often printed. A net under the ground, not the ground: what must not be told is not written down. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi, '$1 [redacted]'],
  [/\b(sk|pk|rk|ghp|gho|ghs|xox[abprs]|glpat)[-_][\w-]{8,}/g, '[redacted]'],
  [/(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g, '[redacted]'],
  [/\bAKIA[0-9A-Z]{16}\b/g, '[redacted]'],
  [/\b(api[-_ ]?key|token|password|secret|authorization)(["']?\s*[:=]\s*["']?)[^\s"',;&]{4,}/gi, '$1$2[redacted]'],
  [/\b(\w{1,32}:\/\/)[^\s/@:]+:[^\s/@]+@/g, '$1[redacted]@'],
];

/** The text without what looks like credentials. Takes time in proportion to its length, whatever it holds: every pattern has few places to begin at. */
export function withoutSecrets(text: string): string {
  return SECRETS.reduce((safe, [shape, instead]) => safe.replace(shape, instead), text);
}
