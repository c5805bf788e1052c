import type { Clock } from '@prusik/core';

export interface ManualClock extends Clock {
  /** Moves time forward and calls what is due on the way. */
  advance(ms: number): void;
}

export function manualClock(start = 1_700_000_000_000): ManualClock {
  let passed = 0;
  let timers: { readonly at: number; readonly wake: () => void }[] = [];
  return {
    now: () => start + passed,
    monotonic: () => passed,
    after(delayMs, wake) {
      const timer = { at: passed + delayMs, wake };
      timers.push(timer);
      return { [Symbol.dispose]: () => void (timers = timers.filter((other) => other !== timer)) };
    },
    advance(ms) {
      passed += ms;
      const due = timers.filter((timer) => timer.at <= passed).toSorted((a, b) => a.at - b.at);
      timers = timers.filter((timer) => timer.at > passed);
      for (const timer of due) timer.wake();
    },
  };
}
