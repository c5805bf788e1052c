import { PrusikError, threadOf, type Claim, type PartialReason, type TraceContext } from '@prusik/core';
import { createAnnouncedSteps } from './announced-steps.ts';
import { createCommitter } from './committer.ts';
import { createDelivery } from './delivery.ts';
import type { DriveCore, Halt } from './drive-core.ts';
import type { DriveEnd, DriveEnv } from './drive-env.ts';
import { createEndings, type Endings } from './endings.ts';
import { createInbox } from './inbox.ts';
import { emptyJournal, foldEntry } from './journal-state.ts';
import { observeDrive, type ObservedDrive } from './observed-drive.ts';
import { createPutBlob } from './put-blob.ts';
import { createReads, type Reads } from './reads.ts';
import { createSteps, type Steps } from './steps.ts';
import { createSteering } from './steering.ts';
import { createStepValues } from './step-value.ts';
import { createStop, type Stop } from './stop.ts';
import { createThreadReader, type ThreadReader } from './thread-reader.ts';
import { createWaits, type Waits } from './waits.ts';
import { createWakeUp, type WakeUp } from './wake-up.ts';

/** How the function ended. */
export type Settled = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown };

/** The parts of one drive, wired together. */
export interface DriveParts {
  readonly core: DriveCore;
  readonly steps: Steps;
  readonly waits: Waits;
  readonly endings: Endings;
  readonly thread: ThreadReader;
  readonly reads: Reads;
  readonly wakeUp: WakeUp;
  /** Told when the drive is over before the function is. */
  readonly whole: Stop;
  /** Resolves with how the drive was over. */
  readonly over: Promise<DriveEnd>;
  readonly status: DriveStatus;
  /** The journal is loaded: what is on record now is what has to be delivered before anything new. */
  beginReplay(): void;
  /** The journal is loaded: tells observers of the drive, and says where it stands in a trace. */
  observe(): TraceContext | undefined;
  notice(news: { readonly inbox: number; readonly cancelRequested: boolean }): void;
  lose(why: 'superseded' | 'unavailable', cause?: unknown): void;
  diverged(difference: string): void;
  /** How long until a deadline or the end of a pause has to be looked at. */
  untilDue(): number;
}

/** What has happened to the drive so far. */
export interface DriveStatus {
  end: DriveEnd | undefined;
  halted: Halt | undefined;
  cancelRequested: boolean;
  /** The function was called; with {@link settled} it has ended. */
  called: boolean;
  settled: Settled | undefined;
  /** What the function said of its output. */
  partial: PartialReason | undefined;
  /** The run lost a worker and has committed no step since. */
  suspect: boolean;
  /** Its dependencies are being resolved: it is not quiet. */
  resolving: boolean;
}

/** What signals fire with when a drive is over, by how it ended. */
const OVER_CODES = {
  parked: 'RUN_PARKED',
  blocked: 'RUN_BLOCKED',
  released: 'RUN_RELEASED',
  ended: 'RUN_ENDED',
  superseded: 'RUN_SUPERSEDED',
} as const;

export function createDriveParts(env: DriveEnv, claim: Claim, storeTime: number, onCleared: () => void): DriveParts {
  const { store, clock } = env;
  const { run } = claim;
  const { tenant } = run.key;
  const wakeUp = createWakeUp(clock);
  const whole = createStop();
  const over = Promise.withResolvers<DriveEnd>();
  const status: DriveStatus = {
    end: undefined,
    halted: undefined,
    cancelRequested: run.cancelRequested,
    called: false,
    settled: undefined,
    partial: undefined,
    suspect: claim.lost > 0,
    resolving: false,
  };
  let observed: ObservedDrive | undefined;
  let storeClock = { at: storeTime, monotonic: clock.monotonic() };

  const state = emptyJournal();
  const reads = createReads(wakeUp.set);
  const inbox = createInbox(store, run.key);
  const thread = createThreadReader(store, threadOf(run), claim.threadHead);
  const delivery = createDelivery({ state, onDiverged: diverged, wake: wakeUp.set });
  const committer = createCommitter({
    store,
    clock,
    lease: { run: run.key, epoch: run.epoch },
    seq: run.seq,
    threadHead: claim.threadHead,
    patienceMs: env.limits.leaseMs,
    seen: () => inbox.seen(),
    onLost: lose,
    onCommitted(entries, messages, answer, { progress, ledger }) {
      storeClock = { at: answer.at, monotonic: clock.monotonic() };
      thread.committed(messages);
      for (const entry of entries) foldEntry(state, entry);
      wakeUp.set();
      if (progress && status.suspect) {
        status.suspect = false;
        onCleared();
      }
      notice(answer);
      if (ledger?.release !== undefined) env.room.freed(run);
      observed?.committed(entries, messages);
    },
    onAnswered: env.observer && ((outcome, ms) => env.observer?.event({ type: 'commit', run: run.key, ms, outcome })),
    onIdle: () => observed?.idle(),
  });
  const putBlob = createPutBlob(env, tenant, (cause) => lose('unavailable', cause));
  const values = createStepValues({ env, tenant, putBlob });
  const stopping = (): boolean =>
    status.end !== undefined || status.halted !== undefined || state.cancelled !== undefined || state.expired;
  const core: DriveCore = {
    env,
    values,
    putBlob,
    claim,
    run,
    state,
    committer,
    inbox,
    steering: createSteering(store, run, inbox),
    announced: createAnnouncedSteps({ claim, delivery, stopping }),
    delivery,
    observed: () => observed,
    storeNow: () => storeClock.at + (clock.monotonic() - storeClock.monotonic),
    halt(why) {
      status.halted ??= why;
      delivery.hold();
      wakeUp.set();
    },
    deadline: () => (state.expired || state.cancelled !== undefined ? null : (run.rights?.deadlineAt ?? null)),
    stopping,
    over: () => status.end !== undefined,
    isLast(step) {
      const others = [...delivery.asked(), ...state.waits.keys(), ...state.pauses.keys(), ...state.intents.keys()];
      const isSaid = status.settled !== undefined || status.partial !== undefined || status.cancelRequested;
      return !isSaid && !core.stopping() && !reads.pending() && others.every((key) => key === step);
    },
    finish(how, reason) {
      if (status.end !== undefined) return status.end;
      status.end = how;
      // At a normal end the function is over first, and its steps before it: nothing is cut short, so nobody is told.
      if (how !== 'ended' || steps.live() > 0) {
        const error = new PrusikError(OVER_CODES[reason], `Run ${run.key.run} was ${reason}`);
        steps.abort(error);
        if (how !== 'ended') whole.abort(error);
      }
      waits.forgetSignals();
      observed?.over(how);
      // A commit of a lost drive never settles, so nobody waits for the loop itself.
      over.resolve(how);
      return how;
    },
    wake: wakeUp.set,
  };
  const steps = createSteps(core);
  const waits = createWaits(core);
  const endings = createEndings(core, waits, steps);

  function diverged(difference: string): void {
    core.halt({ type: 'block', code: 'RUN_DIVERGED', message: `The code no longer fits the journal: ${difference}` });
  }

  function notice(news: { readonly inbox: number; readonly cancelRequested: boolean }): void {
    // A heartbeat without news must not start the linger over.
    const cancelled = news.cancelRequested && !status.cancelRequested;
    status.cancelRequested ||= news.cancelRequested;
    if (inbox.announce(news.inbox) || cancelled) wakeUp.set();
  }

  function lose(why: 'superseded' | 'unavailable', cause?: unknown): void {
    if (status.end !== undefined) return;
    if (why === 'unavailable') {
      const message = `The store did not answer; run ${run.key.run} goes on when it is back`;
      env.warn({ code: 'STORE_UNAVAILABLE', message, run: run.key, cause });
    }
    core.finish(why, 'superseded');
  }

  return {
    core,
    steps,
    waits,
    endings,
    thread,
    reads,
    wakeUp,
    whole,
    over: over.promise,
    status,
    beginReplay: delivery.begin,
    observe() {
      // One that was lost while it read its journal has done nothing.
      if (env.observer === undefined || status.end !== undefined) return undefined;
      const { epoch } = run;
      const open = [...state.waits.values()].map(({ key, at }) => ({ key, at }));
      const { budget, lost } = claim;
      const about = { epoch, attempt: lost + 1, worker: env.worker, at: storeTime, ...state.past, waits: open };
      const drive = budget === undefined ? about : { ...about, budget };
      observed = observeDrive(env.observer, run, drive, committer.writing);
      return observed.trace;
    },
    notice,
    lose,
    diverged,
    untilDue() {
      // A drive that stops resumes nothing.
      const resumes = core.stopping() ? null : steps.nextDue();
      const due = Math.min(waits.nextDue() ?? Infinity, resumes ?? Infinity, core.deadline() ?? Infinity);
      return due === Infinity ? Infinity : Math.max(0, due - core.storeNow());
    },
  };
}
