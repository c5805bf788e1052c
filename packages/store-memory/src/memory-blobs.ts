import { PrusikError, type BlobBytes } from '@prusik/core';

/** What {@link memoryBlobs} takes. */
export interface MemoryBlobsOptions {
  /** Of all blobs, at most. */
  readonly maxBytes: number;
  /** The store's clock. */
  readonly now: () => number;
}

interface Kept {
  readonly pieces: readonly Uint8Array[];
  readonly size: number;
  readonly at: number;
}

/** The bytes of a store's blobs in memory, for stores that are built over them. A put past the bound rejects with `STORE_FULL`. */
export function memoryBlobs({ maxBytes, now }: MemoryBlobsOptions): BlobBytes {
  const kept = new Map<string, Kept>();
  /** Of what is kept and of what is being put. */
  let total = 0;

  return {
    async put(body, hash) {
      const pieces: Uint8Array[] = [];
      let size = 0;
      try {
        for await (const piece of body) {
          if (total + piece.byteLength > maxBytes)
            throw new PrusikError('STORE_FULL', `The store holds at most ${maxBytes} bytes of blobs`);
          total += piece.byteLength;
          size += piece.byteLength;
          pieces.push(piece);
        }
      } catch (error) {
        total -= size;
        throw error;
      }
      total -= kept.get(hash())?.size ?? 0;
      kept.set(hash(), { pieces, size, at: now() });
    },
    async read(hash) {
      const found = kept.get(hash);
      return found && copies(found.pieces);
    },
    has: (hash) => kept.has(hash),
    remove(hash, before) {
      const found = kept.get(hash);
      if (found === undefined || found.at > before) return;
      total -= found.size;
      kept.delete(hash);
    },
    list: async (portion) => (portion === 0 ? [...kept.keys()] : undefined),
    tidy: () => Promise.resolve(),
  };
}

/** Bytes cannot be frozen. */
async function* copies(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield new Uint8Array(piece);
}
