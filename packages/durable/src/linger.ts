import type { DriveParts } from './drive-parts.ts';
import type { SlotTicket } from './drive-env.ts';
import { LONGEST_IN_MEMORY_MS } from './pending-step.ts';
import { lingerMs } from './untracked.ts';
import { turnOfEventLoop } from './wake-up.ts';

/** What a drive does while no step runs, no commit is under way and nothing is to be delivered. */
export interface Linger {
  /** Waits for something to happen; `true` when nothing did and the run may be parked. */
  untilNews(): Promise<boolean>;
  /** The same when only children are waited for. */
  forChildren(): Promise<boolean>;
}

export function createLinger(parts: DriveParts, slot: SlotTicket): Linger {
  const { core, steps, waits, wakeUp, status, diverged, untilDue } = parts;
  const { env, run } = core;
  const { limits } = env;

  /** `nextDeadline`: when something else is due, by the store's clock. */
  async function withoutSlot(nextDeadline: number): Promise<boolean> {
    await turnOfEventLoop();
    slot.leave();
    // Children that are driven here will be back soon: waiting for them in memory is cheaper than to replay. A suspect
    // never does: it could hold the room for suspects that its own children need.
    const { tenant } = run.key;
    const hot = !status.suspect && waits.openChildren().some((id) => env.isDrivenHere({ tenant, run: id }));
    const pauseOver = steps.nextDue() ?? Infinity;
    const untilDeadline = Math.max(0, nextDeadline - core.storeNow());
    const shortPause = pauseOver - core.storeNow() <= LONGEST_IN_MEMORY_MS;
    const quiet = Math.max(lingerMs(parts), shortPause ? LONGEST_IN_MEMORY_MS : 0);
    const linger = hot ? limits.leaseMs : quiet;
    // A child that parks says nothing to its parent: then there is nothing to stay in memory for.
    const drives = hot ? env.watchChildren(run.key, wakeUp.set) : undefined;
    const woken = await wakeUp.wait(Math.min(linger, untilDeadline));
    drives?.[Symbol.dispose]();
    if (!woken && !hot && untilDeadline > linger) return true;
    await slot.enter();
    return false;
  }

  const nextDeadline = (): number =>
    Math.min(waits.nextDeadline() ?? Infinity, steps.nextDue() ?? Infinity, core.deadline() ?? Infinity);

  /**
   * The function awaits something of its own, which cannot be seen from here. The next key on record that it has not asked for, while
   * it waits for others, may still be asked for; only after a good while is it a divergence.
   */
  async function forFunction(): Promise<false> {
    const stuck = core.delivery.unasked() !== undefined && core.delivery.asked().length > 0;
    const patience = stuck ? limits.divergedAfterMs : Infinity;
    const due = untilDue();
    const woken = await wakeUp.wait(Math.min(patience, due));
    const unasked = core.delivery.unasked();
    if (!woken && patience <= due && unasked !== undefined)
      diverged(`${unasked.key} is recorded, and ${core.delivery.asked().join(', ')} was asked for instead`);
    return false;
  }

  return {
    untilNews() {
      const waiting =
        steps.paused().length > 0 ||
        (status.settled === undefined ? waits.pending().length > 0 : waits.openChildren().length > 0);
      return waiting && core.delivery.unasked() === undefined ? withoutSlot(nextDeadline()) : forFunction();
    },
    // Nobody looks at timers and deadlines any more: one that is past would never let it sleep.
    forChildren: () => withoutSlot(Infinity),
  };
}
