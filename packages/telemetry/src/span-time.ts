import type { HrTime } from '@opentelemetry/api';
import type { Clock } from '@prusik/core';

/** Times of the spans of one drive, in milliseconds since the epoch: none of them is before an earlier one, whatever the wall clock does meanwhile. */
export function driveTime(clock: Clock): () => number {
  const offset = clock.now() - clock.monotonic();
  return () => offset + clock.monotonic();
}

/** As a pair, which alone is the same to every SDK: a small number is taken for one of `performance.now()`. */
export function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.round((ms - seconds * 1_000) * 1_000_000)];
}
