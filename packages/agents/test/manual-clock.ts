import type { Clock } from '@prusik/core';

/** A clock that a test moves by hand. */
export interface ManualClock extends Clock {
  advance(ms: number): void;
  /** Timers that wait. */
  readonly waiting: number;
}

export function manualClock(): ManualClock {
  let passed = 0;
  let timers: { readonly at: number; readonly wake: () => void }[] = [];
  return {
    now: () => passed,
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
    get waiting() {
      return timers.length;
    },
  };
}
