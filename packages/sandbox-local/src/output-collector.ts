/** Keeps the head and the tail of a byte stream in bounded memory. */
export interface OutputCollector {
  add(chunk: Uint8Array): void;
  /** Bytes seen so far, kept or not. */
  readonly total: number;
  result(): CollectedOutput;
}

interface CollectedOutput {
  readonly bytes: Uint8Array;
  /** Bytes left out of the middle; 0 when nothing is missing. */
  readonly omitted: number;
}

const FIRST_BYTES = 16 * 1024;

/**
 * Holds the first half and the last half of `limit` bytes. They are copied: a list of chunks would cost a hundred bytes for each
 * when a command writes byte by byte.
 */
export function createOutputCollector(limit: number): OutputCollector {
  const headLimit = Math.ceil(limit / 2);
  const tailLimit = limit - headLimit;
  let head = Buffer.alloc(Math.min(FIRST_BYTES, headLimit));
  /** A ring: once it is full, its oldest byte is where the next one goes. */
  let ring: Buffer | undefined;
  let total = 0;

  const addToHead = (bytes: Uint8Array): void => {
    if (total + bytes.length > head.length) {
      const larger = Buffer.alloc(Math.min(headLimit, Math.max(2 * head.length, total + bytes.length)));
      head.copy(larger, 0, 0, total);
      head = larger;
    }
    head.set(bytes, total);
  };
  const addToTail = (bytes: Uint8Array, at: number): void => {
    if (tailLimit === 0) return;
    ring ??= Buffer.alloc(tailLimit);
    const last = bytes.subarray(-tailLimit);
    const position = (at + bytes.length - last.length) % tailLimit;
    const toEnd = last.subarray(0, tailLimit - position);
    ring.set(toEnd, position);
    ring.set(last.subarray(toEnd.length), 0);
  };

  return {
    get total() {
      return total;
    },

    add(chunk) {
      const toHead = Math.min(chunk.length, Math.max(0, headLimit - total));
      if (toHead > 0) addToHead(chunk.subarray(0, toHead));
      if (toHead < chunk.length) addToTail(chunk.subarray(toHead), total + toHead - headLimit);
      total += chunk.length;
    },

    result() {
      const first = head.subarray(0, total);
      const last = ring ?? Buffer.alloc(0);
      const behindHead = Math.max(0, total - headLimit);
      if (total <= limit) return { bytes: Buffer.concat([first, last.subarray(0, behindHead)]), omitted: 0 };
      const oldest = tailLimit === 0 ? 0 : behindHead % tailLimit;
      return cut(first, Buffer.concat([last.subarray(oldest), last.subarray(0, oldest)]));
    },
  };

  function cut(first: Buffer, last: Buffer): CollectedOutput {
    const start = first.subarray(0, characterEnd(first));
    const end = last.subarray(characterStart(last));
    const omitted = total - start.length - end.length;
    return { bytes: Buffer.concat([start, Buffer.from(`\n[... ${omitted} bytes omitted ...]\n`), end]), omitted };
  }
}

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;

/** Index of the first whole UTF-8 character. */
function characterStart(bytes: Uint8Array): number {
  let index = 0;
  while (index < 3 && isContinuation(bytes[index])) index++;
  return index;
}

/** Length without a UTF-8 character that the end cuts in two. */
function characterEnd(bytes: Uint8Array): number {
  let lead = bytes.length - 1;
  while (lead > bytes.length - 4 && isContinuation(bytes[lead])) lead--;
  const byte = bytes[lead];
  if (byte === undefined) return bytes.length;
  const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
  return lead + length > bytes.length ? lead : bytes.length;
}
