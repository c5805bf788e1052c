import { AsyncLocalStorage } from 'node:async_hooks';
import { disposable } from './disposable.ts';

/**
 * Where time comes from. Injected everywhere, so that a test moves it by hand.
 * `now` is wall time and may jump; `monotonic` never goes back and says only how much time has passed.
 */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds since an arbitrary start, never decreasing. */
  monotonic(): number;
  /** Calls `wake` once after `delayMs`; a disposed timer never calls. It does not keep the process alive. */
  after(delayMs: number, wake: () => void): Disposable;
}

/**
 * The clock's wall time.
 *
 * @throws {TypeError} when it is none. A store's time never goes back, so one that is NaN or without end would be its time for ever.
 */
export function wallTime(clock: Pick<Clock, 'now'>): number {
  const now = clock.now();
  if (!Number.isFinite(now)) throw new TypeError(`The clock must tell milliseconds since the epoch, not ${now}`);
  return now;
}

/** setTimeout fires at once for anything longer than this; a longer wait is cut and taken up again by its owner. */
const LONGEST_TIMEOUT_MS = 2_147_483_647;

/** A wait that was asked for. */
interface Wait {
  readonly due: number;
  /** Missing once it is over or disposed. */
  wake: (() => void) | undefined;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** Asked for in this turn of the event loop. */
let asked: Wait[] = [];
/** Whoever asked first must not have its async context seen, or held, by the timers of all. */
const inNobodysContext = AsyncLocalStorage.snapshot();

/** Most waits bound what is over within the turn that it began in, and need no timer. */
function armAsked(): void {
  const waits = asked;
  asked = [];
  for (const wait of waits) if (wait.wake !== undefined) arm(wait);
}

function arm(wait: Wait): void {
  const left = Math.max(0, wait.due - performance.now());
  wait.timer = setTimeout(left > LONGEST_TIMEOUT_MS ? arm : ring, Math.min(left, LONGEST_TIMEOUT_MS), wait);
  (wait.timer as { unref?: () => void }).unref?.();
}

function ring(wait: Wait): void {
  const { wake } = wait;
  wait.wake = undefined;
  wake?.();
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, wake) {
    const wait: Wait = { due: performance.now() + delayMs, wake, timer: undefined };
    if (asked.push(wait) === 1) setImmediate(() => inNobodysContext(armAsked));
    return disposable(() => {
      wait.wake = undefined;
      if (wait.timer !== undefined) clearTimeout(wait.timer);
    });
  },
};
