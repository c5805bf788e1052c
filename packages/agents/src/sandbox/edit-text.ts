const CR = 13;
const LF = 10;

/** Where a text stands in a file, in bytes. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Where `text` stands, byte by byte; where that is nowhere, with line ends taken for the same, whichever they are. Bytes, because what is not replaced must
 * stay as it is, a byte order mark and what is no UTF-8 too. Places may overlap; no more than `most` are looked for.
 */
export function findText(file: Buffer, text: string, most: number): readonly Span[] {
  const exact = occurrences(file, Buffer.from(text), most);
  if (exact.length > 0 || !(text.includes('\n') || text.includes('\r'))) return exact;
  const { bytes, startAt } = withoutCr(file);
  return occurrences(bytes, Buffer.from(text.replaceAll('\r\n', '\n')), most).map(({ start, end }) => ({
    start: startAt[start] ?? file.length,
    end: startAt[end] ?? file.length,
  }));
}

function occurrences(file: Buffer, text: Buffer, most: number): readonly Span[] {
  const found: Span[] = [];
  for (let at = file.indexOf(text); at !== -1 && found.length < most; at = file.indexOf(text, at + 1))
    found.push({ start: at, end: at + text.length });
  return found;
}

/** Those of the spans that overlap none before. */
export function apart(spans: readonly Span[]): readonly Span[] {
  let free = 0;
  return spans.filter(({ start, end }) => {
    if (start < free) return false;
    free = end;
    return true;
  });
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

/** The file with `text` in the place of each span, `undefined` if that has more bytes than `most`. A new line ends as the lines around it do. */
export function replaceSpans(file: Buffer, spans: readonly Span[], text: string, most: number): Buffer | undefined {
  // An own "\r\n" is meant.
  const followed = text.includes('\n') && !text.includes('\r');
  const endsWithCrlf = followed ? createLineEnds(file) : () => false;
  const plain = Buffer.from(text);
  const withCrlf = followed ? Buffer.from(text.replaceAll('\n', '\r\n')) : plain;
  const parts: Buffer[] = [];
  let at = 0;
  for (const { start, end } of spans) {
    parts.push(file.subarray(at, start), endsWithCrlf(start) ? withCrlf : plain);
    at = end;
  }
  parts.push(file.subarray(at));
  const bytes = parts.reduce((sum, { length }) => sum + length, 0);
  return bytes > most ? undefined : Buffer.concat(parts, bytes);
}

/**
 * Whether the line that a place is in ends with CRLF; the one before where it is the last and has no end. For places in ascending order, so that a line of
 * megabytes is looked through once.
 */
function createLineEnds(file: Buffer): (place: number) => boolean {
  let next = -1;
  let crlf = false;
  return (place) => {
    if (next >= place) return crlf;
    const found = file.indexOf(LF, place);
    const end = found === -1 ? file.lastIndexOf(LF) : found;
    next = found === -1 ? file.length : found;
    crlf = end > 0 && file[end - 1] === CR;
    return crlf;
  };
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
