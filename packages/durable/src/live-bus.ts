import { runKeyText, type LiveEvent, type RunKey } from '@prusik/core';

/** Live events of the drives of this process, to whoever listens; nobody listening costs a map look-up. */
export interface LiveBus {
  publish(run: RunKey, event: LiveEvent): void;
  listen(run: RunKey, on: (event: LiveEvent) => void): Disposable;
}

export function createLiveBus(): LiveBus {
  const listeners = new Map<string, Set<(event: LiveEvent) => void>>();
  return {
    publish(run, event) {
      if (listeners.size === 0) return;
      for (const on of listeners.get(runKeyText(run)) ?? []) on(event);
    },
    listen(run, on) {
      const name = runKeyText(run);
      const set = listeners.get(name) ?? new Set();
      listeners.set(name, set);
      set.add(on);
      return {
        [Symbol.dispose]() {
          set.delete(on);
          if (set.size === 0 && listeners.get(name) === set) listeners.delete(name);
        },
      };
    },
  };
}
