import self from '@prusik/store-sqlite/package.json' with { type: 'json' };
import { BLOB_LIMIT, createWatchers, storeOver, systemClock, type Clock, type Store } from '@prusik/core';
import { blobFiles, blobFolder } from './blob-files.ts';
import { createStoreClock } from './store-clock.ts';
import { storeError } from './errors.ts';
import { watchForChanges } from './foreign-changes.ts';
import { createGroupCommit } from './group-commit.ts';
import { createHolders } from './holders.ts';
import { createLiveFile } from './live-file.ts';
import { openDatabase } from './open-database.ts';
import { watchReplacement, type Replacement } from './replacement.ts';
import { createReads } from './sqlite-reads.ts';
import { sqliteTables } from './sqlite-tables.ts';
import type { Written } from './written.ts';

/** What {@link sqliteStore} takes. */
export interface SqliteStoreOptions {
  /**
   * `existing`: opens only what is there as this release writes it. No file is made and none is migrated, so the workers of an older release go on
   * as they were. For tools that look at a store, and act on it, beside those. @default 'create'
   */
  readonly mode?: 'create' | 'existing';
  /** The database file; created, for its owner only, when there is none. On a local disk: SQLite's locks do not hold on network file systems. */
  readonly path: string;
  /** Decides expiry and timers; the file's own clock never goes back behind it. @default systemClock */
  readonly clock?: Pick<Clock, 'now'>;
  /**
   * `full`: a commit that was answered survives a loss of power. `normal`: it survives the death of the process, and a loss of power
   * may take the last ones; several times faster. @default 'full'
   */
  readonly synchronous?: 'full' | 'normal';
  /** How often, in milliseconds, the file is looked at for writes of other processes, while somebody watches. @default 250 */
  readonly pollMs?: number;
  /** How long, in milliseconds, a write waits for other processes before it rejects with `STORE_BUSY`. @default 10_000 */
  readonly busyMs?: number;
  /** The largest blob, in bytes. @default 67_108_864 */
  readonly maxBlobBytes?: number;
}

/** After this long without a write the log is copied into the file, and begun anew with the next one. */
const IDLE_MS = 1_000;

/**
 * A {@link Store} in one SQLite file that several processes of one machine may share.
 *
 * @throws {PrusikError} `STORE_UNSUPPORTED_RUNTIME`, `STORE_UNAVAILABLE`, `STORE_BUSY`, `STORE_FOREIGN`, `STORE_IS_BACKUP`, `STORE_TOO_NEW`,
 *   `STORE_CORRUPT`; with `mode: 'existing'` `STORE_MISSING` and `STORE_TOO_OLD` as well
 */
export function sqliteStore(options: SqliteStoreOptions): Store {
  const {
    path,
    mode = 'create',
    clock = systemClock,
    synchronous = 'full',
    pollMs = 250,
    busyMs = 10_000,
    maxBlobBytes = BLOB_LIMIT,
  } = options;
  for (const [name, value] of Object.entries({ pollMs, busyMs, maxBlobBytes })) {
    if (!(Number.isFinite(value) && value > 0)) throw new TypeError(`${name} must be a positive number, not ${value}`);
  }
  const { db, file, opened, close } = openDatabase({ path, synchronous, busyMs, mode });
  const replacement = watchReplacement(db, file, opened);
  const written: Written = { now: 0, anything: false, lastAt: undefined };
  const holders = createHolders(db, written);
  const reads = createReads(db);
  const tables = sqliteTables(db, reads, holders, written);
  const storeClock = createStoreClock(db, clock);
  const changes = watchForChanges({
    db,
    pollMs,
    holders,
    replacement,
    onChange: () => watchers.tellUnknown(),
    onDeath: () => watchers.tellQueue(),
  });
  const live = createLiveFile({ path: `${file}-live`, pollMs, onChange: () => watchers.tellLiveText() });
  const watchers = createWatchers(() => {
    const { runs, queue, requests } = watchers.count;
    changes.setWanted(runs + queue + requests > 0);
    live.setWanted(watchers.count.liveText > 0);
  });
  let idleTimer: NodeJS.Timeout | undefined;

  const group = createGroupCommit({
    db,
    path: file,
    busyMs,
    begin() {
      replacement.checkContent();
      written.now = storeClock.read();
      written.anything = false;
      written.lastAt = undefined;
      return { tables, now: written.now };
    },
    beforeCommit(now) {
      if (written.anything && (written.lastAt ?? 0) < now) storeClock.keep(now);
    },
    collectNews: watchers.collect,
    beforeAnswer: replacement.checkPath,
    afterRollback: holders.forgetSelf,
    afterCommit() {
      idleTimer ??= setTimeout(() => checkpoint('passive'), IDLE_MS).unref();
      idleTimer.refresh();
    },
  });

  /** The last write of the queue: what was accepted before it has its answer then. If the file is busy the leases run out; who only read waits for nobody. */
  async function leave(): Promise<void> {
    if (group.isIdle() && !holders.isThere()) return;
    await group.write(1, ({ now }) => holders.leave(now));
  }

  /**
   * Copies the log into the file; who is in the way is not waited for. It keeps its size but at the end: a sync that grows a file takes longer than one that writes
   * over what is there.
   */
  function checkpoint(how: 'passive' | 'truncate'): void {
    try {
      db.pragma(`wal_checkpoint(${how})`);
    } catch {
      // Another process is at it, or the disk is full: the next write or the next opening sees to it.
    }
  }

  return storeOver({
    capabilities: {
      durable: true,
      multiProcess: true,
      noticeMs: pollMs,
      adapter: { package: self.name, version: self.version },
    },
    reads: guarded(reads, file, replacement),
    liveText: live.rows,
    blobs: blobFiles({ folder: blobFolder(file), now: storeClock.read }),
    maxBlobBytes,
    watchers,
    now: guarded(storeClock, file, replacement).read,
    write: (size, work) => group.write(size.rows, work),
    async close() {
      changes.stop();
      live.close();
      await leave().catch(() => undefined);
      clearTimeout(idleTimer);
      checkpoint('truncate');
      close();
    },
  });
}

/** The same reads of a file that is still the store, with SQLite's errors as the store's. */
function guarded<T extends object>(reads: T, path: string, replacement: Replacement): T {
  const mapped = Object.entries(reads).map(([name, read]: [string, (...args: unknown[]) => unknown]) => [
    name,
    (...args: unknown[]): unknown => {
      replacement.checkPath();
      try {
        return read(...args);
      } catch (error) {
        throw storeError(error, path);
      }
    },
  ]);
  // The cast drops nothing: names and signatures are those of `reads`.
  return Object.fromEntries(mapped) as T;
}
