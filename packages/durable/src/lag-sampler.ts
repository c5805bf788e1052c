import type { Clock, Entry, Observer } from '@prusik/core';

/** A reader tells at most once in so many milliseconds how late it is. */
const SAMPLE_MS = 100;

/** Tells an observer how long entries took to reach a reader that is opened now: of a sample of those that it was there to wait for. */
export function lagSampler(observer: Observer, clock: Clock): (entry: Entry) => void {
  const openedAt = clock.now();
  let nextAt = 0;
  return ({ at }) => {
    const now = clock.monotonic();
    if (at < openedAt || now < nextAt) return;
    nextAt = now + SAMPLE_MS;
    observer.event({ type: 'event-lag', ms: Math.max(0, clock.now() - at) });
  };
}
