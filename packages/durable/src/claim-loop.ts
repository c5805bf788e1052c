import type { RunKey } from '@prusik/core';
import type { DriveEnv } from './drive-env.ts';
import type { Driver } from './driver.ts';
import { createWakeUp } from './wake-up.ts';

/** Claims what is runnable and hands it to the driver, until stopped. */
export interface ClaimLoop extends AsyncDisposable {
  /** When the next timer or lease that this loop could take runs out, as of the last claim. */
  readonly wakeAt: number | null;
  /** Gives back what this loop claimed. */
  release(): Promise<void>;
}

export interface ClaimLoopOptions {
  readonly env: DriveEnv;
  readonly driver: Driver;
  /** Only the runs of one tree. */
  readonly root?: RunKey;
  /** A claim found nothing that could be taken. */
  readonly onIdle?: () => void;
  readonly onError: (cause: unknown) => void;
}

/** How often a store of several processes is asked although nothing was heard: a holder that was killed says nothing. */
const POLL_MS = 250;
const LONGEST_BACKOFF_MS = 5_000;

export function startClaimLoop({ env, driver, root, onIdle, onError }: ClaimLoopOptions): ClaimLoop {
  const { store, clock, limits } = env;
  const wakeUp = createWakeUp(clock);
  const queue = store.watchQueue(wakeUp.set);
  const drives = driver.watch(() => wakeUp.set());
  const definitions = [...env.definitions.values()].map(({ name, version, continues = [] }) => ({
    name,
    versions: [version, ...continues],
  }));
  const owner = {};
  let stopped = false;
  let wakeAt: number | null = null;
  let failures = 0;

  async function loop(): Promise<void> {
    while (!stopped && !driver.closed) {
      await env.breathe();
      const waitMs = await driver.inTurn(claimOnce);
      if (!stopped && !driver.closed) await wakeUp.wait(waitMs);
    }
  }

  /** How long nothing will come by itself. */
  async function claimOnce(): Promise<number | undefined> {
    const places = driver.slots.take(limits.slots);
    if (places === 0) {
      // Whether something could be taken is not known; whoever waits looks for himself.
      onIdle?.();
      return undefined;
    }
    let used = 0;
    try {
      const { claims, now, nextAt } = await store.claim({
        worker: env.worker,
        leaseMs: limits.leaseMs,
        limit: places,
        suspects: driver.suspects,
        definitions,
        ...(root === undefined ? {} : { only: { root } }),
      });
      failures = 0;
      wakeAt = nextAt;
      for (const claim of claims) driver.drive(claim, now, owner);
      used = claims.length;
      if (used === places) return undefined; // a drive that is over wakes us
      if (used === 0) onIdle?.();
      const next = nextAt === null ? Infinity : Math.max(1, nextAt - now);
      const longest = store.capabilities.multiProcess ? POLL_MS : Infinity;
      const waitMs = Math.min(next, longest);
      return waitMs === Infinity ? undefined : waitMs;
    } catch (cause) {
      failures += 1;
      onError(cause);
      return Math.min(LONGEST_BACKOFF_MS, 50 * 2 ** failures);
    } finally {
      driver.slots.give(places - used);
    }
  }

  const running = loop();
  return {
    get wakeAt() {
      return wakeAt;
    },
    release: () => driver.release(owner),
    async [Symbol.asyncDispose]() {
      stopped = true;
      wakeUp.set();
      queue[Symbol.dispose]();
      drives[Symbol.dispose]();
      await running;
    },
  };
}
