/** Ends what waits for somebody else, who may never answer. */
export interface Stop {
  /** Rejects the race that runs, and every later one. */
  stop(reason: unknown): void;
  /** One at a time. Unlike `Promise.race` with a promise that lives on, it leaves nothing behind there. */
  race<T>(promise: Promise<T>): Promise<T>;
}

export function createStop(): Stop {
  let stopped: { readonly reason: unknown } | undefined;
  let reject: (reason: unknown) => void = () => undefined;
  return {
    stop(reason) {
      stopped ??= { reason };
      reject(stopped.reason);
    },
    race: (promise) =>
      new Promise((resolve, rejectRace) => {
        reject = rejectRace;
        promise.then(resolve, rejectRace);
        if (stopped !== undefined) rejectRace(stopped.reason);
      }),
  };
}
