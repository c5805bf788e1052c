import type { RunStatus } from './run.ts';

/** Live runs, and runs that have ended, that a look at the health of a store counts at most. */
export const HEALTH_LIMIT = 100_000;

/** How a store stands, over all tenants: for whoever runs it. Numbers only, nothing of what runs hold. Times in milliseconds, sizes in bytes. */
export interface StoreHealth {
  /** The store's clock. */
  readonly at: number;
  /** `false`: there are more than {@link HEALTH_LIMIT} live runs, or ended ones, or open requests, and the counts are of so many of them. */
  readonly isWhole: boolean;
  readonly runs: Readonly<Record<RunStatus, number>>;
  readonly queue: {
    /** May be claimed now. */
    readonly ready: number;
    /** Stand behind another run of their session. */
    readonly inSessions: number;
    /** How long the first of those that may be claimed has been waiting for it; `null` where there are none. */
    readonly oldestMs: number | null;
  };
  readonly leases: {
    readonly held: number;
    /** Past, and not taken over yet. */
    readonly past: number;
  };
  readonly timers: {
    /** Due, and not claimed yet. */
    readonly due: number;
    /** When the first that is not due will be. */
    readonly nextAt: number | null;
  };
  /** Blocked runs by the code of what they are blocked for. */
  readonly blocked: Readonly<Record<string, number>>;
  readonly requests: {
    readonly open: number;
    /** How long the first of them has been open. */
    readonly oldestMs: number | null;
  };
  /** Runs that were taken over from a worker that was lost. */
  readonly recoveries: {
    readonly count: number;
    readonly lastAt: number | null;
  };
  readonly blobs: {
    /** Different ones. */
    readonly count: number;
    readonly bytes: number;
  };
  /** Of a store that is a file. */
  readonly file?: {
    readonly bytes: number;
    /** Of it, what is free: it is used again, and does not shrink. */
    readonly freeBytes: number;
    /** Of the log beside it. It keeps its size while the file is open, also when all of it is taken into the file. */
    readonly logBytes: number;
    readonly schemaVersion: number;
    /** Rises when a backup is restored into it, and when it is migrated so that the release before cannot go on. */
    readonly generation: number;
  };
}
