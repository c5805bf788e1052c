import type { DriveCore } from './drive-core.ts';

/** How long to wait when the store says that the deadline was not met yet. */
const TOO_EARLY_MS = 20;

/** The deadline of a run, in one drive. */
export interface Deadline {
  isUp(): boolean;
  /** The deadline goes on record, if the store says that it was met: nothing is begun from here on, in whatever process. */
  meet(): Promise<void>;
  /** How long the function may take yet to come, by a replay, to where it stood when its time was up. */
  graceLeft(): number;
}

export function createDeadline(core: DriveCore): Deadline {
  const { state, committer } = core;
  const { clock, limits } = core.env;
  let graceUntil = clock.monotonic() + limits.cancelGraceMs;

  async function meet(): Promise<void> {
    core.delivery.hold();
    committer.flush();
    const met = await committer.stage({
      entries: [{ type: 'run-deadline' }],
      progress: true,
      notBefore: core.deadline() ?? 0,
    });
    graceUntil = clock.monotonic() + limits.cancelGraceMs;
    // This process's idea of the store's clock ran ahead; look again shortly, and not before.
    if (!met.ok && met.code === 'TOO_EARLY') await new Promise<void>((resolve) => clock.after(TOO_EARLY_MS, resolve));
    // The time of a run whose journal is full is up as well.
    else state.expired = true;
  }

  return {
    isUp() {
      const due = core.deadline();
      return due !== null && due <= core.storeNow();
    },
    meet,
    graceLeft: () => graceUntil - clock.monotonic(),
  };
}
