import { disposable, type Clock } from '@prusik/core';

/** A clock that stands still until it is moved. */
export interface FakeClock extends Clock {
  /** Lets time pass: both times move, and timers that fall due are called in order, each at its own time. */
  advance(ms: number): void;
  /** Sets the wall clock forward or back, as an administrator or a suspended machine does; no time passes, no timer is called. */
  jump(ms: number): void;
  /** Timers that wait. */
  readonly pending: number;
}

interface Timer {
  readonly due: number;
  readonly wake: () => void;
}

/** @param start First wall time, in milliseconds since the epoch. @default 1_700_000_000_000 */
export function fakeClock(start = 1_700_000_000_000): FakeClock {
  const timers = new Set<Timer>();
  let passed = 0;
  let jumped = 0;

  function nextDue(until: number): Timer | undefined {
    // Sets keep the order of adding, and sorting is stable: of two that are due at once the older one is first.
    return [...timers].filter((timer) => timer.due <= until).toSorted((a, b) => a.due - b.due)[0];
  }

  return {
    now: () => start + passed + jumped,
    monotonic: () => passed,
    after(delayMs, wake) {
      const timer = { due: passed + Math.max(0, delayMs), wake };
      timers.add(timer);
      return disposable(() => void timers.delete(timer));
    },
    advance(ms) {
      const until = passed + ms;
      for (let timer = nextDue(until); timer !== undefined; timer = nextDue(until)) {
        timers.delete(timer);
        passed = Math.max(passed, timer.due);
        timer.wake();
      }
      passed = until;
    },
    jump(ms) {
      jumped += ms;
    },
    get pending() {
      return timers.size;
    },
  };
}
