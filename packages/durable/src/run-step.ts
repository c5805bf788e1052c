import {
  addSpent,
  GRANT_LIMIT,
  PrusikError,
  serializeError,
  type Amount,
  type Budget,
  type Grant,
  type LedgerChange,
  type Outcome,
  type Spent,
  type StepEnd,
  type StepIntent,
  type StepPause,
} from '@prusik/core';
import { checkDoubt } from './doubt.ts';
import type { DriveCore } from './drive-core.ts';
import { executeStep, type Execution } from './execute-step.ts';
import { noRoomError } from './no-room.ts';
import { pauseAfter, type Pause, type Tries } from './retry.ts';
import { someOf, toldBy, usedOf } from './spent.ts';
import { createStepNotes } from './step-notes.ts';
import { createRunSlots } from './step-slots.ts';
import type { StepSpec } from './step-spec.ts';
import type { Stop } from './stop.ts';

/** The longest pause between two executions that is waited out in memory, recorded or not; for a longer one, which is recorded, the run parks. */
export const LONGEST_IN_MEMORY_MS = 20_000;

/** A step that is to be executed, with what it has behind it. */
export interface PendingStep {
  readonly spec: StepSpec;
  readonly tries: Tries;
  /** An earlier execution of this drive has written the intent, and it holds for this one. */
  readonly intended: boolean;
  /** What earlier executions told that they used. */
  readonly spent?: Spent;
}

/** A step that is executed again at `until`, by the store's clock. */
export interface PausedStep extends PendingStep {
  readonly until: number;
}

/**
 * Executes a step once and records what came of it: the intent where one is needed, then the outcome, or the pause before the next
 * execution. Resolves to the pause, if there is one.
 */
export type RunStep = (step: PendingStep, stop: Stop) => Promise<PausedStep | undefined>;

export function createRunStep(core: DriveCore): RunStep {
  const { state, committer, env } = core;
  const slots = createRunSlots(env.store, core.run, env.limits.maxNoteBytes);
  const notes = createStepNotes(env.store, core.run, env.limits.maxNoteBytes);
  const speak = env.speaker(core.run.key, core.run.epoch);

  async function runStep(step: PendingStep, stop: Stop): Promise<PausedStep | undefined> {
    const { spec, intended, spent = {} } = step;
    const { key, options } = spec;
    const { effect = 'repeatable' } = options;
    const earlier = intended ? undefined : state.intents.get(key);
    if (
      earlier?.effect === 'once' &&
      (await settleDoubt(spec, stop, 'its process was lost between the intent and the outcome'))
    )
      return undefined;
    // A call that was reserved and lost is charged in full: nobody knows what it used.
    const charge: LedgerChange | undefined = earlier?.reserved
      ? { release: earlier.reserved, use: earlier.reserved }
      : undefined;
    const { budget } = core.claim;
    const reserved = budget === undefined ? undefined : options.reserve;
    const first = step.tries.executions + 1;
    if (!intended && (effect === 'once' || reserved !== undefined || options.claimRequest !== undefined)) {
      const refusal = unpriced(spec, budget) ?? (await commitIntent(spec, first, reserved, charge));
      if (refusal !== undefined) {
        await recordOutcome(
          spec,
          { ok: false, error: serializeError(refusal) },
          { attempt: first, ...spent, ...(charge ? { ledger: charge } : {}) },
        );
        return undefined;
      }
    }
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
      const ledger = reserved === undefined ? {} : { ledger: { release: reserved, use: reserved } };
      await recordOutcome(spec, { ok: false, error: serializeError(execution.error) }, { attempt, ...ledger });
      return undefined;
    }
    if (!execution.outcome.ok && stop.reason() === undefined) {
      const { retry } = options;
      const { capacityWaitMs } = env.limits;
      const tries = { ...step.tries, executions: attempt - 1 };
      const pause = pauseAfter({ run: core.run.key, key, thrown, effect, retry, tries, capacityWaitMs });
      if (pause !== undefined) return putOff(step, execution, execution.outcome.error, reserved, pause);
    }
    const durationMs = Math.max(0, Math.round(env.clock.monotonic() - started));
    const use = reserved && someOf(usedOf(execution, reserved));
    const ledger = reserved && { release: reserved, ...(use ? { use } : {}) };
    const { absorbed } = execution;
    const isRecorded = await recordOutcome(spec, execution.outcome, {
      attempt,
      durationMs,
      messages: execution.messages,
      absorbed,
      notes: execution.notes,
      slots: execution.slots,
      ...addSpent(spent, spentBy(execution)),
      ...(execution.denied ? { denied: execution.denied } : {}),
      ...(ledger ? { ledger } : {}),
    });
    if (isRecorded) return undefined;
    // What it answers to was withdrawn while it did. That happens once for each message, and uses up no attempt.
    core.steering.giveBack(absorbed);
    const error = { code: 'STEER_WITHDRAWN', message: `What step ${key} absorbed was withdrawn before its commit` };
    const again: Pause = { ms: 0, refused: true, tries: { ...step.tries, executions: attempt } };
    return putOff(step, execution, error, reserved, again);
  }

  /**
   * A short pause is kept in memory. A long one is recorded, and so is one of a step that was refused and has an intent: that intent must not stand
   * as a doubt about what surely did not happen, nor its reservation keep others from spending. And one of an execution that used what was reserved
   * for it: the next one spends again, so it needs a reservation of its own.
   */
  async function putOff(
    { spec, spent: before = {} }: PendingStep,
    execution: Extract<Execution, { settled: 'outcome' }>,
    error: StepPause['error'],
    reserved: Amount | undefined,
    { ms, refused, tries }: Pause,
  ): Promise<PausedStep> {
    const { key, options } = spec;
    const until = Math.ceil(core.storeNow() + ms);
    const intended = state.intents.has(key);
    const spent = addSpent(before, spentBy(execution));
    const isShort = ms <= LONGEST_IN_MEMORY_MS;
    const told = reserved && someOf(toldBy(execution));
    if (isShort && !(refused && intended) && told === undefined) return { spec, tries, intended, until, spent };
    const pause: StepPause = {
      type: 'step-pause',
      key,
      kind: options.kind ?? 'step',
      fingerprint: options.fingerprint ?? '',
      attempt: tries.executions,
      failures: tries.failures,
      capacityMs: tries.capacityMs,
      until,
      error,
      ...spent,
      ...(options.name === undefined ? {} : { name: options.name }),
    };
    // Whoever was refused used nothing that it does not tell of.
    const use = reserved && (refused || isShort ? told : someOf(usedOf(execution, reserved)));
    const result = await committer.stage({
      entries: [pause],
      progress: true,
      ...(reserved ? { ledger: { release: reserved, ...(use ? { use } : {}) } } : {}),
    });
    if (!result.ok) refusedRecord(`The pause of step ${key}`, result.code, key);
    return { spec, tries, intended: false, until, spent };
  }

  function refusedRecord(what: string, code: string, key: string): void {
    core.halt({ type: 'block', code, message: `${what} was refused: ${code}`, key });
  }

  async function commitIntent(
    spec: StepSpec,
    attempt: number,
    reserved: Amount | undefined,
    charge: LedgerChange | undefined,
  ): Promise<PrusikError | undefined> {
    const { key, options } = spec;
    const intent: StepIntent = {
      type: 'step-intent',
      key,
      kind: options.kind ?? 'step',
      fingerprint: options.fingerprint ?? '',
      effect: options.effect ?? 'repeatable',
      attempt,
      ...(options.name === undefined ? {} : { name: options.name }),
      ...(reserved === undefined ? {} : { reserved }),
      ...(options.claimRequest === undefined ? {} : { request: options.claimRequest }),
    };
    // The second execution of an approved step in doubt, let by a person, does not use up the approval again.
    const claims = options.claimRequest !== undefined && (state.attempts.get(key) ?? 0) === 0;
    const ledger = reserved === undefined ? charge : { ...charge, reserve: reserved };
    const result = await committer.stage({
      entries: [intent],
      ...(claims ? { claimRequest: options.claimRequest } : {}),
      ...(ledger ? { ledger } : {}),
    });
    if (result.ok) return undefined;
    const { code, noRoom } = result;
    if (noRoom === undefined) return new PrusikError(code, `Step ${key} was refused: ${code}`);
    return noRoomError(`Step ${key}`, reserved?.[noRoom.dimension as keyof Amount] ?? 0, noRoom);
  }

  /** What is recorded beside an outcome. */
  interface OutcomeDetails {
    readonly attempt: number;
    readonly durationMs?: number;
    readonly messages?: Extract<Execution, { settled: 'outcome' }>['messages'];
    readonly absorbed?: readonly string[];
    readonly notes?: Extract<Execution, { settled: 'outcome' }>['notes'];
    readonly slots?: Extract<Execution, { settled: 'outcome' }>['slots'];
    readonly denied?: StepEnd['denied'];
    readonly usage?: StepEnd['usage'];
    readonly costMicros?: number;
    readonly settledBy?: StepEnd['settledBy'];
    readonly ledger?: LedgerChange;
  }

  /** Says no where a message that the step absorbed was withdrawn: then nothing is recorded. */
  async function recordOutcome(spec: StepSpec, outcome: Outcome, details: OutcomeDetails): Promise<boolean> {
    const { key, options } = spec;
    const { absorbed = [] } = details;
    const end: StepEnd = {
      type: 'step-end',
      key,
      kind: options.kind ?? 'step',
      fingerprint: options.fingerprint ?? '',
      attempt: details.attempt,
      outcome,
      durationMs: details.durationMs ?? 0,
      ...(options.name === undefined ? {} : { name: options.name }),
      ...(absorbed.length === 0 ? {} : { absorbed }),
      ...(details.usage === undefined ? {} : { usage: details.usage }),
      ...(details.costMicros === undefined ? {} : { costMicros: details.costMicros }),
      ...(details.denied === undefined ? {} : { denied: details.denied }),
      ...(details.settledBy === undefined ? {} : { settledBy: details.settledBy }),
    };
    const result = await committer.stage({
      entries: [end],
      progress: true,
      ...(details.messages && details.messages.length > 0 ? { messages: details.messages } : {}),
      ...(absorbed.length === 0 ? {} : { absorb: absorbed }),
      ...(details.notes && details.notes.length > 0 ? { notes: details.notes } : {}),
      ...(details.slots && details.slots.length > 0 ? { slots: details.slots } : {}),
      ...(outcome.ok && outcome.blob !== undefined ? { blobs: [outcome.blob.hash] } : {}),
      ...(details.ledger ? { ledger: details.ledger } : {}),
    });
    if (!result.ok) slots.forget();
    if (!result.ok && result.code === 'STEER_WITHDRAWN') return false;
    if (!result.ok) refusedRecord(`The outcome of step ${key}`, result.code, key);
    return true;
  }

  /** Says whether the step is settled; `false` means that it surely did not run and may run now. */
  async function settleDoubt(spec: StepSpec, stop: Stop, why: string): Promise<boolean> {
    const { key, options } = spec;
    const found = await checkDoubt(core, spec, stop);
    const attempt = state.attempts.get(key) ?? 1;
    const reserved = state.intents.get(key)?.reserved;
    const ledger = reserved ? { ledger: { release: reserved, use: reserved } } : {};
    if (found.became === 'not-run') return false;
    if (found.became === 'done') {
      await recordOutcome(spec, { ok: true, ...found.value }, { attempt, settledBy: 'check', ...ledger });
      return true;
    }
    const message = `Nobody knows whether step ${key} happened: ${why}`;
    if (options.inDoubt === 'fail') {
      const error = serializeError(new PrusikError('STEP_IN_DOUBT', message));
      await recordOutcome(spec, { ok: false, error }, { attempt, settledBy: 'doubt', ...ledger });
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

/** Nobody can hold a tree to a cost that is not known. */
function unpriced({ key, options }: StepSpec, budget: Budget | undefined): PrusikError | undefined {
  if (options.kind !== 'model' || budget?.costMicros === undefined || options.reserve?.costMicros !== undefined)
    return undefined;
  return new PrusikError(
    'BUDGET_COST_UNKNOWN',
    `Step ${key} calls a model without prices, and the tree limits its cost`,
    {
      meta: { model: options.name ?? '' },
    },
  );
}
