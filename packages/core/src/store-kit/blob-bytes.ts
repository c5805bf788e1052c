/**
 * Where a store keeps the bytes of its blobs, under their hash, for all tenants alike. Who has and who uses which is in its rows: bytes
 * without a row are nobody's, and a row without bytes must never be.
 */
export interface BlobBytes {
  /**
   * Takes a body in, to its end, and only then asks for its hash. Resolves when the bytes would survive what the store
   * survives. A body that throws leaves nothing.
   */
  put(body: AsyncIterable<Uint8Array>, hash: () => string): Promise<void>;
  /** The bytes in pieces that are the reader's own; `undefined` when there are none under this hash. */
  read(hash: string): Promise<AsyncIterable<Uint8Array> | undefined>;
  /** Whether they are there. Called inside a transaction, so it answers at once. */
  has(hash: string): boolean;
  /** Takes them away, unless they were put after `before`. Called inside a transaction that has found no row, so it acts at once; freeing the space may wait for {@link BlobBytes.tidy}. */
  remove(hash: string, before: number): void;
  /** Hashes of what is kept, in portions that are numbered from 0; `undefined` past the last. */
  list(portion: number): Promise<readonly string[] | undefined>;
  /** Frees what was taken away, and what puts left that were cut off before `before`. */
  tidy(before: number): Promise<void>;
}
