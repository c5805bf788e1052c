import { PAGE_LIMIT, type Claim, type ClaimQuery, type Run } from '@prusik/core';
import type { DriveEnv } from './drive-env.ts';
import type { Driver } from './driver.ts';
import { createWakeUp } from './wake-up.ts';

/** Claims what is runnable and hands it to the driver, until disposed; a claim under way is waited for. */
export interface ClaimLoop extends AsyncDisposable {
  /** There may be something to claim. */
  wake(): void;
}

/** What a loop claims next. */
export interface Claiming {
  readonly only?: ClaimQuery['only'];
  /** For whom a run is driven: what one owner claimed can be given back together. */
  readonly ownerOf: (run: Run) => object;
  /** `isAll`: nothing more can be taken now of what was asked for; `nextAt`: when its next timer or lease runs out, by the store's clock. */
  readonly onClaimed?: (claims: readonly Claim[], isAll: boolean, nextAt: number | null) => void;
  readonly onError: (cause: unknown) => void;
}

export interface ClaimLoopOptions {
  readonly env: DriveEnv;
  readonly driver: Driver;
  /** Asked when there are places; `due`: the store may have something although nothing was heard. Nothing: until it is woken. */
  readonly next: (places: number, due: boolean) => Claiming | undefined;
}

/** How often a store of several processes is asked although nothing was heard: a holder that was killed says nothing. */
const POLL_MS = 250;
const LONGEST_BACKOFF_MS = 5_000;

export function startClaimLoop({ env, driver, next }: ClaimLoopOptions): ClaimLoop {
  const { store, clock, limits } = env;
  const wakeUp = createWakeUp(clock);
  const drives = driver.watch(() => wakeUp.set());
  const definitions = [...env.definitions.values()].map(({ name, version, continues = [] }) => ({
    name,
    versions: [version, ...continues],
  }));
  const pollMs = store.capabilities.multiProcess ? POLL_MS : Infinity;
  let stopped = false;
  let failures = 0;
  /** When the next timer or lease of what was asked for falls due, by the monotonic clock. */
  let dueAt = 0;

  async function loop(): Promise<void> {
    while (!stopped && !driver.closed()) {
      await env.breathe();
      const waitMs = await driver.inTurn(claimOnce);
      if (stopped || driver.closed()) return;
      const woken = await wakeUp.wait(waitMs === Infinity ? undefined : waitMs);
      if (!woken) dueAt = 0;
    }
  }

  /** How long nothing will come by itself. */
  async function claimOnce(): Promise<number> {
    if (stopped || driver.closed()) return Infinity;
    const places = driver.slots.take(Math.min(limits.slots, PAGE_LIMIT));
    if (places === 0) return Infinity; // a place that is free wakes us
    const due = clock.monotonic() >= dueAt;
    if (due) dueAt = Infinity;
    let used = 0;
    const claiming = next(places, due);
    try {
      if (claiming !== undefined) {
        const { only, ownerOf, onClaimed } = claiming;
        const { claims, now, nextAt } = await store.claim({
          worker: env.worker,
          leaseMs: limits.leaseMs,
          limit: places,
          suspects: driver.suspects(),
          except: driver.overdue(),
          definitions,
          ...(only === undefined ? {} : { only }),
        });
        used = claims.length;
        for (const claim of claims) driver.drive(claim, now, ownerOf(claim.run));
        onClaimed?.(claims, used < places, nextAt);
        if (nextAt !== null) dueAt = Math.min(dueAt, clock.monotonic() + Math.max(1, nextAt - now));
      }
      failures = 0;
      // With every place in use it is a drive that is over that wakes us; but one claim may not have asked for them all.
      if (used === places) return places === PAGE_LIMIT ? 0 : Infinity;
      return Math.min(pollMs, Math.max(0, dueAt - clock.monotonic()));
    } catch (cause) {
      failures += 1;
      claiming?.onError(cause);
      return Math.min(LONGEST_BACKOFF_MS, 50 * 2 ** failures);
    } finally {
      driver.slots.give(places - used);
    }
  }

  // One loop drives for many: what one caller keeps in its async context must not reach the function of another.
  const running = env.apart(loop);
  return {
    wake: wakeUp.set,
    async [Symbol.asyncDispose]() {
      stopped = true;
      wakeUp.set();
      drives[Symbol.dispose]();
      await running;
    },
  };
}
