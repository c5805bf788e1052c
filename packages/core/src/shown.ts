const SHOWN_CHARS = 80;

/** A value as it may be shown to whoever passed it in wrongly: as JSON, and not more of it than a line. Never throws. */
export function shown(value: unknown): string {
  if (typeof value === 'number' || value === undefined) return String(value);
  try {
    const text = typeof value === 'string' ? JSON.stringify(value.slice(0, SHOWN_CHARS + 1)) : JSON.stringify(value);
    if (typeof text !== 'string') return `a value of type ${typeof value}`;
    return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS).toWellFormed()}…` : text;
  } catch {
    return `a value of type ${typeof value}`;
  }
}
