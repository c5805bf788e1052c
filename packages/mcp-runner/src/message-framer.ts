/** Cuts a byte stream into lines. Each byte is looked at once, and no line is held past its bound. */
export interface MessageFramer {
  /** Hands on each line that is whole now. False once a line is longer than the bound: nothing is handed on any more. */
  push(chunk: Uint8Array): boolean;
}

const NEWLINE = 0x0a;
/** What is kept for the next line; a larger one's memory is given back. */
const KEPT_BYTES = 256 * 1024;

const NOTHING = Buffer.alloc(0);

/** @param onLine Called with each line without its end, in order. What is no UTF-8 in it is replaced. */
export function createMessageFramer(maxBytes: number, onLine: (line: string) => void): MessageFramer {
  const decoder = new TextDecoder();
  /** The line that is not whole yet. It is copied: a list of chunks would cost a hundred bytes for each when a server writes byte by byte. */
  let begun = NOTHING;
  let length = 0;
  let tooLong = false;

  const append = (piece: Uint8Array): void => {
    if (length + piece.length > begun.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(maxBytes, Math.max(2 * begun.length, length + piece.length)));
      larger.set(begun.subarray(0, length));
      begun = larger;
    }
    begun.set(piece, length);
    length += piece.length;
  };
  const take = (last: Uint8Array): string => {
    if (length === 0) return decoder.decode(last);
    append(last);
    const line = decoder.decode(begun.subarray(0, length));
    length = 0;
    if (begun.length > KEPT_BYTES) begun = NOTHING;
    return line;
  };

  return {
    push(bytes) {
      // Of a buffer the search is the machine's own.
      const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      let from = 0;
      while (!tooLong && from < chunk.length) {
        const newline = chunk.indexOf(NEWLINE, from);
        const end = newline === -1 ? chunk.length : newline;
        const piece = chunk.subarray(from, end);
        from = end + 1;
        if (length + piece.length > maxBytes) {
          tooLong = true;
          begun = NOTHING;
        } else if (newline === -1) append(piece);
        else onLine(take(piece));
      }
      return !tooLong;
    },
  };
}
