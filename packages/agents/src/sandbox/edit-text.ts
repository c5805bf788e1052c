const CR = 13;
const LF = 10;

/** Where a text stands in a file, in bytes. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Where `text` stands, byte by byte; where that is nowhere, with line ends taken for the same, whichever they are. Bytes, because what is not replaced must
 * stay as it is, a byte order mark and what is no UTF-8 too.
 */
export function findText(file: Buffer, text: string): readonly Span[] {
  const exact = occurrences(file, Buffer.from(text));
  if (exact.length > 0 || !(text.includes('\n') || text.includes('\r'))) return exact;
  const { bytes, startAt } = withoutCr(file);
  return occurrences(bytes, Buffer.from(text.replaceAll('\r\n', '\n'))).map(({ start, end }) => ({
    start: startAt[start] ?? file.length,
    end: startAt[end] ?? file.length,
  }));
}

function occurrences(file: Buffer, text: Buffer): readonly Span[] {
  const found: Span[] = [];
  for (let at = file.indexOf(text); at !== -1; at = file.indexOf(text, at + text.length))
    found.push({ start: at, end: at + text.length });
  return found;
}

/** The file with LF for each CRLF, and where each byte of that begins in the file. */
function withoutCr(file: Buffer): { readonly bytes: Buffer; readonly startAt: Uint32Array } {
  const bytes = Buffer.alloc(file.length);
  const startAt = new Uint32Array(file.length + 1);
  let length = 0;
  for (let at = 0; at < file.length; at += 1) {
    startAt[length] = at;
    if (file[at] === CR && file[at + 1] === LF) at += 1;
    bytes[length] = file[at] ?? 0;
    length += 1;
  }
  startAt[length] = file.length;
  return { bytes: bytes.subarray(0, length), startAt };
}

/** The file with `text` in the place of each span. A new line ends as the lines around it do. */
export function replaceSpans(file: Buffer, spans: readonly Span[], text: string): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  for (const { start, end } of spans) {
    // An own "\r\n" is meant.
    const ends = !text.includes('\r') && endsWithCrlf(file, start) ? text.replaceAll('\n', '\r\n') : text;
    parts.push(file.subarray(at, start), Buffer.from(ends));
    at = end;
  }
  return Buffer.concat([...parts, file.subarray(at)]);
}

/** Of the line that a place is in; of the one before where it is the last and has no end. */
function endsWithCrlf(file: Buffer, place: number): boolean {
  const next = file.indexOf(LF, place);
  const at = next === -1 && place > 0 ? file.lastIndexOf(LF, place - 1) : next;
  return at > 0 && file[at - 1] === CR;
}

/** The line that a byte is in, counted from 1. */
export function lineAt(file: Buffer, place: number): number {
  let line = 1;
  for (let at = file.indexOf(LF); at !== -1 && at < place; at = file.indexOf(LF, at + 1)) line += 1;
  return line;
}

/** Lines of a file with their numbers, as `read` shows them, in at most `most` characters. */
export function numbered(file: Buffer, from: number, to: number, most: number): string {
  const first = Math.max(1, from);
  const lines = file
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .replace(/\r?\n$/, '')
    .split('\n')
    .slice(first - 1, to)
    .map((line, index) => `${first + index}\t${line.endsWith('\r') ? line.slice(0, -1) : line}`);
  const text = lines.join('\n');
  return text.length <= most ? text : `${text.slice(0, most).toWellFormed()} […]`;
}
