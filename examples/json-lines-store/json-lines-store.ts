import {
  BLOB_LIMIT,
  createWatchers,
  PrusikError,
  STORE_WRITES,
  storeOver,
  systemClock,
  wallTime,
  type ClaimQuery,
  type Clock,
  type Store,
  type StoreReads,
  type StoreTables,
  type StoreTransaction,
  type StoreWrites,
  type WriteSize,
} from '@prusik/core';
import { liveTextRows, memoryTables } from '@prusik/store-memory';
import { blobFiles } from './blob-files.ts';
import { openLog, realPath } from './log-file.ts';

export interface JsonLinesStoreOptions {
  /** The file, on a local disk; made when it is missing. Blobs are in `<path>-blobs`. */
  readonly path: string;
  /** Decides expiry and timers. @default systemClock */
  readonly clock?: Pick<Clock, 'now'>;
  /** The file is not written any more once it is this long; writes reject with `STORE_FULL`. @default 1_073_741_824 */
  readonly maxBytes?: number;
  /** The largest blob, in bytes. @default 67_108_864 */
  readonly maxBlobBytes?: number;
}

/** One of the calls by which a transaction changed the rows: the method, then its arguments. */
type Call = readonly [method: keyof StoreWrites, ...given: unknown[]];

interface Transaction {
  readonly at: number;
  readonly calls: readonly Call[];
}

// #region writes
/** The same rows; what is done to them is written down in `calls`. */
function recording(tables: StoreTables, calls: Call[]): StoreTables {
  const recorded = STORE_WRITES.map((method) => [
    method,
    (...given: unknown[]): unknown => {
      calls.push([method, ...given]);
      return apply(tables, [method, ...given]);
    },
  ]);
  return { ...tables, ...Object.fromEntries(recorded) };
}

function apply(tables: StoreWrites, [method, ...given]: Call): unknown {
  return (tables[method] as (...given: unknown[]) => unknown)(...given);
}
// #endregion writes

/** Asks for every run that somebody holds. */
const ANY: ClaimQuery = { worker: '', leaseMs: 1, limit: 1, suspects: { room: 1, alone: 1 }, definitions: [] };

/** A write that waits for its answer. */
interface Waiting {
  readonly work: (tx: StoreTransaction) => unknown;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Writes that share a line, at most: so many of the largest are a string that JavaScript can hold. */
const SHARED_WRITES = 16;

/**
 * A {@link Store} in one file of JSON lines, for one process: rows in memory, and every transaction a line that is synced before it is
 * answered. Opening reads the file from its beginning.
 *
 * @throws {PrusikError} `STORE_BUSY`, `STORE_UNAVAILABLE`, `STORE_FOREIGN`, `STORE_TOO_NEW`, `STORE_CORRUPT`
 */
export function jsonLinesStore(options: JsonLinesStoreOptions): Store {
  const { clock = systemClock, maxBytes = 1_073_741_824, maxBlobBytes = BLOB_LIMIT } = options;
  for (const [name, value] of Object.entries({ maxBytes, maxBlobBytes }))
    if (!(value > 0)) throw new TypeError(`${name} must be a positive number, not ${value}`);
  const path = realPath(options.path);
  const log = openLog(path);
  const watchers = createWatchers();
  const waiting: Waiting[] = [];
  let latest = Number.NEGATIVE_INFINITY;
  const tick = (): number => (latest = Math.max(latest, wallTime(clock)));

  // #region rows
  // What is in memory is what is in the file, or it is thrown away and read again.
  let tables: StoreTables | undefined;
  function rows(): StoreTables {
    log.checkPlace();
    return (tables ??= replay());
  }
  function replay(): StoreTables {
    const empty = memoryTables();
    log.replay((line) => {
      const { at, calls } = line as Transaction;
      latest = Math.max(latest, at);
      for (const call of calls) apply(empty, call);
    });
    return empty;
  }

  /** Does all of it or nothing. Maps cannot be rolled back, so what fails after a change lets them be made anew. */
  function transact<T>(work: (tables: StoreTables, now: number) => T): T {
    const current = rows();
    const calls: Call[] = [];
    const now = tick();
    try {
      const done = work(recording(current, calls), now);
      if (calls.length > 0) log.append({ at: now, calls } satisfies Transaction);
      return done;
    } catch (error) {
      if (calls.length > 0) tables = undefined;
      throw error;
    }
  }
  // #endregion rows

  // #region together
  function answer(writes: readonly Waiting[]): void {
    try {
      if (log.length >= maxBytes) throw new PrusikError('STORE_FULL', `${path} has ${log.length} of ${maxBytes} bytes`);
      const tells = transact((written, now) =>
        writes.map(({ work, resolve }) => {
          const news = watchers.collect();
          const told = work({ tables: written, now, news });
          return (): void => (resolve(told), news.tell());
        }),
      );
      for (const tell of tells) tell();
    } catch (error) {
      // They share a line, so they share what became of it.
      for (const { reject } of writes) reject(error);
    }
  }

  function answerAll(): void {
    while (waiting.length > 0) answer(waiting.splice(0, SHARED_WRITES));
  }
  // #endregion together

  try {
    // Nobody else can have the file open, so whoever held a run is gone. A file that is full can be read all the same.
    rows();
    if (log.length < maxBytes) transact(endLeases);
  } catch (error) {
    log.close();
    throw error;
  }

  // #region over
  return storeOver({
    capabilities: { durable: true, multiProcess: false, noticeMs: 0 },
    reads: currentReads(rows),
    liveText: liveTextRows(),
    blobs: blobFiles(`${path}-blobs`, tick),
    maxBlobBytes,
    watchers,
    now: tick,
    write<T>(_size: WriteSize, work: (tx: StoreTransaction) => T): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        // Writes of every answer wait here; each is resolved with what its own work returned.
        waiting.push({ work, resolve: resolve as (answer: unknown) => void, reject });
        if (waiting.length === 1) setImmediate(answerAll);
      });
    },
    async close() {
      answerAll();
      log.close();
    },
  });
  // #endregion over
}

// #region leases
function endLeases(tables: StoreTables, now: number): void {
  // Collected first: the lists of runs change as runs do.
  const held = Array.from(tables.leases(ANY, now));
  for (const state of held) tables.saveRun({ ...state, leaseUntil: Math.min(now, state.leaseUntil ?? now) });
}
// #endregion leases

/** Reads of whatever rows there are when they are called. */
function currentReads(rows: () => StoreReads): StoreReads {
  const call =
    (method: string) =>
    (...given: unknown[]): unknown =>
      Reflect.get(rows(), method)(...given);
  // Every property is the method of its name.
  return new Proxy({}, { get: (_, method: string) => call(method) }) as StoreReads;
}
