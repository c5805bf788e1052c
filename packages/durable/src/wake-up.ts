import type { Clock } from '@prusik/core';

/** A flag that one loop waits for. Set while nobody waits, it is seen by the next wait. */
export interface WakeUp {
  set(): void;
  /** Forgets what was told so far, for a loop that is about to look at everything. */
  clear(): void;
  /** Resolves when set; with a finite `withinMs`, to `false` when the time ran out first. */
  wait(withinMs?: number): Promise<boolean>;
}

export function createWakeUp(clock: Clock): WakeUp {
  let isSet = false;
  let waiter: (() => void) | undefined;
  return {
    set() {
      isSet = true;
      waiter?.();
    },
    clear() {
      isSet = false;
    },
    wait(withinMs = Infinity) {
      if (isSet) {
        isSet = false;
        return Promise.resolve(true);
      }
      // No time at all needs no clock: one turn of the event loop, so that what is about to happen may.
      if (withinMs <= 0) {
        return turnOfEventLoop().then(() => {
          const woken = isSet;
          isSet = false;
          return woken;
        });
      }
      return new Promise((resolve) => {
        let timer: Disposable | undefined;
        const settle = (woken: boolean): void => {
          waiter = undefined;
          isSet = false;
          timer?.[Symbol.dispose]();
          resolve(woken);
        };
        waiter = () => settle(true);
        if (withinMs < Infinity) timer = clock.after(withinMs, () => settle(false));
      });
    },
  };
}

/**
 * Resolves when every microtask that is queued now, and every one these queue, has run: `nextTick` callbacks that are added
 * from within a microtask run after the microtask queue is empty, so it is to be called from one. Without it two outcomes
 * delivered in a row could swap the winner of a `Promise.race` between the live run and its replay.
 */
export function drainMicrotasks(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

/** One turn of the event loop: lets callbacks of the platform (streams, hashes, dynamic imports) come in. */
export function turnOfEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
