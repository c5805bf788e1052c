import type { Clock } from '@prusik/core';

/** Whether `promise` settles within `ms`; it must not reject. Leaves no timer. */
export async function settlesWithin(clock: Clock, ms: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: Disposable | undefined;
  const tooLong = new Promise<false>((resolve) => {
    timer = clock.after(ms, () => resolve(false));
  });
  try {
    return await Promise.race([promise.then(() => true), tooLong]);
  } finally {
    timer?.[Symbol.dispose]();
  }
}

/** What `promise` gives, or a rejection with the signal's reason; what comes later is ignored, rejections too. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  promise.catch(() => {});
  signal.throwIfAborted();
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
