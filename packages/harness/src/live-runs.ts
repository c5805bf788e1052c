import { isPrusikError, runKeyText, type RunKey } from '@prusik/core';
import type { Engine } from '@prusik/durable';

/** The runs that one harness has started and that have not ended, as far as the store has told. */
export interface LiveRuns {
  started(run: RunKey): void;
  /** Asks all of them to cancel and drives them until that is confirmed. */
  cancelAll(reason: string): Promise<void>;
}

export function createLiveRuns(engine: Engine): LiveRuns {
  const live = new Map<string, { readonly run: RunKey; readonly watch: Disposable }>();

  function forget(name: string): void {
    live.get(name)?.watch[Symbol.dispose]();
    live.delete(name);
  }

  return {
    started(run) {
      const name = runKeyText(run);
      if (live.has(name)) return;
      const watch = engine.store.watchRun(run, (why) => why === 'end' && forget(name));
      live.set(name, { run, watch });
    },
    async cancelAll(reason) {
      const runs = [...live.values()].map(({ run }) => run);
      [...live.keys()].forEach(forget);
      await Promise.all(runs.map((run) => engine.cancel(run, reason)));
      await Promise.all(
        runs.map((run) =>
          engine.drive(run).catch((error: unknown) => {
            // Somebody else may have removed it since.
            if (!isPrusikError(error, 'RUN_UNKNOWN')) throw error;
          }),
        ),
      );
    },
  };
}
