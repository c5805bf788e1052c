import { createHash } from 'node:crypto';
import { PrusikError } from '../errors.ts';
import type { Stop } from './stop.ts';

/** The longest piece that is hashed in one go: a larger one would hold up everything else. */
const PIECE_BYTES = 1_048_576;

/** A body on its way into the store: copied, counted and hashed. */
export interface MeasuredBody {
  readonly pieces: AsyncIterable<Uint8Array>;
  /** Of what has passed. */
  readonly size: number;
  /** Once it has ended. */
  hash(): string;
}

/** Rejects a body that is too large as soon as that is known, and one that hangs when it is stopped. */
export function measureBody(body: Uint8Array | AsyncIterable<Uint8Array>, maxBytes: number, stop: Stop): MeasuredBody {
  const digest = createHash('sha256');
  let hash: string | undefined;
  let size = 0;
  const count = (bytes: number): void => {
    size += bytes;
    if (size > maxBytes)
      throw new PrusikError('BLOB_TOO_LARGE', `A blob has at most ${maxBytes} bytes`, { meta: { maxBytes } });
  };

  /** A copy, since whoever made it may use its memory again while it is being written. The `slice` of a Buffer would be none. */
  function counted(chunk: Uint8Array): Uint8Array {
    // What is too large is not copied first; what says that it is smaller than it is has the size that it has.
    if (chunk.byteLength > maxBytes) count(chunk.byteLength);
    const copy = new Uint8Array(chunk);
    count(copy.byteLength);
    return copy;
  }

  const turn = (): Promise<void> => stop.race(new Promise((resolve) => setImmediate(resolve)));

  async function* pieces(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      // A source that gives nothing at once, again and again, must not keep everything else from its turn.
      if (chunk.byteLength === 0) await turn();
      for (let from = 0; from < chunk.byteLength; from += PIECE_BYTES) {
        const piece = chunk.subarray(from, from + PIECE_BYTES);
        digest.update(piece);
        yield piece;
        await turn();
      }
    }
  }

  async function* streamed(source: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
    for await (const chunk of stoppable(source, stop)) {
      if (!(chunk instanceof Uint8Array)) throw new TypeError('The body of a blob yields Uint8Array');
      yield counted(chunk);
    }
  }

  return {
    pieces: pieces(body instanceof Uint8Array ? [counted(body)] : streamed(body)),
    get size() {
      return size;
    },
    hash: () => (hash ??= `sha256:${digest.digest('hex')}`),
  };
}

/** What an iterable gives until it is stopped; then it is told to end, and not waited for. */
async function* stoppable<T>(source: AsyncIterable<T>, stop: Stop): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      const next = await stop.race(iterator.next());
      ended = next.done === true;
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    if (!ended) void (async () => iterator.return?.())().catch(() => undefined);
  }
}
