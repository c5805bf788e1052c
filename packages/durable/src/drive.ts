import {
  PrusikError,
  serializeError,
  toJson,
  type Claim,
  type DurableDefinition,
  type Json,
  type SerializedError,
  type ThreadKey,
} from '@prusik/core';
import { createCommitter } from './committer.ts';
import { createContext, runInfo } from './context.ts';
import { createDelivery, type Delivery } from './delivery.ts';
import type { DriveCore, Halt } from './drive-core.ts';
import type { DriveEnd, DriveEnv, SlotTicket } from './drive-env.ts';
import { createEndings } from './endings.ts';
import { createInbox } from './inbox.ts';
import { takeUpIntervention } from './intervention.ts';
import { emptyJournal, foldEntry, loadJournal } from './journal-state.ts';
import { createSteps } from './steps.ts';
import { createThreadReader } from './thread-reader.ts';
import { createWaits } from './waits.ts';
import { createWakeUp, drainMicrotasks, turnOfEventLoop } from './wake-up.ts';

/** One claimed run, from its journal to its park or end. */
export interface Drive {
  /** Never rejects. */
  readonly ended: Promise<DriveEnd>;
  /** News from the store: signals up to `inbox`, a request to cancel. */
  notice(news: { readonly inbox: number; readonly cancelRequested: boolean }): void;
  /** The lease is gone: nothing is written any more, live steps are told at once. */
  lose(why: 'superseded' | 'unavailable', cause?: unknown): void;
  /** Gives the run back. Steps that may be repeated are told to stop at once; `once` steps may end within `graceMs`. */
  release(graceMs: number): void;
}

type AnyDefinition = DurableDefinition<never, unknown, unknown>;
type Settled = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown };

export function startDrive(env: DriveEnv, claim: Claim, storeTime: number, slot: SlotTicket): Drive {
  const { store, clock, limits } = env;
  const { run } = claim;
  const wakeUp = createWakeUp(clock);
  const whole = new AbortController();
  const over = Promise.withResolvers<DriveEnd>();
  let end: DriveEnd | undefined;
  let storeClock = { at: storeTime, monotonic: clock.monotonic() };
  let cancelRequested = run.cancelRequested;
  let halted: Halt | undefined;
  let releaseDeadline = Infinity;
  let called = false;
  let settled: Settled | undefined;
  let ledger: Promise<boolean> | undefined;

  const state = emptyJournal();
  const inbox = createInbox(store, run.key);
  const threadKey: ThreadKey = {
    tenant: run.key.tenant,
    ...(run.session === undefined ? { of: 'run', id: run.key.run } : { of: 'session', id: run.session }),
  };
  const thread = createThreadReader(store, threadKey, claim.threadHead);
  // Made again when the journal is loaded: what is on record then is what has to be delivered before anything new.
  let delivery: Delivery = createDelivery({ state, onDiverged, wake: wakeUp.set });
  const committer = createCommitter({
    store,
    clock,
    lease: { run: run.key, epoch: run.epoch },
    seq: run.seq,
    threadHead: claim.threadHead,
    patienceMs: limits.leaseMs,
    seen: () => inbox.seen,
    onLost: lose,
    onCommitted(entries, messages, answer) {
      storeClock = { at: answer.at, monotonic: clock.monotonic() };
      thread.committed(messages);
      for (const entry of entries) {
        const recorded = foldEntry(state, entry);
        if (recorded !== undefined) delivery.push(recorded);
      }
      notice(answer);
    },
  });
  const core: DriveCore = {
    env,
    claim,
    run,
    state,
    committer,
    inbox,
    get delivery() {
      return delivery;
    },
    storeNow: () => storeClock.at + (clock.monotonic() - storeClock.monotonic),
    hasLedger: () =>
      (ledger ??= store.ledger({ tenant: run.key.tenant, run: run.root }).then((found) => found !== undefined)),
    halt(next) {
      halted ??= next;
      delivery.hold();
      wakeUp.set();
    },
    get stopping() {
      return end !== undefined || halted !== undefined || state.cancelled !== undefined;
    },
    get over() {
      return end !== undefined;
    },
    finish(how, reason) {
      if (end !== undefined) return end;
      end = how;
      const error = new PrusikError(`RUN_${reason.toUpperCase()}`, `Run ${run.key.run} was ${reason}`);
      steps.abort(error);
      whole.abort(error);
      // A commit of a lost drive never settles, so nobody waits for `drive()` itself.
      over.resolve(how);
      return how;
    },
    wake: wakeUp.set,
  };
  const steps = createSteps(core);
  const waits = createWaits(core);
  const endings = createEndings(core, waits);

  function onDiverged(difference: string): void {
    core.halt({ type: 'block', code: 'RUN_DIVERGED', message: `The code no longer fits the journal: ${difference}` });
  }

  function notice(news: { readonly inbox: number; readonly cancelRequested: boolean }): void {
    inbox.announce(news.inbox);
    cancelRequested ||= news.cancelRequested;
    wakeUp.set();
  }

  function lose(why: 'superseded' | 'unavailable', cause?: unknown): void {
    if (end !== undefined) return;
    if (why === 'unavailable') {
      env.warn({
        code: 'STORE_UNAVAILABLE',
        message: `The store did not answer; run ${run.key.run} goes on when it is back`,
        run: run.key,
        cause,
      });
    }
    core.finish(why, 'superseded');
  }

  function callFunction(definition: AnyDefinition, deps: unknown): void {
    called = true;
    const info = runInfo(run, claim.lost + 1);
    const threadBase = claim.threadHead - state.messages;
    const onUnavailable = (cause: unknown): void => lose('unavailable', cause);
    const ctx = createContext({
      core,
      steps,
      waits,
      thread,
      threadBase,
      info,
      deps,
      signal: whole.signal,
      onUnavailable,
    });
    Promise.resolve()
      .then(() => definition.run(ctx, run.input as never))
      .then(
        (value) => void (settled = { ok: true, value }),
        (error: unknown) => void (settled = { ok: false, error }),
      )
      .finally(wakeUp.set);
  }

  async function drive(): Promise<DriveEnd> {
    await loadJournal(state, store, run.key);
    inbox.announce(run.inbox);
    await inbox.takeUp();
    const definition = env.definitions.get(run.definition);
    committer.defer({
      type: 'run-claim',
      worker: env.worker,
      epoch: run.epoch,
      attempt: claim.lost + 1,
      definitionHash: definition?.hash ?? '',
    });
    const { block } = state;
    if (!(await takeUpIntervention(core)) && block !== undefined && !cancelRequested)
      return endings.blockAgain(block.code, block.request);
    delivery = createDelivery({ state, onDiverged, wake: wakeUp.set });
    if (state.cancelled !== undefined || cancelRequested) return cancel();
    if (state.failed !== undefined) return windDown('failed', state.failed);
    if (definition === undefined) return endings.release();
    if (claim.lost >= limits.maxLostLeases) {
      const message = `${claim.lost} workers were lost in a row while they drove this run, without one step between`;
      core.halt({ type: 'block', code: 'RUN_POISONED', message });
    } else {
      await callWithDeps(definition);
    }
    return loop();
  }

  async function callWithDeps(definition: AnyDefinition): Promise<void> {
    try {
      const deps = await env.deps(runInfo(run, claim.lost + 1));
      void over.promise.then(() => disposeOf(deps));
      callFunction(definition, deps);
    } catch (cause) {
      const message = `The dependencies of ${definition.name} could not be resolved: ${serializeError(cause).message}`;
      core.halt({ type: 'block', code: 'DEPS_FAILED', message });
    }
  }

  /** Delivers, records and begins until the function has settled or nothing but waits is left. */
  async function loop(): Promise<DriveEnd> {
    for (;;) {
      await drainMicrotasks();
      if (end !== undefined) return end;
      if (!core.stopping) delivery.release();
      if (delivery.deliverNext()) continue;
      await inbox.takeUp();
      if (cancelRequested) return cancel();
      waits.collect();
      if (committer.busy || steps.live > 0) {
        const left = releaseDeadline - clock.monotonic();
        if (left <= 0) steps.abort(new PrusikError('RUN_RELEASED', `Run ${run.key.run} is given back`));
        await wakeUp.wait(left > 0 && left < Infinity ? left : undefined);
        continue;
      }
      if (halted !== undefined) return halted.type === 'release' ? endings.release() : endings.block(halted);
      if (settled !== undefined && delivery.unasked !== undefined) {
        onDiverged(`the function ended without asking for ${delivery.unasked.key}, which is recorded`);
        continue;
      }
      if (settled !== undefined && waits.openChildren.length === 0) {
        const done = await finishAs(settled);
        if (done !== undefined) return done;
        continue;
      }
      // No child outlives a parent that failed, and one that returned waits for its own.
      if (settled?.ok === false) await endings.cancelChildren();
      if (await nothingHappens()) return endings.park();
    }
  }

  async function finishAs(how: Settled): Promise<DriveEnd | undefined> {
    if (!how.ok) return endings.end('failed', { error: serializeError(how.error, 'RUN_FAILED') });
    let output: Json | undefined;
    try {
      output = how.value === undefined ? undefined : toJson(how.value);
    } catch (cause) {
      settled = {
        ok: false,
        error: new PrusikError('RUN_OUTPUT_NOT_JSON', `The output cannot be recorded: ${(cause as Error).message}`, {
          cause,
        }),
      };
      return undefined;
    }
    return endings.end('completed', output === undefined ? {} : { output });
  }

  /** Waits for something to happen; `true` when nothing did and the run may be parked. */
  async function nothingHappens(): Promise<boolean> {
    const waiting = settled === undefined ? waits.pending.length > 0 : waits.openChildren.length > 0;
    if (delivery.unasked === undefined && waiting) return lingerIsOver();
    // The function awaits something of its own, which cannot be seen from here. A recorded key that it has not asked for, while a new
    // one is held back, may still be asked for; only past the linger is it a divergence.
    const stuck = delivery.unasked !== undefined && delivery.held.length > 0;
    const woken = await wakeUp.wait(stuck ? Math.max(limits.parkAfterMs, 20) : undefined);
    if (!woken && delivery.unasked !== undefined) {
      onDiverged(`${delivery.unasked.key} is recorded, and ${delivery.held.join(', ')} was asked for instead`);
    }
    return false;
  }

  async function lingerIsOver(): Promise<boolean> {
    await turnOfEventLoop();
    slot.leave();
    // Children that are driven here will be back soon: waiting for them in memory is cheaper than to replay. A run that lost a worker
    // never does: it could hold the one place for such runs that its own children need.
    const hot =
      claim.lost === 0 && waits.openChildren.some((id) => env.isDrivenHere({ tenant: run.key.tenant, run: id }));
    const untilDeadline = Math.max(0, (waits.nextDeadline ?? Infinity) - core.storeNow());
    const linger = hot ? limits.leaseMs : limits.parkAfterMs;
    const woken = await wakeUp.wait(Math.min(linger, untilDeadline));
    if (!woken && !hot && untilDeadline > linger) return true;
    await slot.enter();
    return false;
  }

  /** Somebody asked to cancel: what the function waits for is rejected, so that its `finally` runs; no new step starts. */
  async function cancel(): Promise<DriveEnd> {
    if (state.cancelled === undefined) {
      const body = inbox.get('cancel', 'cancel')?.body as { readonly reason?: unknown } | null | undefined;
      await committer.stage({
        entries: [{ type: 'run-cancel', reason: typeof body?.reason === 'string' ? body.reason : '' }],
        progress: true,
      });
    }
    const error = new PrusikError(
      'RUN_CANCELLED',
      state.cancelled ? `The run was cancelled: ${state.cancelled}` : 'The run was cancelled',
    );
    delivery.close(error);
    steps.abort(error);
    whole.abort(error);
    return windDown('cancelled', serializeError(error));
  }

  /** Waits for the function and its live steps within the grace, then for the children however long they take, then ends the run. */
  async function windDown(status: 'failed' | 'cancelled', error: SerializedError): Promise<DriveEnd> {
    const deadline = clock.monotonic() + limits.cancelGraceMs;
    for (;;) {
      await drainMicrotasks();
      if (end !== undefined) return end;
      await inbox.takeUp();
      await endings.cancelChildren();
      const left = deadline - clock.monotonic();
      const busy = steps.live > 0 || committer.busy || (called && settled === undefined);
      if (busy && left > 0) await wakeUp.wait(left);
      else if (waits.openChildren.length === 0) return (await endings.end(status, { error })) ?? endings.release();
      else if (await lingerIsOver()) return endings.park();
    }
  }

  async function disposeOf(deps: unknown): Promise<void> {
    const disposable = (deps ?? {}) as Partial<AsyncDisposable & Disposable>;
    try {
      if (disposable[Symbol.asyncDispose] !== undefined) await disposable[Symbol.asyncDispose]?.();
      else disposable[Symbol.dispose]?.();
    } catch (cause) {
      env.warn({
        code: 'DEPS_FAILED',
        message: 'The dependencies of a run could not be disposed',
        run: run.key,
        cause,
      });
    }
  }

  drive().catch((cause: unknown) => {
    // What throws here is a read of the store or a defect of ours, never the function. The lease runs out, and another drive takes over.
    lose('unavailable', cause);
  });
  return {
    ended: over.promise,
    notice,
    lose,
    release(graceMs) {
      releaseDeadline = Math.min(releaseDeadline, clock.monotonic() + graceMs);
      steps.abort(new PrusikError('RUN_RELEASED', `Run ${run.key.run} is given back`), 'repeatable');
      core.halt({ type: 'release' });
    },
  };
}
