import type { Clock } from './clock.ts';
import { PrusikError } from './errors.ts';

/** The result of code that somebody passed in, or a rejection with `TIMED_OUT` after `ms`; what comes later is ignored, rejections too. */
export async function within<T>(clock: Clock, ms: number, work: () => T | PromiseLike<T>): Promise<T> {
  const begun = work();
  if (!isThenable(begun)) return begun;
  let timer: Disposable | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    timer = clock.after(ms, () => reject(new PrusikError('TIMED_OUT', `Nothing came within ${ms} ms`)));
  });
  try {
    // The loser of the race has handlers through it, so a late rejection is nobody's surprise.
    return await Promise.race([begun, tooLong]);
  } finally {
    timer?.[Symbol.dispose]();
  }
}

const isThenable = <T>(value: T | PromiseLike<T>): value is PromiseLike<T> =>
  typeof (value as { readonly then?: unknown } | null | undefined)?.then === 'function';
