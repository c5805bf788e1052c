import { runKeyText, type RunKey } from '../ids.ts';
import type { Store } from '../store.ts';
import type { News } from './tables.ts';

type RunWatcher = Parameters<Store['watchRun']>[1];

/** Who watches in this process, and what the transaction under way will tell them. */
export interface Watchers {
  readonly watchRun: Store['watchRun'];
  readonly watchQueue: Store['watchQueue'];
  /** Collects what one transaction has to tell. */
  collect(): CollectedNews;
  /** Another process wrote something. */
  tellUnknown(): void;
  tellQueue(): void;
  /** How many watch. */
  readonly count: { readonly runs: number; readonly queue: number };
}

export interface CollectedNews extends News {
  /** Calls the watchers. Only after the commit: nobody sees what is not committed. */
  tell(): void;
}

export function createWatchers(onCountChange: () => void = () => undefined): Watchers {
  const runs = new Map<string, Set<RunWatcher>>();
  const queue = new Set<() => void>();
  let runCount = 0;

  const tellQueue = (): void => {
    const now = [...queue];
    for (const on of now) if (queue.has(on)) guarded(on);
  };

  return {
    watchRun(run, on) {
      const name = runKeyText(run);
      const watcher: RunWatcher = (why) => on(why);
      const watchers = runs.get(name) ?? new Set();
      runs.set(name, watchers.add(watcher));
      runCount += 1;
      onCountChange();
      return {
        [Symbol.dispose]() {
          if (!watchers.delete(watcher)) return;
          if (watchers.size === 0 && runs.get(name) === watchers) runs.delete(name);
          runCount -= 1;
          onCountChange();
        },
      };
    },
    watchQueue(on) {
      const watcher = (): void => on();
      queue.add(watcher);
      onCountChange();
      return {
        [Symbol.dispose]() {
          if (queue.delete(watcher)) onCountChange();
        },
      };
    },
    collect() {
      const told: { readonly run: RunKey; readonly why: 'commit' | 'signal' | 'end' }[] = [];
      let queueMoved = false;
      return {
        run(run, why) {
          if (runs.size > 0) told.push({ run, why });
        },
        queue() {
          queueMoved = true;
        },
        tell() {
          for (const { run, why } of told) tellRun(runs.get(runKeyText(run)), why);
          if (queueMoved) tellQueue();
        },
      };
    },
    tellUnknown() {
      const now = [...runs.values()];
      for (const watchers of now) tellRun(watchers, 'unknown');
      tellQueue();
    },
    tellQueue,
    get count() {
      return { runs: runCount, queue: queue.size };
    },
  };
}

/** A copy is gone through: one that is added while the others are told was not there when it happened. */
function tellRun(watchers: ReadonlySet<RunWatcher> | undefined, why: Parameters<RunWatcher>[0]): void {
  const now = [...(watchers ?? [])];
  for (const on of now) if (watchers?.has(on)) guarded(() => on(why));
}

/** A watcher that throws must not keep the others from being told, nor turn a write that was committed into one that failed. */
function guarded(call: () => void): void {
  try {
    call();
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error));
  }
}
