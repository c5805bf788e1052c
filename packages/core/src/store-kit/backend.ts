import type { StoreCapabilities } from '../store.ts';
import type { BlobBytes } from './blob-bytes.ts';
import type { LiveTextRows } from './live-text.ts';
import type { StoreReads, StoreTransaction } from './tables.ts';
import type { Watchers } from './watchers.ts';

/** How one store runs its transactions; everything else is the same for all. */
export interface StoreBackend {
  readonly capabilities: StoreCapabilities;
  readonly reads: StoreReads;
  readonly liveText: LiveTextRows;
  readonly blobs: BlobBytes;
  /** @default BLOB_LIMIT */
  readonly maxBlobBytes?: number;
  readonly watchers: Watchers;
  /** The store's clock outside of a transaction. */
  readonly now: () => number;
  /**
   * Runs `work` in a transaction, which others may share, and resolves to its answer once it is committed. `work` may be run
   * again in a new transaction when the first was rolled back. The watchers are told after that.
   */
  write<T>(size: WriteSize, work: (tx: StoreTransaction) => T): Promise<T>;
  /** Waits for what was accepted and releases everything. Called once. */
  close(): Promise<void>;
}

/** About how much a write will add. */
export interface WriteSize {
  readonly rows: number;
  readonly runs: number;
}
