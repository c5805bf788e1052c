/** Keeps the end of a byte stream in bounded memory. */
export interface StderrTail {
  add(chunk: Uint8Array): void;
  /** The end of what was added, as text that begins with a whole line where one does. */
  text(): string;
}

const NEWLINE = 0x0a;

/** A ring: once it is full, its oldest byte is where the next one goes. */
export function createStderrTail(limit: number): StderrTail {
  let ring: Uint8Array | undefined;
  let total = 0;

  return {
    add(chunk) {
      ring ??= new Uint8Array(limit);
      const last = chunk.subarray(-limit);
      const at = (total + chunk.length - last.length) % limit;
      const toEnd = last.subarray(0, limit - at);
      ring.set(toEnd, at);
      ring.set(last.subarray(toEnd.length), 0);
      total += chunk.length;
    },

    text() {
      if (ring === undefined) return '';
      const oldest = total > limit ? total % limit : 0;
      const inOrder = new Uint8Array(Math.min(total, limit));
      inOrder.set(ring.subarray(oldest, inOrder.length));
      inOrder.set(ring.subarray(0, oldest), inOrder.length - oldest);
      // From a line's begin on: half a line could be half a secret, which nobody recognises.
      const start = total > limit ? inOrder.indexOf(NEWLINE) + 1 : 0;
      return new TextDecoder().decode(inOrder.subarray(start));
    },
  };
}
