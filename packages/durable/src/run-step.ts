import {
  addSpent,
  GRANT_LIMIT,
  PrusikError,
  serializeError,
  sparse,
  type Grant,
  type LedgerChange,
  type RunOutcome,
  type Spent,
  type StepIntent,
  type StepPause,
} from '@prusik/core';
import { bounded } from './bounded.ts';
import { checkDoubt } from './doubt.ts';
import type { DriveCore } from './drive-core.ts';
import { executeStep, type Execution } from './execute-step.ts';
import type { PausedStep, PendingStep } from './pending-step.ts';
import { pauseAfter, pauseForRoom, type Pause } from './retry.ts';
import { chargedInFull, reservationOf, settlement, someOf, toldBy, unreserved, useOf } from './spent.ts';
import { createStepNotes } from './step-notes.ts';
import { createStepRecords, type OutcomeDetails } from './step-records.ts';
import { createRunSlots } from './step-slots.ts';
import type { StepSpec } from './step-spec.ts';
import type { Stop } from './stop.ts';

/**
 * Executes a step once and records what came of it: the intent where one is needed, then the outcome, or the pause before the next
 * execution. Resolves to the pause, if there is one.
 */
export type RunStep = (step: PendingStep, stop: Stop) => Promise<PausedStep | undefined>;

/** `onEnded` is told of a step that has ended its run, before the drive is over. */
export function createRunStep(core: DriveCore, onEnded: (key: string) => void): RunStep {
  const { state, env } = core;
  const slots = createRunSlots(env.store, core.run, env.limits.maxNoteBytes);
  const { commitIntent, putOff, recordOutcome } = createStepRecords(core, slots, onEnded);
  const notes = createStepNotes(env.store, core.run, env.limits.maxNoteBytes);
  const speak = env.speaker(core.run.key, core.run.epoch);

  async function runStep(step: PendingStep, stop: Stop): Promise<PausedStep | undefined> {
    const { spec, spent = {} } = step;
    const { key, options } = spec;
    if (step.intended && !state.intents.has(key)) await step.answered;
    // What went ahead may have been refused.
    const intended = step.intended && state.intents.has(key);
    const { effect = 'repeatable' } = options;
    const earlier = intended ? undefined : state.intents.get(key);
    if (
      earlier?.effect === 'once' &&
      (await settleDoubt(spec, stop, 'its process was lost between the intent and the outcome'))
    )
      return undefined;
    const charge = earlier && lost(earlier);
    const { budget } = core.claim;
    const reserved = reservationOf(options, budget);
    const first = step.tries.executions + 1;
    const fail = async (error: PrusikError): Promise<undefined> => {
      await recordOutcome(
        spec,
        { ok: false, error: serializeError(error) },
        { attempt: first, ...spent, ledger: charge },
      );
    };
    const wrong = intended ? undefined : unreserved(spec, budget);
    if (wrong !== undefined) return fail(wrong);
    // Also where this build reserves nothing for what an earlier one did.
    const intends = effect === 'once' || reserved !== undefined || charge !== undefined;
    if (!intended && (intends || options.claimRequest !== undefined)) {
      const refusal = await commitIntent(spec, first, reserved, charge);
      if (refusal !== undefined) {
        const { retry } = options;
        const { capacityWaitMs } = env.limits;
        const pause = refusal.held
          ? pauseForRoom({ run: core.run.key, key, retry, tries: step.tries, capacityWaitMs })
          : undefined;
        if (pause === undefined) return fail(refusal.error);
        // An intent that was lost must not hold what this one waits for.
        const record = earlier !== undefined;
        const error = serializeError(refusal.error);
        return { ...(await putOff(spec, pause, { error, record, spent, ledger: charge })), forRoom: true };
      }
      if (step.forRoom) env.room.freed(core.run);
    }
    if (core.over()) return undefined;
    if (stop.reason()?.code === 'RUN_RELEASED') {
      // It surely did not begin, so its intent must not stand as a doubt for whoever takes the run up.
      const error = { code: 'RUN_RELEASED', message: `Step ${key} was not begun: its run was let go of before` };
      const ledger = reserved && { release: reserved };
      const pause: Pause = { ms: 0, refused: false, tries: step.tries };
      if (state.intents.has(key)) await putOff(spec, pause, { error, record: true, spent, ledger });
      return undefined;
    }
    const observed = core.observed()?.begin(spec, first);
    const started = env.clock.monotonic();
    const { execution, thrown, attempt } = await executeStep({
      run: core.run.key,
      key,
      body: spec.body,
      options,
      attempt: first,
      failures: step.tries.failures,
      spent,
      stop,
      clock: env.clock,
      graceMs: env.limits.cancelGraceMs,
      maxMessageBytes: env.limits.maxMessageBytes,
      notes,
      slots,
      record: core.values.record,
      steering: core.steering,
      blobs: {
        put: core.putBlob,
        read: (hash) => env.store.readBlob(core.run.key.tenant, hash),
      },
      grants: (tool) => grantsFor(core, tool),
      speak,
      observed,
      engine: env,
    });
    // Before the outcome is committed: nobody must find text in progress of a step that has ended.
    speak({ type: 'over', key });
    if (core.over()) return undefined;
    // Given back in the middle: a repeatable step runs again elsewhere, a `once` step is in doubt; neither has an outcome. What the body
    // made of being stopped is none either: it may be no more than "I was stopped".
    if (stop.reason()?.code === 'RUN_RELEASED') return undefined;
    if (execution.settled === 'doubt') {
      if (stop.reason() !== undefined) return undefined; // cancelled: the intent without an outcome says what is known
      if (await settleDoubt(spec, stop, execution.error.message)) return undefined;
      // It surely did not happen, so it failed like any other step. To run it again is for its author to say.
      const ledger = reserved && { release: reserved };
      await recordOutcome(spec, { ok: false, error: execution.error }, { attempt, ledger });
      return undefined;
    }
    if (!execution.outcome.ok && stop.reason() === undefined) {
      const { retry } = options;
      const { capacityWaitMs } = env.limits;
      const tries = { ...step.tries, executions: attempt - 1 };
      const pause = pauseAfter({ run: core.run.key, key, thrown, effect, retry, tries, capacityWaitMs });
      if (pause !== undefined) return putOffExecution(pause, execution, execution.outcome.error);
    }
    const durationMs = Math.max(0, Math.round(env.clock.monotonic() - started));
    const ledger = budget && settlement(reserved, useOf(execution, options.reserve));
    const { absorbed } = execution;
    const { usage, costMicros } = addSpent(spent, spentBy(execution));
    const end = execution.outcome.ok && absorbed.length === 0 ? endOfRun(spec) : undefined;
    const isRecorded = await recordOutcome(
      spec,
      execution.outcome,
      sparse<OutcomeDetails>({
        attempt,
        durationMs,
        messages: execution.messages,
        absorbed,
        notes: execution.notes,
        slots: execution.slots,
        blobs: execution.blobs,
        usage,
        costMicros,
        denied: execution.denied,
        facts: execution.facts,
        measurements: execution.measurements,
        ledger,
        end,
        announced: execution.outcome.ok && end === undefined ? announcedBy(spec) : undefined,
      }),
    );
    if (isRecorded) return undefined;
    // What it answers to was withdrawn while it did. That happens once for each message, and uses up no attempt.
    core.steering.giveBack(absorbed);
    const error = { code: 'STEER_WITHDRAWN', message: `What step ${key} absorbed was withdrawn before its commit` };
    const again: Pause = { ms: 0, refused: true, tries: { ...step.tries, executions: attempt } };
    return putOffExecution(again, execution, error);

    /**
     * A pause is recorded after a refusal of a step that has an intent: that intent must not stand as a doubt about what surely did not happen, nor its
     * reservation keep others from spending. And after an execution that used something: the next one spends again, so it needs a reservation of its own.
     */
    function putOffExecution(
      pause: Pause,
      ended: Extract<Execution, { settled: 'outcome' }>,
      why: StepPause['error'],
    ): Promise<PausedStep> {
      // Whoever was refused used nothing that it does not tell of.
      const use = budget && someOf(pause.refused ? toldBy(ended) : useOf(ended, options.reserve));
      return putOff(spec, pause, {
        error: why,
        record: use !== undefined || (pause.refused && state.intents.has(key)),
        spent: addSpent(spent, spentBy(ended)),
        ledger: settlement(reserved, use),
      });
    }
  }

  /** What the run ends with, if the outcome of this step is its last word. An output that cannot be recorded is for the end itself to find. */
  function endOfRun({ key, options: { ends } }: StepSpec): RunOutcome | undefined {
    try {
      const end = ends?.();
      if (end === undefined || !core.isLast(key)) return undefined;
      const { maxValueBytes } = env.limits;
      const output = bounded('output of the run', end.output, maxValueBytes, 'RUN_OUTPUT_TOO_LARGE');
      return { status: 'completed', output };
    } catch {
      return undefined;
    }
  }

  /** What goes wrong there costs commits, and nothing else. */
  function announcedBy({ options }: StepSpec): readonly StepIntent[] {
    try {
      return core.announced.intentsAfter(options);
    } catch {
      return [];
    }
  }

  /** Says whether the step is settled; `false` means that it surely did not run and may run now. */
  async function settleDoubt(spec: StepSpec, stop: Stop, why: string): Promise<boolean> {
    const { key, options } = spec;
    const found = await checkDoubt(core, spec, stop);
    const attempt = state.attempts.get(key) ?? 1;
    const reserved = state.intents.get(key)?.reserved;
    const ledger = reserved && chargedInFull(reserved);
    if (found.became === 'not-run') return false;
    if (found.became === 'done') {
      await recordOutcome(spec, { ok: true, ...found.value }, { attempt, settledBy: 'check', ledger });
      return true;
    }
    const message = `Nobody knows whether step ${key} happened: ${why}`;
    if (options.inDoubt === 'fail') {
      const error = serializeError(new PrusikError('STEP_IN_DOUBT', message));
      await recordOutcome(spec, { ok: false, error }, { attempt, settledBy: 'doubt', ledger });
      return true;
    }
    core.halt({
      type: 'block',
      code: 'STEP_IN_DOUBT',
      message,
      key,
      ...(options.name === undefined ? {} : { details: { name: options.name } }),
    });
    return true;
  }

  return runStep;
}

/** What an intent is charged that has no outcome and is executed again: a `once` step is when it surely did not happen. */
function lost({ effect, reserved }: StepIntent): LedgerChange | undefined {
  if (reserved === undefined) return undefined;
  return effect === 'once' ? { release: reserved } : chargedInFull(reserved);
}

/** An execution that failed and knows no number used what nobody knows, most likely nothing: it makes no other number unknown. */
function spentBy({ outcome, usage, costMicros }: Extract<Execution, { settled: 'outcome' }>): Spent {
  if (usage === undefined || (!outcome.ok && Object.keys(usage).length === 0)) return {};
  return { usage, ...(costMicros === undefined ? {} : { costMicros }) };
}

/** As many as can be in force: a run's own and its session's. */
async function grantsFor({ env, run }: DriveCore, tool: string): Promise<readonly Grant[]> {
  const { tenant, run: id } = run.key;
  const page = await env.store.listGrants({ tenant, run: id, tool, active: true, limit: 2 * GRANT_LIMIT });
  return page.items;
}
