import type { Commit, Store } from '@prusik/core';

/** A store of a process that is stopped, as by SIGSTOP, and goes on when others have taken over what it held. */
export interface StoppingStore {
  readonly store: Store;
  /** It was stopped, and what it had asked before has been done. */
  readonly stopped: () => boolean;
  /** What it was about to write. */
  readonly stoppedAt: () => Commit | undefined;
  readonly resume: () => void;
}

/** Stops whoever uses `inner` right before the commit that `stopsAt` says yes to. Nothing that is asked is sent before it goes on. */
export function stoppingStore(inner: Store, stopsAt: (commit: Commit) => boolean): StoppingStore {
  const resumed = Promise.withResolvers<void>();
  let stoppedAt: Commit | undefined;
  let underWay = 0;

  async function call(name: string, method: (...given: readonly unknown[]) => unknown, given: readonly unknown[]) {
    if (stoppedAt === undefined && name === 'commit' && stopsAt(given[0] as Commit)) stoppedAt = given[0] as Commit;
    if (stoppedAt !== undefined) await resumed.promise;
    underWay += 1;
    try {
      return await method.apply(inner, [...given]);
    } finally {
      underWay -= 1;
    }
  }

  const store = new Proxy(inner, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      // What answers with something else than a promise reads or watches only, and comes to nothing by itself.
      const passes = typeof name !== 'string' || name === 'readBlob' || name.startsWith('watch');
      if (typeof value !== 'function' || passes) return value;
      return (...given: readonly unknown[]) => call(name, value as (...given: readonly unknown[]) => unknown, given);
    },
  });
  return {
    store,
    stopped: () => stoppedAt !== undefined && underWay === 0,
    stoppedAt: () => stoppedAt,
    resume: resumed.resolve,
  };
}
