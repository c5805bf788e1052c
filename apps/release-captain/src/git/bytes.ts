/** Pieces between NUL bytes; a NUL at the end closes the last piece. */
export function splitNul(bytes: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let start = 0;
  for (let end = bytes.indexOf(0); end !== -1; end = bytes.indexOf(0, start)) {
    pieces.push(bytes.subarray(start, end));
    start = end + 1;
  }
  if (start < bytes.length) pieces.push(bytes.subarray(start));
  return pieces;
}

const lossy = new TextDecoder('utf-8', { ignoreBOM: true });
const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });

/** Text for people: what is not UTF-8 becomes U+FFFD. */
export function decodeText(bytes: Uint8Array): string {
  return lossy.decode(bytes);
}

/**
 * A file name as a string that is different for different bytes: a byte that is not part of UTF-8 becomes the unpaired
 * surrogate U+DC00 + byte (which UTF-8 cannot hold, so nothing collides). For comparing and splitting at `/`;
 * shown and stored only through {@link displayPath}.
 */
export function decodePath(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return decodePieces(bytes);
  }
}

function decodePieces(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes, at);
    text +=
      length === 0 ? String.fromCharCode(0xdc00 + (bytes[at] ?? 0)) : strict.decode(bytes.subarray(at, at + length));
    at += Math.max(1, length);
  }
  return text;
}

/** Length of the valid UTF-8 sequence at `at`, or 0. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  try {
    strict.decode(bytes.subarray(at, at + length));
    return length;
  } catch {
    return 0;
  }
}

const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '"': '\\"', '\\': '\\\\' };
// Controls, line separators, direction marks and unpaired surrogates: all that would bend a line of text.
// oxlint-disable-next-line no-control-regex, no-misleading-character-class -- control characters are what is looked for
const UNSHOWABLE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Surrogate}/u;

/** A file name on one line: as it is where that is safe, else in double quotes with escapes; `\xff` is a byte outside UTF-8. */
export function displayPath(path: string): string {
  if (!UNSHOWABLE.test(path) && !path.startsWith('"')) return path;
  let shown = '';
  for (const character of path) {
    const code = character.codePointAt(0) ?? 0;
    if (ESCAPES[character] !== undefined) shown += ESCAPES[character];
    else if (code >= 0xdc80 && code <= 0xdcff) shown += `\\x${(code - 0xdc00).toString(16)}`;
    else if (UNSHOWABLE.test(character)) shown += `\\u{${code.toString(16)}}`;
    else shown += character;
  }
  return `"${shown}"`;
}

/** Whether git can be asked about this name: arguments are UTF-8. */
export function isArgument(path: string): boolean {
  return path.isWellFormed() && !path.includes('\0');
}
