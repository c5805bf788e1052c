import { createWatchers, PrusikError, storeOver, systemClock, type Clock, type Store } from '@prusik/core';
import { liveTextRows } from './live-text-rows.ts';
import { memoryTables } from './memory-tables.ts';

export interface MemoryStoreOptions {
  /** Decides expiry and timers. @default systemClock */
  readonly clock?: Pick<Clock, 'now'>;
  /** Runs that it holds, ended ones too, at most; a start past it rejects with `STORE_FULL`. @default 100_000 */
  readonly maxRuns?: number;
}

/**
 * A {@link Store} in this process's memory: the semantics of the durable ones to the letter, and nothing left after the
 * process. For tests and for runs that may be lost.
 */
export function memoryStore({ clock = systemClock, maxRuns = 100_000 }: MemoryStoreOptions = {}): Store {
  const tables = memoryTables();
  const watchers = createWatchers();
  let latest = Number.NEGATIVE_INFINITY;

  return storeOver({
    capabilities: { durable: false, multiProcess: false, noticeMs: 0 },
    reads: tables,
    liveText: liveTextRows(),
    watchers,
    async write(size, work) {
      // Nobody is called back while the caller is still inside its own call.
      await Promise.resolve();
      // Looked at before, since there is no rollback here: nothing may throw once `work` writes.
      if (size.runs > 0 && tables.runCount + size.runs > maxRuns)
        throw new PrusikError('STORE_FULL', `The store holds ${tables.runCount} of at most ${maxRuns} runs`);
      latest = Math.max(latest, clock.now());
      const news = watchers.collect();
      const answer = work({ tables, now: latest, news });
      news.tell();
      return answer;
    },
    async close() {
      // Writes that were accepted before are one microtask away, in front of this.
      await Promise.resolve();
    },
  });
}
