/** Characters of one label that are shown, at most. */
const LABEL = 60;
/** What may stand in a label as it is. Everything else is written by its number: quotes and backticks would end or change a label, and angle brackets are HTML. */
const PLAIN = /^[\p{L}\p{N} ,/×…-]$/u;
/** A list or a heading, by which a label is taken for Markdown. */
const LIST = /^(\d+)([.)])|^[-+*]/;
/** Nobody sees them, or they turn around what stands beside them. */
const UNSEEN = /[\p{C}\u2028\u2029\u200E\u200F\u061C\u202A-\u202E\u2066-\u2069]/gu;

/**
 * Somebody's text as a label of Mermaid: one line, bounded, and nothing in it is read as anything but text. Names come from models, servers and authors, and may be made to break out.
 */
export function label(text: string): string {
  const seen = text.toWellFormed().replace(/\s+/gu, ' ').replace(UNSEEN, '').trim();
  const characters = Array.from(seen);
  const cut = characters.length > LABEL ? [...characters.slice(0, LABEL - 1), '…'] : characters;
  const listed = LIST.exec(seen)?.[0].length ?? 0;
  const written = cut.map((character, index) =>
    PLAIN.test(character) && index !== listed - 1 ? character : numbered(character),
  );
  return written.length === 0 ? '…' : written.join('');
}

const numbered = (character: string): string => `#${character.codePointAt(0) ?? 0xfffd};`;

/** `1.2 s`, `340 ms`, `2 h`: as much as a diagram needs. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1_000).toFixed(1)} s`;
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
}
