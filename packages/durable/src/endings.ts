import {
  addAmounts,
  type Amount,
  type FinalStatus,
  type RunOutcome,
  type StepEnd,
  type StepIntent,
  type StepPause,
} from '@prusik/core';
import type { Part } from './combine-parts.ts';
import { ITEMS_A_COMMIT } from './riders.ts';
import { interventionFor, type DriveCore, type Halt } from './drive-core.ts';
import type { DriveEnd } from './drive-env.ts';
import { chargedInFull, someOf } from './spent.ts';
import type { Steps } from './steps.ts';
import type { Waits } from './waits.ts';

/** The commits by which a drive lets go of its run. Each is one commit: what becomes of the run, and the release of its lease. */
export interface Endings {
  /** Until one of its waits is over, or only until its children are. `undefined` when the store refused; the drive is then halted. */
  park(until: 'news' | 'children'): Promise<DriveEnd | undefined>;
  release(): Promise<DriveEnd>;
  block(why: Extract<Halt, { type: 'block' }>): Promise<DriveEnd>;
  /** Woken while it is blocked, and nobody has decided: back to where it was. */
  blockAgain(code: string, request: string): Promise<DriveEnd>;
  /** `undefined` when the store refused; the drive is then halted. */
  end(status: FinalStatus, result: Omit<RunOutcome, 'status'>): Promise<DriveEnd | undefined>;
  /** Asks the children that have not ended to cancel, each once, and tells them why. */
  cancelChildren(reason: string): Promise<void>;
}

function inDoubt({ key, kind, fingerprint, attempt, name }: StepIntent, status: FinalStatus): StepEnd {
  const message = `Nobody knows whether step ${key} happened: its run was ${status} meanwhile`;
  return {
    type: 'step-end',
    key,
    kind,
    fingerprint,
    attempt,
    ...(name === undefined ? {} : { name }),
    outcome: { ok: false, error: { code: 'STEP_IN_DOUBT', message } },
    durationMs: 0,
    settledBy: 'doubt',
  };
}

/** Nobody came to ask for it, so it surely did not happen. */
function notBegun({ key, kind, fingerprint, attempt, name }: StepIntent, status: FinalStatus): StepEnd {
  const message = `Step ${key} was not executed: its run was ${status} before`;
  return {
    type: 'step-end',
    key,
    kind,
    fingerprint,
    attempt,
    ...(name === undefined ? {} : { name }),
    outcome: { ok: false, error: { code: 'RUN_ENDED', message } },
    durationMs: 0,
  };
}

/** What these steps hold in reserve. */
function reservedBy(intents: readonly StepIntent[]): Amount | undefined {
  return someOf(intents.reduce<Amount>((sum, { reserved = {} }) => addAmounts(sum, reserved), {}));
}

export function createEndings(core: DriveCore, waits: Waits, steps: Steps): Endings {
  const { committer, state, run } = core;
  const asked = new Set<string>();

  /** Nobody knows whether these steps happened, nor what they used, so reservations are charged in full. */
  function abandon(status: FinalStatus): Part {
    const abandoned = [...state.intents.values()].slice(0, ITEMS_A_COMMIT);
    const lost = reservedBy(abandoned);
    const unasked = new Set(core.announced.waiting().map(({ key }) => key));
    return {
      entries: abandoned.map((step) => (unasked.has(step.key) ? notBegun : inDoubt)(step, status)),
      progress: true,
      ...(lost ? { ledger: chargedInFull(lost) } : {}),
    };
  }

  /** Intents that went ahead and whose steps nobody came to ask for must not stand as doubts when the run is let go of. */
  function putOffAnnounced(code: string): readonly StepPause[] {
    const until = Math.floor(core.storeNow());
    return core.announced.waiting().map(({ key, kind, fingerprint, attempt, name }) => ({
      type: 'step-pause',
      key,
      kind,
      fingerprint,
      attempt: attempt - 1,
      failures: 0,
      capacityMs: 0,
      until,
      error: { code, message: `Step ${key} was not begun: its run was let go of before` },
      ...(name === undefined ? {} : { name }),
      unasked: true,
    }));
  }

  /**
   * Woken for nothing: all that this drive could say is that it looked. The journal says already how the run is parked, so it does not grow by that, however
   * often somebody wakes the run. That a worker was lost is said all the same.
   */
  function hasOnlyLooked(): boolean {
    const isParkedOnRecord = state.past.parkedAt !== undefined && state.seq === run.seq;
    return isParkedOnRecord && core.claim.lost === 0 && committer.riding() === 1;
  }

  return {
    async park(until) {
      const next = until === 'news' ? [waits.nextDeadline(), steps.nextDue(), core.deadline()] : [];
      const dues = next.filter((due) => due !== null);
      const wakeAt = dues.length === 0 ? null : Math.min(...dues);
      const transition = { type: 'park', wakeAt } as const;
      const answer = await committer.stage(
        hasOnlyLooked()
          ? { entries: [], alone: true, transition }
          : {
              entries: [
                ...putOffAnnounced('RUN_PARKED'),
                { type: 'run-park', waits: [...waits.pending(), ...steps.paused()], wakeAt },
              ],
              progress: true,
              transition,
            },
      );
      if (answer.ok) return core.finish('parked', 'parked');
      core.halt({ type: 'block', code: answer.code, message: `The run could not be parked: ${answer.code}` });
      return undefined;
    },
    async release() {
      const putOff = await committer.stage({
        entries: putOffAnnounced('RUN_RELEASED'),
        transition: { type: 'release' },
      });
      // A journal that is full takes no pause either.
      if (!putOff.ok) await committer.stage({ entries: [], transition: { type: 'release' } });
      return core.finish('released', 'released');
    },
    async block(why) {
      const request = interventionFor(why, run, state.blocks);
      const { code, message, key } = why;
      // Nobody knows how long it takes until a person decides: others of the tree must not wait for that.
      const charged = reservedBy([...state.intents.values()]);
      const of = { ...(key === undefined ? {} : { key }), ...(charged ? { charged } : {}) };
      const answer = await committer.stage({
        entries: [...putOffAnnounced('RUN_BLOCKED'), { type: 'run-block', code, message, request: request.id, ...of }],
        requests: [request],
        ...(charged ? { ledger: chargedInFull(charged) } : {}),
        transition: { type: 'block', code, request: request.id },
      });
      if (!answer.ok) {
        const refused = `Run ${run.key.run} could not be blocked with ${code}: ${answer.code}`;
        core.env.warn({ code: answer.code, message: refused, run: run.key });
        return core.finish('unavailable', 'superseded');
      }
      return core.finish('blocked', 'blocked');
    },
    async blockAgain(code, request) {
      await committer.stage({ entries: [], transition: { type: 'block', code, request } });
      return core.finish('blocked', 'blocked');
    },
    async end(status, result) {
      // More than one commit takes go ahead. What is refused there stays: the end of the run must not wait for it.
      while (state.intents.size > ITEMS_A_COMMIT) {
        const answer = await committer.stage(abandon(status));
        if (!answer.ok) break;
      }
      const abandoned = abandon(status);
      const answer = await committer.stage({
        ...abandoned,
        entries: [...abandoned.entries, { type: 'run-end', status, ...result }],
        transition: { type: 'end', status, ...result },
      });
      if (answer.ok) return core.finish('ended', 'ended');
      core.halt({ type: 'block', code: answer.code, message: `The end of the run was refused: ${answer.code}` });
      return undefined;
    },
    async cancelChildren(reason) {
      const open = waits.openChildren().filter((id) => !asked.has(id));
      if (open.length === 0) return;
      for (const id of open) asked.add(id);
      for (let from = 0; from < open.length; from += ITEMS_A_COMMIT) {
        const some = open.slice(from, from + ITEMS_A_COMMIT);
        const { tenant } = run.key;
        await committer.stage({ entries: [], cancel: some.map((id) => ({ run: { tenant, run: id }, reason })) });
      }
    },
  };
}
