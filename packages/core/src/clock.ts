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

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, wake) {
    const started = performance.now();
    let timer: ReturnType<typeof setTimeout>;
    const arm = (): void => {
      const left = Math.max(0, delayMs - (performance.now() - started));
      timer = setTimeout(left > LONGEST_TIMEOUT_MS ? arm : wake, Math.min(left, LONGEST_TIMEOUT_MS));
      (timer as { unref?: () => void }).unref?.();
    };
    arm();
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};
