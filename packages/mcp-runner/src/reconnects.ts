import type { Clock } from '@prusik/core';

/** Between two, at the least, by how many there have been since it was last quiet. */
const PAUSES: readonly (readonly [upTo: number, ms: number])[] = [
  [20, 100],
  [100, 1_000],
  [Infinity, 30_000],
];
const QUIET_MS = 300_000;
const LONGEST_MS = 300_000;

/** When streams that broke off are taken up again. A server may say after how long, but neither at once for ever nor never. */
export interface Reconnects {
  readonly schedule: (reconnect: () => void, delayMs: number) => () => void;
  /** None takes place any more. */
  stop(): void;
}

export function createReconnects(clock: Clock): Reconnects {
  const waiting = new Set<Disposable>();
  let count = 0;
  let last = -Infinity;
  let isOver = false;
  return {
    schedule(reconnect, delayMs) {
      if (isOver) return () => {};
      const now = clock.monotonic();
      count = now - last > QUIET_MS ? 1 : count + 1;
      last = now;
      const [, least = LONGEST_MS] = PAUSES.find(([upTo]) => count <= upTo) ?? [];
      const timer = clock.after(Math.min(LONGEST_MS, Math.max(least, delayMs)), () => {
        waiting.delete(timer);
        reconnect();
      });
      waiting.add(timer);
      return () => {
        waiting.delete(timer);
        timer[Symbol.dispose]();
      };
    },
    stop() {
      isOver = true;
      for (const timer of waiting) timer[Symbol.dispose]();
      waiting.clear();
    },
  };
}
