/** Places for calls at once, handed on in the order in which they were asked for. */
export interface Places {
  readonly taken: number;
  readonly waiting: number;
  /** False where none is free: then {@link Places.wait}. */
  tryTake(): boolean;
  /** Resolves with a place; rejects with the signal's reason, and holds none then. */
  wait(signal: AbortSignal): Promise<void>;
  /** Gives one back. It goes to who waits longest, so that nobody who comes now can slip in between. */
  release(): void;
  /** Rejects for all who wait. */
  dismiss(reason: Error): void;
}

interface Waiting {
  take(): void;
  reject(reason: Error): void;
}

export function createPlaces(most: number): Places {
  const queue: Waiting[] = [];
  let taken = 0;
  return {
    get taken() {
      return taken;
    },
    get waiting() {
      return queue.length;
    },
    tryTake() {
      if (taken >= most) return false;
      taken += 1;
      return true;
    },
    wait: (signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason as Error);
        const onAbort = (): void => {
          queue.splice(queue.indexOf(waiting), 1);
          reject(signal.reason as Error);
        };
        const settle = (how: () => void): void => {
          signal.removeEventListener('abort', onAbort);
          how();
        };
        const waiting: Waiting = {
          take: () => settle(resolve),
          reject: (reason) => settle(() => reject(reason)),
        };
        signal.addEventListener('abort', onAbort, { once: true });
        queue.push(waiting);
      }),
    release() {
      const next = queue.shift();
      if (next === undefined) taken -= 1;
      else next.take();
    },
    dismiss(reason) {
      for (const waiting of queue.splice(0)) waiting.reject(reason);
    },
  };
}
