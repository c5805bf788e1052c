import self from '@prusik/store-memory/package.json' with { type: 'json' };
import { liveTextRows } from './live-text-rows.ts';
import {
  BLOB_LIMIT,
  createWatchers,
  PrusikError,
  storeOver,
  systemClock,
  wallTime,
  type Clock,
  type Store,
} from '@prusik/core';
import { memoryBlobs } from './memory-blobs.ts';
import { memoryTables } from './memory-tables.ts';

/** What {@link memoryStore} takes. */
export interface MemoryStoreOptions {
  /** Decides expiry and timers. @default systemClock */
  readonly clock?: Pick<Clock, 'now'>;
  /**
   * Runs that it holds, ended ones too, at most, and as many sessions, closed ones too: a start past it rejects with `STORE_FULL`, until
   * some were removed. @default 100_000
   */
  readonly maxRuns?: number;
  /** The largest blob, in bytes; a larger one rejects with `BLOB_TOO_LARGE`. @default 67_108_864 */
  readonly maxBlobBytes?: number;
  /** Bytes of all blobs, at most; a put past it rejects with `STORE_FULL`. @default 268_435_456 */
  readonly maxTotalBlobBytes?: number;
}

/**
 * A {@link Store} in this process's memory: the semantics of the durable ones to the letter, and nothing left after the
 * process. For tests and for runs that may be lost.
 */
export function memoryStore({
  clock = systemClock,
  maxRuns = 100_000,
  maxBlobBytes = BLOB_LIMIT,
  maxTotalBlobBytes = 4 * BLOB_LIMIT,
}: MemoryStoreOptions = {}): Store {
  for (const [name, value] of Object.entries({ maxRuns, maxBlobBytes, maxTotalBlobBytes }))
    if (!(value >= 0)) throw new TypeError(`${name} must be a number that is not negative, not ${value}`);
  const tables = memoryTables();
  const watchers = createWatchers();
  let latest = Number.NEGATIVE_INFINITY;
  const tick = (): number => (latest = Math.max(latest, wallTime(clock)));

  return storeOver({
    capabilities: {
      durable: false,
      multiProcess: false,
      noticeMs: 0,
      adapter: { package: self.name, version: self.version },
    },
    reads: tables,
    liveText: liveTextRows(),
    blobs: memoryBlobs({ maxBytes: maxTotalBlobBytes, now: tick }),
    maxBlobBytes,
    watchers,
    now: tick,
    // Nobody is called back while the caller is still inside its own call.
    write: (size, work) =>
      Promise.resolve().then(() => {
        // Looked at before, since there is no rollback here: nothing may throw once `work` writes.
        if (size.runs > 0 && tables.runCount + size.runs > maxRuns)
          throw new PrusikError('STORE_FULL', `The store holds ${tables.runCount} of at most ${maxRuns} runs`);
        // Sessions stay when their runs are removed.
        if (size.runs > 0 && tables.sessionCount >= maxRuns)
          throw new PrusikError(
            'STORE_FULL',
            `The store holds ${tables.sessionCount} sessions, and has room for ${maxRuns}`,
          );
        const news = watchers.collect();
        const answer = work({ tables, now: tick(), news });
        news.tell();
        return answer;
      }),
    async close() {
      // Writes that were accepted before are one microtask away, in front of this.
      await Promise.resolve();
    },
  });
}
