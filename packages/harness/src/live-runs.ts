import { isFinal, isPrusikError, runKeyText, type Clock, type Run, type RunKey, type Store } from '@prusik/core';
import type { Engine } from '@prusik/durable';

/** The store as an engine has it whose starts are told, by whom they may be made: the harness, its sessions, a chat, the engine itself. */
export function tellStarts(store: Store, told: { before(): void; after(run: Run): void }): Store {
  return {
    ...store,
    async start(run) {
      told.before();
      const result = await store.start(run);
      if (result.outcome !== 'refused') told.after(result.run);
      return result;
    },
  };
}

/** The runs that one harness has started and that have not ended, as far as the store has told. */
export interface LiveRuns {
  started(run: Run): void;
  /** Asks all of them to cancel and drives them until that is confirmed. */
  cancelAll(reason: string): Promise<void>;
  /** Drives all of them until each has ended or waits for something outside, for `ms` at most. */
  finishAll(ms: number): Promise<void>;
}

export function createLiveRuns(engine: Engine, clock: Clock): LiveRuns {
  const live = new Map<string, { readonly run: RunKey; readonly watch: Disposable }>();

  function forget(name: string): void {
    live.get(name)?.watch[Symbol.dispose]();
    live.delete(name);
  }

  function takeAll(): readonly RunKey[] {
    const runs = [...live.values()].map(({ run }) => run);
    [...live.keys()].forEach(forget);
    return runs;
  }

  async function driveAll(runs: readonly RunKey[], signal?: AbortSignal): Promise<void> {
    await Promise.all(
      runs.map((run) =>
        engine.drive(run, signal === undefined ? {} : { signal }).catch((error: unknown) => {
          // Somebody else may have removed it since; and what is not finished in time is given back.
          if (signal?.aborted !== true && !isPrusikError(error, 'RUN_UNKNOWN')) throw error;
        }),
      ),
    );
  }

  return {
    started({ key: run, status }) {
      const name = runKeyText(run);
      // One that was found again may have ended, and is told of no more.
      if (isFinal(status) || live.has(name)) return;
      const watch = engine.store.watchRun(run, (why) => why === 'end' && forget(name));
      live.set(name, { run, watch });
    },
    async cancelAll(reason) {
      const runs = takeAll();
      await Promise.all(runs.map((run) => engine.cancel(run, reason)));
      await driveAll(runs);
    },
    async finishAll(ms) {
      const time = new AbortController();
      const timer = clock.after(ms, () => time.abort());
      try {
        await driveAll(takeAll(), time.signal);
      } finally {
        timer[Symbol.dispose]();
      }
    },
  };
}
