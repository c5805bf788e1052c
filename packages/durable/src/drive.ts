import {
  isPrusikError,
  PrusikError,
  serializeError,
  type Claim,
  type DurableDefinition,
  type Json,
  type SerializedError,
} from '@prusik/core';
import { bounded } from './bounded.ts';
import { createContext } from './context.ts';
import { createDeadline } from './deadline.ts';
import { resolveDependencies } from './dependencies.ts';
import { definitionFor } from './definition-for.ts';
import { ownCopy } from './delivery.ts';
import { createDriveParts, type Settled } from './drive-parts.ts';
import type { DriveEnd, DriveEnv, SlotTicket } from './drive-env.ts';
import { takeUpIntervention } from './intervention.ts';
import { loadJournal, type Recorded } from './journal-state.ts';
import { runInside } from './inside.ts';
import { leftOut } from './left-out.ts';
import { createLinger } from './linger.ts';
import { runInfo } from './run-info.ts';
import { parkedTooOften } from './untracked.ts';
import { drainMicrotasks } from './wake-up.ts';

/** One claimed run, from its journal to its park or end. */
export interface Drive {
  /** Never rejects. */
  readonly ended: Promise<DriveEnd>;
  /** Its run lost a worker and has committed no step since: it may be what killed it. */
  suspect(): boolean;
  /** It has asked the store to end the run. */
  ending(): boolean;
  /** News from the store: signals up to `inbox`, a request to cancel. */
  notice(news: { readonly inbox: number; readonly cancelRequested: boolean }): void;
  /** The lease is gone: nothing is written any more, live steps are told at once. */
  lose(why: 'superseded' | 'unavailable', cause?: unknown): void;
  /** Gives the run back. Steps that may be repeated are told to stop at once; `once` steps may end within `graceMs`. */
  release(graceMs: number): void;
}

/** What a function may read past its grace without an outcome between: reads take no time, and a replay comes by them to what is on record. */
const READS_PAST_GRACE = 1_000;

/** `onCleared` is told when the drive of a suspect commits a step. */
export function startDrive(
  env: DriveEnv,
  claim: Claim,
  storeTime: number,
  slot: SlotTicket,
  onCleared: () => void,
): Drive {
  const { store, clock, limits, worker } = env;
  const { run } = claim;
  const parts = createDriveParts(env, claim, storeTime, onCleared);
  const { core, steps, waits, endings, reads, wakeUp, whole, status } = parts;
  const { state, committer, inbox } = core;
  const linger = createLinger(parts, slot);
  const deadline = createDeadline(core);
  const attempt = claim.lost + 1;
  let releaseDeadline = Infinity;
  let readsPastGrace = 0;

  async function drive(): Promise<DriveEnd> {
    await loadJournal(state, store, run, env.observer !== undefined);
    const trace = parts.observe();
    inbox.announce(run.inbox);
    await inbox.takeUp();
    const definition = definitionFor(env, run);
    const definitionHash = definition?.hash ?? '';
    committer.defer({
      type: 'run-claim',
      worker,
      epoch: run.epoch,
      attempt,
      definitionHash,
      ...(trace === undefined ? {} : { trace }),
    });
    const { block } = state;
    if (!(await takeUpIntervention(core)) && block !== undefined && !status.cancelRequested) {
      return endings.blockAgain(block.code, block.request);
    }
    parts.beginReplay();
    if (state.cancelled !== undefined || (status.cancelRequested && !state.expired)) return cancel();
    if (state.failed !== undefined) return windDown('failed', state.failed, 'its parent failed');
    if (state.expired || deadline.isUp()) {
      // Nobody can make an output of it: it has never begun, is not known here, or takes its workers with it.
      const isHopeless = state.seq === 1 || definition === undefined || claim.lost >= limits.maxLostLeases;
      while (!state.expired) await deadline.meet();
      if (isHopeless) return expire();
    }
    if (definition === undefined) return endings.release();
    // A person who let a poisoned run try again has seen the count.
    if (claim.lost >= limits.maxLostLeases && block === undefined) {
      const message = `${claim.lost} workers were lost in a row while they drove this run, without one step between`;
      core.halt({ type: 'block', code: 'RUN_POISONED', message });
    } else if (parkedTooOften(parts)) {
      const message = 'The function awaits something other than its context, and was parked too early again and again';
      core.halt({ type: 'block', code: 'UNTRACKED_AWAIT', message });
    } else {
      callFunction(definition);
    }
    return loop();
  }

  /** Not awaited: dependencies that hang must not keep the drive from being cancelled or given back. */
  function callFunction(definition: DurableDefinition<never, unknown, unknown>): void {
    status.called = true;
    status.resolving = true;
    const info = runInfo(run, attempt);
    resolveDependencies(env, info)
      .finally(() => (status.resolving = false))
      .then(
        (resolved) => {
          void parts.over.then(resolved.dispose);
          if (status.end !== undefined) return;
          const ctx = createContext({
            parts,
            threadBase: claim.threadHead - state.messages,
            info,
            deps: resolved.value,
          });
          return settle(() => runInside('function', env, () => definition.run(ctx, ownCopy(run.input) as never)));
        },
        (cause: unknown) => {
          const message = `The dependencies of ${definition.name} could not be resolved: ${serializeError(cause).message}`;
          core.halt({ type: 'block', code: 'DEPS_FAILED', message });
        },
      )
      .finally(wakeUp.set);
  }

  async function settle(call: () => Promise<unknown>): Promise<void> {
    try {
      status.settled = { ok: true, value: await call() };
    } catch (error) {
      status.settled = { ok: false, error };
    }
  }

  /** Delivers, records and begins until the function has settled or nothing but waits is left. */
  async function loop(): Promise<DriveEnd> {
    for (;;) {
      const turn = env.breathe();
      if (turn !== undefined) await turn;
      await drainMicrotasks();
      wakeUp.clear();
      if (status.end !== undefined) return status.end;
      if (deadline.isUp() && !core.stopping()) await deadline.meet();
      if (!core.stopping() && core.delivery.release()) continue;
      const toLoad = core.delivery.toLoad();
      if (toLoad !== undefined && status.halted === undefined) await loadValue(toLoad);
      if (status.end !== undefined) return status.end;
      if (handOver()) continue;
      if (inbox.behind()) await inbox.takeUp();
      if (state.expired) {
        const left = deadline.graceLeft();
        if (left <= 0 || isReplayed()) return expire();
        await wakeUp.wait(left);
        continue;
      }
      if (status.cancelRequested) return cancel();
      waits.collect();
      steps.resume();
      // No child outlives a parent that failed. They are told at once: a step that takes its time must not keep them spending.
      if (status.settled?.ok === false && !core.stopping() && leftOut(core) === undefined)
        await endings.cancelChildren('its parent failed');
      const graceLeft = releaseDeadline === Infinity ? Infinity : releaseDeadline - clock.monotonic();
      const isOccupied = status.resolving || (reads.pending() && mayRead());
      if (committer.busy() || steps.live() > 0 || (isOccupied && graceLeft > 0)) {
        if (graceLeft <= 0) steps.abort(released());
        await wakeUp.wait(Math.min(graceLeft > 0 ? graceLeft : Infinity, parts.untilDue()));
        continue;
      }
      const { halted, settled } = status;
      if (halted !== undefined) return halted.type === 'release' ? endings.release() : endings.block(halted);
      const left = settled && leftOut(core);
      if (left !== undefined) {
        core.halt(left);
        continue;
      }
      // A function that failed has no use for what pauses; one that returned waits for it, as for every step that it began.
      if (settled?.ok === false) steps.forgetPaused();
      if (settled !== undefined && waits.openChildren().length === 0 && steps.paused().length === 0) {
        const done = await finishAs(settled);
        if (done !== undefined) return done;
        continue;
      }
      if (!(await linger.untilNews())) continue;
      const parked = await endings.park('news');
      if (parked !== undefined) return parked;
    }
  }

  /** One thing at a time. What the function asks for meanwhile goes together: eight children that end at once are followed by eight in one commit. */
  function handOver(): boolean {
    const read = state.expired ? handOverRead(deadline.graceLeft()) : mayRead() && reads.deliverNext();
    const outcome = !read && !reads.pending() && core.delivery.deliverNext();
    if (outcome) readsPastGrace = 0;
    if (read || outcome) committer.gather();
    else committer.flush();
    return read || outcome;
  }

  /** A function that reads on and on, which takes no time, must not put off for ever that it is stopped. */
  const mayRead = (): boolean => status.halted === undefined && !status.cancelRequested;

  /** The same of one whose time is up: `graceLeft` is what it has yet. */
  function handOverRead(graceLeft: number): boolean {
    if (graceLeft <= 0 && readsPastGrace >= READS_PAST_GRACE) return false;
    const handed = reads.deliverNext();
    if (handed && graceLeft <= 0) readsPastGrace += 1;
    return handed;
  }

  /** Right before it is handed over, so that one value of a long journal is in memory at a time. */
  async function loadValue(recorded: Recorded): Promise<void> {
    committer.flush();
    try {
      core.delivery.loaded(await core.values.load(recorded));
    } catch (cause) {
      // An outage: the run goes on when the store is back. Bytes that are gone or damaged may be put again by a person.
      if (!isPrusikError(cause, 'STORE_CORRUPT') && !isPrusikError(cause, 'BLOB_UNKNOWN')) throw cause;
      const message = `The value of step ${recorded.key} cannot be read: ${cause.message}`;
      core.halt({ type: 'block', code: cause.code, message });
    }
  }

  async function finishAs(how: Settled): Promise<DriveEnd | undefined> {
    if (!how.ok) return endings.end('failed', { error: serializeError(how.error, 'RUN_FAILED') });
    let output: Json | undefined;
    try {
      output =
        how.value === undefined
          ? undefined
          : bounded('output of the run', how.value, limits.maxValueBytes, 'RUN_OUTPUT_TOO_LARGE');
    } catch (cause) {
      const message = `The output cannot be recorded: ${serializeError(cause).message}`;
      const error = isPrusikError(cause, 'RUN_OUTPUT_TOO_LARGE')
        ? cause
        : new PrusikError('RUN_OUTPUT_NOT_JSON', message, { cause });
      status.settled = { ok: false, error };
      return undefined;
    }
    const { partial } = status;
    return endings.end('completed', {
      ...(output === undefined ? {} : { output }),
      ...(partial === undefined ? {} : { partial }),
    });
  }

  /** Somebody asked to cancel: what the function waits for is rejected, so that its `finally` runs; no new step starts. */
  async function cancel(): Promise<DriveEnd> {
    if (state.cancelled === undefined) {
      const body = inbox.get('cancel', 'cancel')?.body as { readonly reason?: unknown } | null | undefined;
      const reason = typeof body?.reason === 'string' ? body.reason : '';
      await committer.stage({ entries: [{ type: 'run-cancel', reason }], progress: true });
    }
    const message = state.cancelled ? `The run was cancelled: ${state.cancelled}` : 'The run was cancelled';
    const error = new PrusikError('RUN_CANCELLED', message);
    await stop(error);
    return windDown('cancelled', serializeError(error), 'its parent was cancelled');
  }

  /** All that was on record when the time was up has been handed over, so that the function stands where it stood. */
  function isReplayed(): boolean {
    return core.delivery.unasked() === undefined && !status.resolving && !reads.pending();
  }

  /**
   * What the function waits for is rejected, as for a cancel; what it returns all the same counts. A run that was parked or lost comes here by
   * a replay, so that it makes no difference where it was when its time was up.
   */
  async function expire(): Promise<DriveEnd> {
    const { settled } = status;
    const { deadlineAt = 0 } = run.rights ?? {};
    const meta = { run: run.key.run, deadlineAt };
    const error = new PrusikError('RUN_DEADLINE', `The time of run ${run.key.run} is up`, { meta });
    await stop(error);
    const cause = settled?.ok === false ? serializeError(settled.error, 'RUN_FAILED') : serializeError(error);
    return windDown('failed', cause, 'the time of its parent is up');
  }

  /** Begins nothing any more, and tells the function and its steps why. */
  async function stop(error: PrusikError): Promise<void> {
    core.delivery.close(error);
    steps.abort(error);
    whole.abort(error);
    await rejectCalls();
  }

  /**
   * One at a time, oldest first, and no more once the function has ended: as at every other end, what it did not wait for is dropped. A
   * promise that it made of a call and did not await yet would end the process as unhandled.
   */
  async function rejectCalls(): Promise<void> {
    while (status.settled === undefined && status.end === undefined && core.delivery.rejectNext())
      await drainMicrotasks();
  }

  /**
   * Waits for the function and its live steps within the grace, then for the children however long they take, then ends the run: as it is told, or, when
   * only its time was up, as completed where the function has returned.
   */
  async function windDown(as: 'failed' | 'cancelled', error: SerializedError, why: string): Promise<DriveEnd> {
    const graceUntil = clock.monotonic() + limits.cancelGraceMs;
    for (;;) {
      const turn = env.breathe();
      if (turn !== undefined) await turn;
      await drainMicrotasks();
      if (status.end !== undefined) return status.end;
      const left = graceUntil - clock.monotonic();
      if (handOverRead(left)) continue;
      if (inbox.behind()) await inbox.takeUp();
      await endings.cancelChildren(why);
      const busy = steps.live() > 0 || (status.called && status.settled === undefined);
      // Whatever the grace: what is on its way to the store settles a step, or reserves for one, and to give that up as well would count it twice.
      if (committer.busy()) await wakeUp.wait();
      else if (busy && left > 0) await wakeUp.wait(left);
      else if (waits.openChildren().length === 0) {
        const { settled } = status;
        const done = state.expired && settled?.ok === true ? await finishAs(settled) : await endings.end(as, { error });
        if (done !== undefined) return done;
        if (status.halted !== undefined) return letGo();
      } else if (status.halted?.type === 'release') return endings.release();
      else if (await linger.forChildren()) return (await endings.park('children')) ?? letGo();
    }
  }

  /** The store refused to let it end or park. Given back it would be taken up at once, and refused again. */
  async function letGo(): Promise<DriveEnd> {
    return status.halted?.type === 'block' ? endings.block(status.halted) : endings.release();
  }

  const released = (): PrusikError => new PrusikError('RUN_RELEASED', `Run ${run.key.run} is given back`);

  drive().catch((cause: unknown) => {
    // What throws here is a read of the store or a defect of ours, never the function. The lease runs out, and another
    // drive takes over.
    parts.lose('unavailable', cause);
  });
  return {
    ended: parts.over,
    suspect: () => status.suspect,
    ending: committer.ending,
    notice: parts.notice,
    lose: parts.lose,
    release(graceMs) {
      releaseDeadline = Math.min(releaseDeadline, clock.monotonic() + graceMs);
      steps.abort(released(), 'repeatable');
      core.halt({ type: 'release' });
    },
  };
}
