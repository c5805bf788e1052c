import { startClaimLoop } from './claim-loop.ts';
import type { DriveEnv } from './drive-env.ts';
import type { Driver } from './driver.ts';
import { workerObserved } from './worker-observed.ts';

/** Drives whatever is runnable, until disposed; what it drives then is given back. */
export function startWorker(env: DriveEnv, driver: Driver): AsyncDisposable {
  const owner = {};
  const claiming = {
    ownerOf: () => owner,
    onError: (cause: unknown) =>
      env.warn({ code: 'CLAIM_FAILED', message: 'The store refused a claim; it is tried again', cause }),
  };
  const worked = workerObserved(env);
  const loop = startClaimLoop({ env, driver, next: () => claiming });
  const queue = env.store.watchQueue(() => loop.wake());
  const keepAlive = setInterval(() => {}, 2 ** 30);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(keepAlive);
      queue[Symbol.dispose]();
      await loop[Symbol.asyncDispose]();
      await driver.release(owner);
      worked[Symbol.dispose]();
    },
  };
}
