import {
  disposable,
  runKeyText,
  suspectShare,
  type Claim,
  type Lease,
  type Run,
  type RunKey,
  type SuspectRoom,
} from '@prusik/core';
import { startDrive, type Drive } from './drive.ts';
import type { DriveEnv } from './drive-env.ts';
import { createSlots, type Slots } from './slots.ts';

/** The drives of one engine: their places, their heartbeat, their end. */
export interface Driver {
  readonly slots: Slots;
  /** One claim at a time: a loop that finds no place free then knows that all are really in use. */
  inTurn<T>(claim: () => Promise<T>): Promise<T>;
  /** Drives a claimed run in a place that was taken for it, for whoever claimed it. */
  drive(claim: Claim, storeTime: number, owner: object): void;
  isDriving(run: RunKey): boolean;
  /** Drives of the tree (or all) that are not over. */
  active(root?: RunKey): number;
  /** Leases that may be past although they are driven here: this process was stopped, or a clock has jumped. */
  overdue(): readonly Lease[];
  /** Room for more runs that lost a worker: the likelier one is poison, the fewer are driven beside it. */
  suspects(): SuspectRoom;
  /** No loop claims for it any more. */
  close(): void;
  closed(): boolean;
  /** Gives the runs back that `owner` claimed, or all; resolves when the drives are over. */
  release(owner?: object): Promise<void>;
  /** Calls back when a drive is over, with its run, when a place is free, and, `forSuspects`, when there is more room for suspects. */
  watch(on: DriverWatcher): Disposable;
}

type DriverWatcher = (over?: Run, forSuspects?: boolean) => void;

interface Active {
  readonly claim: Claim;
  readonly drive: Drive;
  readonly owner: object;
  /** Its run is about to be read. */
  looking: boolean;
}

export function createDriver(env: DriveEnv): Driver {
  const active = new Map<string, Active>();
  const watchers = new Set<DriverWatcher>();
  const notify: DriverWatcher = (over, forSuspects = false) => {
    for (const on of watchers) on(over, forSuspects);
  };
  const slots = createSlots(env.limits.slots, () => notify());
  let heartbeat: Disposable | undefined;
  /** When the store last answered, and when it last renewed all that was asked for. */
  let answeredAt = 0;
  let renewedAt = { monotonic: 0, wall: 0 };
  const noteRenewal = (): void => void (renewedAt = { monotonic: env.clock.monotonic(), wall: env.clock.now() });
  const leaseOf = ({ claim: { run } }: Active): Lease => ({ run: run.key, epoch: run.epoch });

  function beatLater(): void {
    // The last drive may have ended while its lease was renewed.
    if (active.size === 0) return;
    heartbeat ??= env.clock.after(env.limits.heartbeatMs, () => {
      heartbeat = undefined;
      void renew().finally(beatLater);
    });
  }

  /** A timer that nobody needs would hold the store and all that it has in memory. */
  function stopBeating(): void {
    heartbeat?.[Symbol.dispose]();
    heartbeat = undefined;
  }

  /** On a timer of its own, whatever readers and steps do: silence must not cost a run its lease. */
  async function renew(): Promise<void> {
    const held = [...active.values()];
    try {
      const renewed = await env.store.renew(held.map(leaseOf), env.limits.leaseMs);
      answeredAt = env.clock.monotonic();
      if (renewed.length === held.length) noteRenewal();
      const kept = new Map(renewed.map((lease) => [`${lease.epoch} ${runKeyText(lease.run)}`, lease]));
      for (const entry of held) {
        const { run } = entry.claim;
        const lease = kept.get(`${run.epoch} ${runKeyText(run.key)}`);
        // Past is not yet taken: as long as nobody has taken it, the drive goes on and may commit.
        if (lease === undefined) void lookUp(entry);
        else entry.drive.notice(lease);
      }
    } catch (cause) {
      if (env.clock.monotonic() - answeredAt < env.limits.leaseMs) return;
      for (const { drive } of held) drive.lose('unavailable', cause);
    }
  }

  const ofTree = (root: RunKey | undefined): Active[] =>
    [...active.values()].filter(
      ({ claim: { run } }) => root === undefined || (run.root === root.run && run.key.tenant === root.tenant),
    );

  // One loss before it would be blocked, a run has its last chance, and that alone: what kills this worker then was this run.
  const alone = Math.max(1, env.limits.maxLostLeases - 1);
  let turn: Promise<unknown> = Promise.resolve();
  let closed = false;
  return {
    slots,
    inTurn(claim) {
      const result = turn.then(claim);
      turn = result.catch(() => {});
      return result;
    },
    drive(claim, storeTime, owner) {
      const name = runKeyText(claim.run.key);
      if (active.size === 0) {
        answeredAt = env.clock.monotonic();
        noteRenewal();
      }
      // The same run again in one process, after its lease was lost here: the older drive is a zombie and is told so.
      active.get(name)?.drive.lose('superseded');
      const ticket = slots.ticket();
      const entry: Active = {
        claim,
        owner,
        looking: false,
        drive: startDrive(env, claim, storeTime, ticket, () => notify(undefined, true)),
      };
      active.set(name, entry);
      const news = env.store.watchRun(claim.run.key, (why) => {
        // An end is nearly always the drive's own.
        if (why !== 'commit' && !(why === 'end' && entry.drive.ending())) void lookUp(entry);
      });
      beatLater();
      void entry.drive.ended.then(() => {
        news[Symbol.dispose]();
        if (active.get(name) === entry) active.delete(name);
        if (active.size === 0) stopBeating();
        ticket.leave();
        notify(claim.run, entry.drive.suspect());
      });
    },
    isDriving: (run) => active.has(runKeyText(run)),
    active: (root) => ofTree(root).length,
    overdue() {
      const { monotonic, wall } = renewedAt;
      const late = Math.max(env.clock.monotonic() - monotonic, Math.abs(env.clock.now() - wall));
      return late < 2 * env.limits.heartbeatMs ? [] : [...active.values()].map(leaseOf);
    },
    suspects() {
      const used = [...active.values()].reduce(
        (sum, { claim, drive }) => sum + (drive.suspect() ? suspectShare(claim.lost, alone) : 0),
        0,
      );
      return { room: Math.max(0, 1 - used), alone };
    },
    close() {
      closed = true;
      notify();
    },
    closed: () => closed,
    async release(owner) {
      const mine = [...active.values()].filter((entry) => owner === undefined || entry.owner === owner);
      const drives = mine.map(({ drive }) => drive);
      for (const drive of drives) drive.release(env.limits.cancelGraceMs);
      await Promise.all(drives.map((drive) => drive.ended));
    },
    watch(on) {
      watchers.add(on);
      return disposable(() => void watchers.delete(on));
    },
  };

  async function lookUp(entry: Active): Promise<void> {
    if (entry.looking) return;
    entry.looking = true;
    // One transaction may bring several signals, which are told one by one.
    await Promise.resolve();
    entry.looking = false;
    const { claim, drive } = entry;
    try {
      const run = await env.store.run(claim.run.key);
      if (run === undefined || run.epoch !== claim.run.epoch) drive.lose('superseded');
      else drive.notice(run);
    } catch {
      // The heartbeat decides when a store is away for too long.
    }
  }
}
