import type { BlobBytes, LiveTextRows, Store, StoreTables, StoreWrites } from '@prusik/core';

/** A way to be broken, and a test of the suite that has to notice. */
export interface StoreFault {
  readonly name: string;
  /** Part of the title of that test, and of no other. */
  readonly caughtBy: string;
  /** Called once per storage; what is left out is sound. */
  readonly make: (tables: StoreTables) => Broken;
}

export interface Broken {
  readonly tables?: Partial<StoreTables>;
  readonly liveText?: (sound: LiveTextRows) => Partial<LiveTextRows>;
  readonly blobs?: (sound: BlobBytes) => Partial<BlobBytes>;
  readonly port?: (store: Store) => Partial<Store>;
  readonly storage?: StorageFaults;
}

/** What can be wrong with how a storage lives on between its openings. */
export interface StorageFaults {
  readonly forgetsWhenClosed?: boolean;
  /** Whatever this method wrote is gone with the next opening, and nothing else is. */
  readonly losesWhenClosed?: keyof StoreWrites;
  readonly clockFollowsTheMachine?: boolean;
  readonly clockIsKeptWithEntriesOnly?: boolean;
  /** Whatever its time. */
  readonly clockGoesByTheLastEntry?: boolean;
  readonly keepsLeasesOfTheClosed?: boolean;
  readonly tellsNobodyElse?: boolean;
}

/** Rows are kept or found wrongly. */
export function rows(name: string, caughtBy: string, tables: (sound: StoreTables) => Partial<StoreTables>): StoreFault {
  return { name, caughtBy, make: (sound) => ({ tables: tables(sound) }) };
}

/** Text in progress is kept or found wrongly. */
export function liveText(
  name: string,
  caughtBy: string,
  change: (sound: LiveTextRows) => Partial<LiveTextRows>,
): StoreFault {
  return { name, caughtBy, make: () => ({ liveText: change }) };
}

/** Bytes of blobs are kept or found wrongly. */
export function bytes(name: string, caughtBy: string, change: (sound: BlobBytes) => Partial<BlobBytes>): StoreFault {
  return { name, caughtBy, make: () => ({ blobs: change }) };
}

/** The port does something else than it was asked to, or says something else than it did. */
export function port(name: string, caughtBy: string, change: (sound: Store) => Partial<Store>): StoreFault {
  return { name, caughtBy, make: () => ({ port: change }) };
}

export function storage(name: string, caughtBy: string, faults: StorageFaults): StoreFault {
  return { name, caughtBy, make: () => ({ storage: faults }) };
}

/** A copy without some of its fields. */
export function without<T extends object, K extends keyof T>(value: T, ...fields: readonly K[]): Omit<T, K> {
  const copy: Partial<T> = { ...value };
  for (const field of fields) delete copy[field];
  // The cast holds because every other field was copied.
  return copy as Omit<T, K>;
}
