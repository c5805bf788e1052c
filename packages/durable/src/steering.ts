import type { RunKey, SteeredRun, Store } from '@prusik/core';
import type { Inbox } from './inbox.ts';

/** What was steered to the run of one drive. A step has it in hand from taking it until its commit, so that no two steps take the same. */
export interface Steering {
  /** There may be something to take, which only the store can tell. */
  mayHave(): boolean;
  /** What no step has in hand. A store that cannot be reached has nothing: the messages wait. */
  take(): Promise<readonly SteeredRun[]>;
  /** A step ended without recording them. */
  giveBack(runs: readonly string[]): void;
}

export function createSteering(
  store: Store,
  { key, session }: { readonly key: RunKey; readonly session?: string },
  inbox: Inbox,
): Steering {
  const inHand = new Set<string>();
  /** Signals that had come when nothing was left. At first nobody has looked: what waits may have been steered to the holder before. */
  let emptyAt = -1;

  return {
    mayHave: () => session !== undefined && (inbox.count('steer') !== emptyAt || inbox.behind()),
    async take() {
      const told = inbox.count('steer');
      const waiting = await store.steered(key).catch(() => undefined);
      const free = (waiting ?? []).filter(({ run }) => !inHand.has(run));
      if (waiting !== undefined && free.length === 0) emptyAt = told;
      for (const { run } of free) inHand.add(run);
      return free;
    },
    giveBack(runs) {
      if (runs.length > 0) emptyAt = -1;
      for (const run of runs) inHand.delete(run);
    },
  };
}
