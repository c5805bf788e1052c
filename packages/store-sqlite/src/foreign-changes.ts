import type Database from 'better-sqlite3';
import type { Holders } from './holders.ts';
import type { Replacement } from './replacement.ts';

export interface ForeignChangesOptions {
  readonly db: Database.Database;
  readonly pollMs: number;
  readonly holders: Holders;
  readonly replacement: Replacement;
  /** Another connection has written. */
  readonly onChange: () => void;
  /** A process that held leases has died, which writes nothing. */
  readonly onDeath: () => void;
}

/**
 * Looks for writes of other processes while somebody wants to know: one question of a microsecond. An event of the file system would
 * come at the write of the log, before the commit can be seen.
 */
export function watchForChanges({ db, pollMs, holders, replacement, onChange, onDeath }: ForeignChangesOptions): {
  setWanted(wanted: boolean): void;
  /** For good: the file is about to be closed. */
  stop(): void;
} {
  const dataVersion = db.prepare<[], number>('pragma data_version').pluck();
  let seen: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  function look(): void {
    // Whoever waits for news looks again then, and is told.
    if (replacement.isNews()) return onChange();
    try {
      const version = dataVersion.get();
      const changed = version !== seen;
      seen = version;
      if (changed) onChange();
      if (holders.anyDead()) onDeath();
    } catch {
      // The file cannot be read just now; whoever writes to it is told why.
    }
  }

  function setWanted(wanted: boolean): void {
    if (stopped || wanted === (timer !== undefined)) return;
    if (wanted) {
      seen = dataVersion.get();
      // It must not keep a process alive that has nothing else to do.
      timer = setInterval(look, pollMs).unref();
    } else {
      clearInterval(timer);
      timer = undefined;
    }
  }

  return {
    setWanted,
    stop() {
      setWanted(false);
      stopped = true;
    },
  };
}
