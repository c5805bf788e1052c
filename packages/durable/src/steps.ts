import {
  PrusikError,
  serializeError,
  toJson,
  type Amount,
  type CheckResult,
  type Json,
  type LedgerChange,
  type Outcome,
  type StepEnd,
  type StepIntent,
  type StepOptions,
  type StepScope,
} from '@prusik/core';
import type { DriveCore } from './drive-core.ts';
import { executeStep, type Execution } from './execute-step.ts';
import { idempotencyKeyOf } from './idempotency-key.ts';
import { createStop, type Stop } from './stop.ts';

const CHECK_TIMEOUT_MS = 30_000;

/** A step as the function asked for it. */
export interface StepSpec {
  readonly key: string;
  readonly body: (scope: StepScope) => unknown;
  readonly options: StepOptions;
}

/** Executes steps and records them: the intent where one is needed, then the outcome. */
export interface Steps {
  begin(spec: StepSpec): void;
  /** Steps that were begun and whose outcome is not committed. */
  readonly live: number;
  /** Tells live steps to stop: all, or only those whose effect may be repeated. */
  abort(reason: PrusikError, which?: 'all' | 'repeatable'): void;
}

export function createSteps(core: DriveCore): Steps {
  const running = new Map<string, { readonly stop: Stop; readonly once: boolean }>();
  const { state, committer, env } = core;

  async function runStep(spec: StepSpec, stop: Stop): Promise<void> {
    const { key, options } = spec;
    const earlier = state.intents.get(key);
    if (
      earlier?.effect === 'once' &&
      (await settleDoubt(spec, stop, 'its process was lost between the intent and the outcome'))
    )
      return;
    // A call that was reserved and lost is charged in full: nobody knows what it used.
    const charge: LedgerChange | undefined = earlier?.reserved
      ? { release: earlier.reserved, use: earlier.reserved }
      : undefined;
    const reserved = options.reserve !== undefined && (await core.hasLedger()) ? options.reserve : undefined;
    const attempt = Math.max(core.claim.lost, state.attempts.get(key) ?? 0) + 1;
    if (options.effect === 'once' || reserved !== undefined || options.claimRequest !== undefined) {
      const refusal = await commitIntent(spec, attempt, reserved, charge);
      if (refusal !== undefined) {
        return recordOutcome(
          spec,
          { ok: false, error: serializeError(refusal) },
          { attempt, ...(charge ? { ledger: charge } : {}) },
        );
      }
    }
    const started = env.clock.monotonic();
    const execution = await executeStep({
      run: core.run.key,
      key,
      body: spec.body,
      options,
      firstAttempt: attempt,
      stop,
      clock: env.clock,
      graceMs: env.limits.cancelGraceMs,
      maxOutcomeBytes: env.limits.maxOutcomeBytes,
      publish: (event) => env.publish(core.run.key, event),
      engine: env,
    });
    if (core.over) return;
    // Given back in the middle: a repeatable step runs again elsewhere, a `once` step is in doubt; neither has an outcome. What the body
    // made of being stopped is none either: it may be no more than "I was stopped".
    if (stop.reason?.code === 'RUN_RELEASED') return;
    if (execution.settled === 'doubt') {
      if (stop.reason !== undefined) return; // cancelled: the intent without an outcome says what is known
      if (await settleDoubt(spec, stop, execution.error.message)) return;
      // It surely did not happen, so it failed like any other step. To run it again is for its author to say.
      const ledger = reserved === undefined ? {} : { ledger: { release: reserved, use: reserved } };
      return recordOutcome(spec, { ok: false, error: serializeError(execution.error) }, { attempt, ...ledger });
    }
    const durationMs = Math.max(0, Math.round(env.clock.monotonic() - started));
    const ledger = reserved === undefined ? undefined : { release: reserved, use: usedOf(execution, reserved) };
    await recordOutcome(spec, execution.outcome, {
      attempt: execution.attempt,
      durationMs,
      messages: execution.messages,
      ...(execution.usage ? { usage: execution.usage } : {}),
      ...(ledger ? { ledger } : {}),
    });
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
    const { code, dimension } = result;
    const meta = dimension === undefined ? {} : { meta: { dimension } };
    return new PrusikError(code, `Step ${key} was refused: ${code}`, meta);
  }

  interface Record {
    readonly attempt: number;
    readonly durationMs?: number;
    readonly messages?: Extract<Execution, { settled: 'outcome' }>['messages'];
    readonly usage?: StepEnd['usage'];
    readonly settledBy?: StepEnd['settledBy'];
    readonly ledger?: LedgerChange;
  }

  async function recordOutcome(spec: StepSpec, outcome: Outcome, record: Record): Promise<void> {
    const { key, options } = spec;
    const end: StepEnd = {
      type: 'step-end',
      key,
      kind: options.kind ?? 'step',
      fingerprint: options.fingerprint ?? '',
      attempt: record.attempt,
      outcome,
      durationMs: record.durationMs ?? 0,
      ...(options.name === undefined ? {} : { name: options.name }),
      ...(record.usage === undefined ? {} : { usage: record.usage }),
      ...(record.settledBy === undefined ? {} : { settledBy: record.settledBy }),
    };
    const result = await committer.stage({
      entries: [end],
      progress: true,
      ...(record.messages && record.messages.length > 0 ? { messages: record.messages } : {}),
      ...(record.ledger ? { ledger: record.ledger } : {}),
    });
    if (!result.ok)
      core.halt({
        type: 'block',
        code: result.code,
        message: `The outcome of step ${key} was refused: ${result.code}`,
        key,
      });
  }

  /** Says whether the step is settled; `false` means that it surely did not run and may run now. */
  async function settleDoubt(spec: StepSpec, stop: Stop, why: string): Promise<boolean> {
    const { key, options } = spec;
    const found = await runCheck(core, spec, stop);
    const attempt = state.attempts.get(key) ?? 1;
    const reserved = state.intents.get(key)?.reserved;
    const ledger = reserved ? { ledger: { release: reserved, use: reserved } } : {};
    if (found.became === 'not-run') return false;
    if (found.became === 'done') {
      await recordOutcome(spec, found.value === undefined ? { ok: true } : { ok: true, value: found.value }, {
        attempt,
        settledBy: 'check',
        ...ledger,
      });
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

  return {
    get live() {
      return running.size;
    },
    begin(spec) {
      if (core.stopping) return;
      const stop = createStop();
      running.set(spec.key, { stop, once: spec.options.effect === 'once' });
      runStep(spec, stop)
        .catch((cause: unknown) => {
          // Nothing above rejects for what a step does, so this is a defect of ours. To try again would repeat the effect.
          const message = `Step ${spec.key} could not be recorded`;
          env.warn({ code: 'STEP_NOT_RECORDED', message, run: core.run.key, cause });
          core.halt({ type: 'block', code: 'STEP_NOT_RECORDED', message, key: spec.key });
        })
        .finally(() => {
          running.delete(spec.key);
          core.wake();
        });
    },
    abort(reason, which = 'all') {
      for (const { stop, once } of running.values()) if (which === 'all' || !once) stop.abort(reason);
    },
  };
}

/** A `check` that throws, hangs or returns nonsense knows nothing. */
async function runCheck(
  core: DriveCore,
  spec: StepSpec,
  stop: Stop,
): Promise<{ became: 'done'; value?: Json } | { became: 'not-run' | 'unknown' }> {
  const { check } = spec.options;
  if (check === undefined) return { became: 'unknown' };
  let timer: Disposable | undefined;
  const tooLong = new Promise<CheckResult>((resolve) => {
    timer = core.env.clock.after(spec.options.timeoutMs ?? CHECK_TIMEOUT_MS, () => resolve({ became: 'unknown' }));
  });
  try {
    const scope = { idempotencyKey: idempotencyKeyOf(core.run.key, spec.key), signal: stop.signal };
    const found = await Promise.race([Promise.resolve().then(() => check(scope)), tooLong]);
    if (found.became === 'done')
      return found.value === undefined ? { became: 'done' } : { became: 'done', value: toJson(found.value) };
    return found.became === 'not-run' ? { became: 'not-run' } : { became: 'unknown' };
  } catch (cause) {
    core.env.warn({ code: 'CHECK_FAILED', message: `The check of step ${spec.key} failed`, run: core.run.key, cause });
    return { became: 'unknown' };
  } finally {
    timer?.[Symbol.dispose]();
  }
}

/** Unknown usage is the reservation, never zero. */
function usedOf(execution: Extract<Execution, { settled: 'outcome' }>, reserved: Amount): Amount {
  const { usage, costMicros } = execution;
  const tokens =
    usage?.inputTokens === undefined || usage.outputTokens === undefined
      ? reserved.tokens
      : usage.inputTokens + usage.outputTokens;
  const cost = costMicros ?? reserved.costMicros;
  return {
    ...(reserved.calls === undefined ? {} : { calls: reserved.calls }),
    ...(tokens === undefined ? {} : { tokens }),
    ...(cost === undefined ? {} : { costMicros: cost }),
  };
}
