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
}

export function createPlaces(most: number): Places {
  const queue: (() => void)[] = [];
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
          queue.splice(queue.indexOf(next), 1);
          reject(signal.reason as Error);
        };
        const next = (): void => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        };
        signal.addEventListener('abort', onAbort, { once: true });
        queue.push(next);
      }),
    release() {
      const next = queue.shift();
      if (next === undefined) taken -= 1;
      else next();
    },
  };
}
