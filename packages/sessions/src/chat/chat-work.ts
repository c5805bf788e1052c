import type { EngineWarning } from '@prusik/durable';

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
