import { PrusikError } from '@prusik/core';
import { startClaimLoop } from './claim-loop.ts';
import type { DriveEnv } from './drive-env.ts';
import type { Driver } from './driver.ts';
import type { DrainOptions, Drained } from './engine-types.ts';
import { createWakeUp } from './wake-up.ts';
import { workerObserved } from './worker-observed.ts';

/** A worker's loop that ends by itself: when the store has nothing to claim and nothing is driven here, or when the time is up. */
export async function drain(env: DriveEnv, driver: Driver, { until, signal }: DrainOptions): Promise<Drained> {
  const { clock, store } = env;
  const end = typeof until === 'number' ? until : until.getTime();
  if (!Number.isFinite(end)) throw new TypeError(`drain: ${String(until)} is not a time`);
  signal?.throwIfAborted();
  const deadline = clock.monotonic() + (end - clock.now());
  const wakeUp = createWakeUp(clock);
  const owner = {};
  const worked = workerObserved(env);
  /** Rises with all that may have made something runnable: a claim that was under way then has not seen it. */
  let moves = 0;
  let idleAt: number | undefined;
  let wakeAt: number | null = null;
  let failure: { readonly cause: unknown } | undefined;

  const loop = startClaimLoop({
    env,
    driver,
    next() {
      const asked = moves;
      return {
        ownerOf: () => owner,
        onClaimed(claims, _, nextAt) {
          wakeAt = nextAt;
          idleAt = claims.length === 0 ? asked : undefined;
          wakeUp.set();
        },
        onError(cause) {
          failure = { cause };
          wakeUp.set();
        },
      };
    },
  });
  const moved = (): void => {
    moves += 1;
    wakeUp.set();
  };
  const queue = store.watchQueue(() => {
    moved();
    loop.wake();
  });
  const drives = driver.watch(moved);
  signal?.addEventListener('abort', wakeUp.set);
  const keepAlive = setInterval(() => {}, 2 ** 30);
  try {
    for (;;) {
      if (signal?.aborted) throw signal.reason;
      if (driver.closed()) throw new PrusikError('ENGINE_CLOSED', 'The engine was disposed while it was drained');
      if (failure !== undefined) throw failure.cause;
      if (idleAt === moves && driver.active() === 0) return { outcome: 'drained', wakeAt };
      const left = deadline - clock.monotonic();
      if (left <= 0) return { outcome: 'time-up' };
      await wakeUp.wait(left);
    }
  } finally {
    clearInterval(keepAlive);
    signal?.removeEventListener('abort', wakeUp.set);
    queue[Symbol.dispose]();
    drives[Symbol.dispose]();
    // First, or what is given back would be claimed again.
    await loop[Symbol.asyncDispose]();
    await driver.release(owner);
    worked[Symbol.dispose]();
  }
}
