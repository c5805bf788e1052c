import { turnOfEventLoop } from './wake-up.ts';

/** How long the engine's own work may keep timers and sockets of the process waiting. */
const BUSY_MS = 5;

/**
 * Between two pieces of work: lets the event loop turn when it has not for a while. On a store in memory all that an engine awaits are
 * microtasks, and thousands of instant steps would starve everything else. One for all of an engine's loops, since many
 * short drives in a row starve as one long one does.
 */
export function createBreather(): () => Promise<void> | undefined {
  let since = performance.now();
  return () => {
    if (performance.now() - since < BUSY_MS) return undefined;
    return turnOfEventLoop().then(() => void (since = performance.now()));
  };
}
