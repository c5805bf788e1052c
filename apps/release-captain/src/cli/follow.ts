import type { RunEvent, RunKey } from '@prusik/core';
import type { App } from '../app.ts';

/** A reader of a tree of runs that can be asked to catch up. */
export interface Follower {
  /** Resolves when everything that is committed for the run now has been told, and ends the reading. */
  finish(): Promise<void>;
}

/** Tells every event of the run and its children from `after` on. Reading never holds up the work. */
export function follow(app: App, key: RunKey, after: number, tell: (event: RunEvent) => void): Follower {
  const closing = new AbortController();
  let seen = after;
  let wake = (): void => undefined;
  const reading = (async () => {
    for await (const event of app.harness.events(key, { after, tree: true, signal: closing.signal })) {
      tell(event);
      if (event.live || event.run.run !== key.run) continue;
      seen = event.entry.seq;
      wake();
    }
  })().catch((error: unknown) => {
    if (!closing.signal.aborted) throw error;
  });
  // Looked at in finish(); until then a failure must not end the process.
  reading.catch(() => undefined);
  return {
    async finish() {
      const { seq = 0 } = (await app.store.run(key)) ?? {};
      const caughtUp = new Promise<void>((resolve) => {
        wake = () => {
          if (seen >= seq) resolve();
        };
        wake();
      });
      await Promise.race([caughtUp, reading]);
      closing.abort();
      await reading;
    },
  };
}
