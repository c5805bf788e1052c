import type { Clock } from '@prusik/core';

/** The time of one call: without a sign of life, and in all. */
export interface Deadline extends Disposable {
  /** A sign of life. */
  heard(): void;
  /** While somebody else is to answer, the server's silence says nothing. */
  pause(): void;
  resume(): void;
  /** Milliseconds until the end in any case. */
  left(): number;
}

/** What a call may take. */
export interface DeadlineOptions {
  readonly callMs: number;
  readonly totalMs: number;
  readonly clock: Clock;
  readonly passed: (which: 'callMs' | 'totalMs') => void;
}

/** A sign of life moves no timer, since there may be thousands in a second: the timer looks at the last one when it rings. */
export function createDeadline({ callMs, totalMs, clock, passed }: DeadlineOptions): Deadline {
  const end = clock.monotonic() + totalMs;
  let last = clock.monotonic();
  let paused = false;
  let timer: Disposable | undefined;

  const dueAt = (): number => (paused ? end : Math.min(end, last + callMs));
  function arm(): void {
    timer = clock.after(Math.max(0, dueAt() - clock.monotonic()), ring);
  }
  function ring(): void {
    const now = clock.monotonic();
    if (now < dueAt()) return arm();
    timer = undefined;
    passed(now >= end ? 'totalMs' : 'callMs');
  }
  arm();

  return {
    heard() {
      last = clock.monotonic();
    },
    pause() {
      paused = true;
    },
    resume() {
      if (!paused || timer === undefined) return;
      paused = false;
      last = clock.monotonic();
      timer[Symbol.dispose]();
      arm();
    },
    left: () => Math.max(0, end - clock.monotonic()),
    [Symbol.dispose]() {
      timer?.[Symbol.dispose]();
      timer = undefined;
    },
  };
}
