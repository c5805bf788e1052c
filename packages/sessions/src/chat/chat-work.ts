import { PrusikError, type Clock } from '@prusik/core';
import type { EngineWarning } from '@prusik/durable';

/** What `work` comes to, or a rejection with `CHAT_HOOK_TIMEOUT` after `ms`; what it comes to later is dropped. */
export async function inTime<T>(clock: Clock, ms: number, name: string, work: () => Promise<T> | T): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = clock.after(ms, () =>
    reject(new PrusikError('CHAT_HOOK_TIMEOUT', `${name} took longer than ${ms} ms`)),
  );
  try {
    return await Promise.race([Promise.resolve().then(work), promise]);
  } finally {
    timer[Symbol.dispose]();
  }
}

/** Tells of a failure that nobody waits for; never throws, whatever the listener does. */
export function telling(onWarning: (warning: EngineWarning) => void) {
  return (what: string, cause: unknown): void => {
    try {
      onWarning({ code: 'CHAT_HOOK_FAILED', message: `${what} failed`, cause });
    } catch {
      // Told as well as it could be.
    }
  };
}
