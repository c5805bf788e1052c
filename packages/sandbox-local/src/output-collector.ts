/** Keeps the head and the tail of a byte stream in bounded memory. */
export interface OutputCollector {
  add(chunk: Uint8Array): void;
  /** Bytes seen so far, kept or not. */
  readonly total: number;
  result(): CollectedOutput;
}

export interface CollectedOutput {
  readonly bytes: Uint8Array;
  /** Bytes left out of the middle; 0 when nothing is missing. */
  readonly omitted: number;
}

/** Holds at most `limit` bytes (and one chunk): the first half and the last half of what is added. */
export function createOutputCollector(limit: number): OutputCollector {
  const headLimit = Math.ceil(limit / 2);
  const tailLimit = limit - headLimit;
  const head: Uint8Array[] = [];
  const tail: Uint8Array[] = [];
  let headLength = 0;
  let tailLength = 0;
  let total = 0;

  return {
    get total() {
      return total;
    },

    add(chunk) {
      total += chunk.length;
      const toHead = Math.min(chunk.length, headLimit - headLength);
      if (toHead > 0) {
        head.push(chunk.subarray(0, toHead));
        headLength += toHead;
      }
      if (toHead === chunk.length) return;
      tail.push(chunk.subarray(toHead));
      tailLength += chunk.length - toHead;
      for (let first = tail[0]; first && tailLength - first.length >= tailLimit; first = tail[0]) {
        tail.shift();
        tailLength -= first.length;
      }
    },

    result() {
      const first = Buffer.concat(head);
      const last = Buffer.concat(tail);
      if (headLength + tailLength === total && tailLength <= tailLimit)
        return { bytes: Buffer.concat([first, last]), omitted: 0 };
      const start = first.subarray(0, characterEnd(first));
      const end = last.subarray(characterStart(last, last.length - Math.min(tailLimit, last.length)));
      const omitted = total - start.length - end.length;
      return { bytes: Buffer.concat([start, Buffer.from(`\n[... ${omitted} bytes omitted ...]\n`), end]), omitted };
    },
  };
}

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;

/** Index of the first whole UTF-8 character at or after `from`. */
function characterStart(bytes: Uint8Array, from: number): number {
  let index = from;
  while (index < from + 3 && isContinuation(bytes[index])) index++;
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
