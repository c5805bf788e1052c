import type { BlobInfo } from '../blob.ts';
import type { StoreTransaction } from './tables.ts';

/** The first of these that the tenant does not have. */
export function findUnknownBlob(
  { tables }: StoreTransaction,
  tenant: string,
  hashes: readonly string[] = [],
): string | undefined {
  return hashes.find((hash) => tables.blob(tenant, hash) === undefined);
}

export interface SweptRows {
  readonly removed: readonly BlobInfo[];
  /** Number of the last blob that was looked at; missing when there are no more. */
  readonly last?: number;
}

/** Looks at `limit` blobs, whatever becomes of them, so that one portion is as short as another. */
export function sweepBlobRows(tx: StoreTransaction, after: number, limit: number, graceMs: number): SweptRows {
  const found = tx.tables.blobsAfter(after, limit);
  const removed = found.filter(({ used, storedAt }) => !used && storedAt <= tx.now - graceMs);
  for (const blob of removed) tx.tables.removeBlob(blob);
  const last = found.length < limit ? undefined : found.at(-1)?.number;
  return { removed, ...(last === undefined ? {} : { last }) };
}
