import { createHash } from 'node:crypto';
import { BLOB_GRACE_MS, BLOB_LIMIT, type BlobInfo, type BlobSweep, type SweptBlobs } from '../blob.ts';
import { PrusikError } from '../errors.ts';
import { checkId } from '../ids.ts';
import type { Store } from '../store.ts';
import { checkedSweep } from './blob-arguments.ts';
import type { StoreBackend } from './backend.ts';
import { measureBody } from './blob-body.ts';
import { sweepBlobRows } from './blob-rows.ts';
import { checkBlobHash } from './key-arguments.ts';
import { createStop, type Stop } from './stop.ts';

/** Names that one transaction looks up, when bytes without a row are looked for. */
const NAMES_A_WRITE = 100;
/** And those that are looked up in one turn of the event loop before. */
const NAMES_A_TURN = 500;

export interface BlobPort extends Pick<Store, 'putBlob' | 'readBlob' | 'blob' | 'sweepBlobs'> {
  /** Bodies that are still read are ended with this reason; what is under way is waited for. */
  end(reason: unknown): Promise<void>;
}

/** Blobs over a store's rows and bytes: bytes first, then the row, then its uses; taken away in the opposite order. */
export function blobsOver({ reads, write, blobs: bytes, maxBlobBytes = BLOB_LIMIT }: StoreBackend): BlobPort {
  const underWay = new Map<Stop, Promise<unknown>>();

  async function put(tenant: string, body: Uint8Array | AsyncIterable<Uint8Array>, stop: Stop): Promise<BlobInfo> {
    const measured = measureBody(body, maxBlobBytes, stop);
    await bytes.put(measured.pieces, measured.hash);
    const { size } = measured;
    const hash = measured.hash();
    const writing = write({ rows: 1, runs: 0 }, (tx): BlobInfo | undefined => {
      // A sweep takes bytes away in a transaction too, so one of the two sees the other.
      if (!bytes.has(hash)) return undefined;
      const blob = { hash, size, storedAt: tx.now };
      tx.tables.saveBlob(tenant, blob);
      return blob;
    });
    // The disk may be full because of these bytes. Not awaited: the store may be as far away as it was for the row.
    writing.catch(() => discard([hash], 0).then(() => bytes.tidy(-Infinity))).catch(() => undefined);
    const stored = await writing;
    if (stored !== undefined) return stored;
    throw new PrusikError('BLOB_SWEPT', `The blob ${hash} was swept while its put was under way`, { retryable: true });
  }

  /** Takes away bytes that no row names. */
  async function discard(hashes: readonly string[], graceMs: number): Promise<void> {
    for (let from = 0; from < hashes.length; from += NAMES_A_WRITE) {
      const some = hashes.slice(from, from + NAMES_A_WRITE);
      await write({ rows: some.length, runs: 0 }, ({ tables, now }) => {
        for (const hash of some) if (!tables.hasBlob(hash)) bytes.remove(hash, now - graceMs);
      });
    }
  }

  /** Closing the store ends what is stopped, and waits for all of it. */
  async function track<T>(stop: Stop, work: Promise<T>): Promise<T> {
    underWay.set(
      stop,
      work.catch(() => undefined),
    );
    try {
      return await work;
    } finally {
      underWay.delete(stop);
    }
  }

  async function sweep(given: BlobSweep): Promise<SweptBlobs> {
    const { at, graceMs, limit } = checkedSweep({ graceMs: BLOB_GRACE_MS, limit: 100, ...given });
    if ('row' in at) {
      const { removed, last } = await write({ rows: limit, runs: 0 }, (tx) =>
        sweepBlobRows(tx, at.row, limit, graceMs),
      );
      await discard([...new Set(removed.map(({ hash }) => hash))], graceMs);
      return {
        blobs: removed.length,
        bytes: removed.reduce((sum, { size }) => sum + size, 0),
        next: last === undefined ? 'bytes-0' : `row-${last}`,
      };
    }
    const hashes = await bytes.list(at.portion);
    await discard(await withoutRow(hashes ?? []), graceMs);
    if (hashes !== undefined) return { blobs: 0, bytes: 0, next: `bytes-${at.portion + 1}` };
    await bytes.tidy(await write({ rows: 0, runs: 0 }, ({ now }) => now - graceMs));
    return { blobs: 0, bytes: 0 };
  }

  async function withoutRow(hashes: readonly string[]): Promise<readonly string[]> {
    const found: string[] = [];
    for (const [index, hash] of hashes.entries()) {
      if (index % NAMES_A_TURN === NAMES_A_TURN - 1) await new Promise((resolve) => setImmediate(resolve));
      if (!reads.hasBlob(hash)) found.push(hash);
    }
    return found;
  }

  return {
    async putBlob(tenant, body, { signal } = {}) {
      checkId('tenant', tenant);
      if (!(body instanceof Uint8Array) && typeof body?.[Symbol.asyncIterator] !== 'function')
        throw new TypeError('The body of a blob must be a Uint8Array or an async iterable of them');
      signal?.throwIfAborted();
      const stop = createStop();
      const abort = (): void => stop.stop(signal?.reason);
      signal?.addEventListener('abort', abort);
      try {
        // What was handed in whole is nobody's to wait for, so closing lets it end.
        return await track(body instanceof Uint8Array ? createStop() : stop, put(tenant, body, stop));
      } finally {
        signal?.removeEventListener('abort', abort);
      }
    },
    async *readBlob(tenant, hash) {
      checkId('tenant', tenant);
      checkBlobHash(hash);
      const info = reads.blob(tenant, hash);
      const pieces = info && (await bytes.read(hash));
      if (info === undefined || pieces === undefined) {
        if (reads.blob(tenant, hash) === undefined)
          throw new PrusikError('BLOB_UNKNOWN', `There is no blob ${hash}`, { meta: { hash } });
        throw new PrusikError('STORE_CORRUPT', `The bytes of blob ${hash} are missing`);
      }
      const digest = createHash('sha256');
      let size = 0;
      for await (const piece of pieces) {
        size += piece.byteLength;
        if (size > info.size) break;
        digest.update(piece);
        yield piece;
      }
      if (size !== info.size || `sha256:${digest.digest('hex')}` !== hash)
        throw new PrusikError('STORE_CORRUPT', `The bytes of blob ${hash} are not what was put`);
    },
    async blob(tenant, hash) {
      checkId('tenant', tenant);
      checkBlobHash(hash);
      return reads.blob(tenant, hash);
    },
    sweepBlobs: (given = {}) => track(createStop(), sweep(given)),
    async end(reason) {
      for (const stop of underWay.keys()) stop.stop(reason);
      await Promise.all(underWay.values());
    },
  };
}
