import type { PrusikError, Spent, StepPause } from '@prusik/core';
import type { DriveCore } from './drive-core.ts';
import type { PausedStep, PendingStep } from './pending-step.ts';
import { createRunStep } from './run-step.ts';
import type { StepSpec } from './step-spec.ts';
import { createStop, type Stop } from './stop.ts';

/** The steps of one drive that have no outcome yet: those that are executed now, and those that pause before their next execution. */
export interface Steps {
  begin(spec: StepSpec): void;
  /** Steps that were begun, do not pause, and whose outcome is not committed. */
  live(): number;
  /** Keys of the steps that pause. */
  paused(): readonly string[];
  /** When the next pause is over, by the store's clock. */
  nextDue(): number | null;
  /** Executes again what has paused long enough. */
  resume(): void;
  /** Nobody will ask for the steps that pause. */
  forgetPaused(): void;
  /** Tells live steps to stop: all, or only those whose effect may be repeated. */
  abort(reason: PrusikError, which?: 'all' | 'repeatable'): void;
}

export function createSteps(core: DriveCore): Steps {
  const { state, env } = core;
  const running = new Map<string, { readonly stop: Stop; readonly once: boolean }>();
  const runStep = createRunStep(core, (ended) => void running.delete(ended));
  const paused = new Map<string, PausedStep>();
  const forRoom = new Map<string, Disposable>();

  function pause(key: string, step: PausedStep): void {
    paused.set(key, step);
    if (step.forRoom)
      forRoom.set(
        key,
        env.room.wait(core.run, () => hurry(key)),
      );
  }

  /** What it waits for may be there before its time: it has waited for less than it was ready to. */
  function hurry(key: string): void {
    const step = paused.get(key);
    if (step === undefined) return;
    const now = core.storeNow();
    const { tries, until } = step;
    const capacityMs = Math.max(0, tries.capacityMs - Math.max(0, Math.floor(until - now)));
    paused.set(key, { ...step, until: Math.min(until, now), tries: { ...tries, capacityMs } });
    core.wake();
  }

  function forget(key: string): void {
    paused.delete(key);
    forRoom.get(key)?.[Symbol.dispose]();
    forRoom.delete(key);
  }

  const forgetPaused = (): void => [...paused.keys()].forEach(forget);

  /** Never rejects. */
  async function execute(step: PendingStep): Promise<void> {
    const { key, options } = step.spec;
    const stop = createStop();
    running.set(key, { stop, once: options.effect === 'once' });
    try {
      const next = await runStep(step, stop);
      if (next === undefined) core.observed()?.end(key, false);
      else if (!core.over()) pause(key, next);
    } catch (cause) {
      // Nothing above rejects for what a step does, so this is a defect of ours. To try again would repeat the effect.
      const message = `Step ${key} could not be recorded`;
      env.warn({
        code: 'STEP_NOT_RECORDED',
        message: 'A step could not be recorded',
        run: core.run.key,
        keys: [key],
        cause,
      });
      core.halt({ type: 'block', code: 'STEP_NOT_RECORDED', message, key });
    }
    running.delete(key);
    core.wake();
  }

  return {
    live: () => running.size,
    paused: () => [...paused.keys()],
    nextDue: () => (paused.size === 0 ? null : Math.min(...[...paused.values()].map(({ until }) => until))),
    begin(spec) {
      if (core.stopping()) return;
      const { key } = spec;
      const before = state.pauses.get(key);
      const announced = core.announced.take(spec);
      const tries = {
        executions: Math.max(core.claim.lost, announced === undefined ? (state.attempts.get(key) ?? 0) : 0),
        failures: before?.failures ?? 0,
        capacityMs: before?.capacityMs ?? 0,
      };
      const step: PendingStep = {
        spec,
        tries,
        intended: announced !== undefined,
        spent: spentBefore(before),
        ...announced,
      };
      // Executed since, and lost: there is nothing left to wait for.
      if (before === undefined || state.intents.has(key)) return void execute(step);
      paused.set(key, { ...step, until: before.until });
      core.wake();
    },
    resume() {
      if (paused.size === 0 || core.stopping()) return;
      const now = core.storeNow();
      for (const [key, step] of paused) {
        if (step.until > now) continue;
        forget(key);
        void execute(step);
      }
    },
    forgetPaused,
    abort(reason, which = 'all') {
      if (which === 'all') forgetPaused();
      for (const { stop, once } of running.values()) if (which === 'all' || !once) stop.abort(reason);
    },
  };
}

const spentBefore = ({ usage, costMicros }: Partial<StepPause> = {}): Spent => ({
  ...(usage === undefined ? {} : { usage }),
  ...(costMicros === undefined ? {} : { costMicros }),
});
