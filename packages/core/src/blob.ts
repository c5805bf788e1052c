import type { Json } from './json.ts';

/** Bytes that a store keeps for one tenant, named by what they are. */
export interface BlobInfo {
  /** `sha256:` and 64 hexadecimal digits. */
  readonly hash: string;
  /** In bytes. */
  readonly size: number;
  /** The store's clock, at the last put of these bytes. */
  readonly storedAt: number;
}

/** Hashes of blobs that stand anywhere in a value. */
export function blobHashesIn(value: Json): readonly string[] {
  return [...new Set(JSON.stringify(value).match(/sha256:[0-9a-f]{64}/g) ?? [])];
}

/** The largest blob, in bytes, where a store's option says nothing else. */
export const BLOB_LIMIT: number = 64 * 1_048_576;

/** How long a blob that nobody uses is kept: longer than any time between a put and the commit that names it. */
export const BLOB_GRACE_MS = 3_600_000;

/** How a blob is put. */
export interface PutBlobOptions {
  /** Ends the put, which rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** Which portion of the blobs is looked at, and how old what goes must be. */
export interface BlobSweep {
  /** Blobs that were put later than this long ago are left alone. @default 3_600_000 */
  readonly graceMs?: number;
  /** How many blobs one call looks at, at most. @default 100 */
  readonly limit?: number;
  /** Where the last call ended. @default from the beginning */
  readonly after?: string;
}

/** What one portion of a sweep has removed. */
export interface SweptBlobs {
  readonly blobs: number;
  readonly bytes: number;
  /** Cursor of the next portion; missing after the last. Opaque. */
  readonly next?: string;
}
