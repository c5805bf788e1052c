import { disposable, type PrusikError } from '@prusik/core';

/**
 * Tells a step to stop, once. It has an `AbortSignal` for those who ask for one: most bodies never do, and to make one takes longer than
 * all else that the engine does for a step.
 */
export interface Stop {
  /** Why it was told to; missing as long as it was not. */
  reason(): PrusikError | undefined;
  signal(): AbortSignal;
  abort(reason: PrusikError): void;
  /** Calls back when it is told to; not for what was before. */
  onAbort(listener: () => void): Disposable;
}

export function createStop(): Stop {
  let listeners: (() => void)[] = [];
  let reason: PrusikError | undefined;
  let controller: AbortController | undefined;
  return {
    reason: () => reason,
    signal() {
      if (controller === undefined) {
        controller = new AbortController();
        if (reason !== undefined) controller.abort(reason);
      }
      return controller.signal;
    },
    abort(why) {
      if (reason !== undefined) return;
      reason = why;
      controller?.abort(why);
      const told = listeners;
      listeners = [];
      for (const listener of told) listener();
    },
    onAbort(listener) {
      listeners.push(listener);
      return disposable(() => {
        listeners = listeners.filter((other) => other !== listener);
      });
    },
  };
}
