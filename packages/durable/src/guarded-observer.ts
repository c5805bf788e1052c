import {
  toTraceContext,
  unawaited,
  type DriveObserver,
  type Observer,
  type StepObserver,
  type TraceContext,
} from '@prusik/core';

/** Told of a method of an observer that failed. */
export type ObserverFailed = (method: string, cause: unknown) => void;

const METHODS = ['caller', 'drive', 'event'] as const satisfies readonly (keyof Observer)[];

/** An observer that can neither throw, nor leave a promise that rejects, nor keep the body of a step from being called once. */
export function guardedObserver(observer: Observer, failed: ObserverFailed): Observer {
  function call<T>(method: string, tell: () => T): T | undefined {
    try {
      const answer = tell();
      unawaited(answer, (cause) => failed(method, cause));
      return answer;
    } catch (cause) {
      failed(method, cause);
      return undefined;
    }
  }

  function traceOf(method: string, ask: () => TraceContext | undefined): TraceContext | undefined {
    const trace = call(method, ask);
    return trace === undefined ? undefined : call(method, () => toTraceContext(trace));
  }

  function guardedStep(step: StepObserver): StepObserver {
    return {
      trace: traceOf('step', () => step.trace),
      inside<T>(body: () => T): T {
        let called: { readonly result: T } | undefined;
        const once = (): T => (called ??= { result: body() }).result;
        call('inside', () => {
          // What it makes of the body's promise is nobody's; whoever waits for the body waits for its own.
          unawaited(step.inside(once));
        });
        return once();
      },
      retry: (code, ms) => void call('retry', () => step.retry(code, ms)),
      over: (recorded) => void call('step.over', () => step.over(recorded)),
    };
  }

  function guardedDrive(drive: DriveObserver): DriveObserver {
    return {
      trace: traceOf('drive', () => drive.trace),
      step(what) {
        const step = call('step', () => drive.step(what));
        return step === undefined ? UNSEEN_STEP : guardedStep(step);
      },
      committed: (entries, messages) => void call('committed', () => drive.committed(entries, messages)),
      over: (how) => void call('over', () => drive.over(how)),
    };
  }

  return {
    caller: () => traceOf('caller', () => observer.caller()),
    drive(run, what) {
      const drive = call('drive', () => observer.drive(run, what));
      return drive === undefined ? UNSEEN_DRIVE : guardedDrive(drive);
    },
    event: (event) => void call('event', () => observer.event(event)),
  };
}

/** @throws {TypeError} for what lacks a method of an observer. */
export function checkObserver(observer: Observer, index: number): void {
  const given: unknown = observer;
  if (typeof given !== 'object' || given === null)
    throw new TypeError(`observers[${index}] is no observer but ${typeof given}: hand in what telemetry() gives`);
  for (const method of METHODS)
    if (typeof (observer as Partial<Observer>)[method] !== 'function')
      throw new TypeError(`observers[${index}] has no method ${method}`);
}

const UNSEEN_STEP: StepObserver = { trace: undefined, inside: (body) => body(), retry() {}, over() {} };
const UNSEEN_DRIVE: DriveObserver = { trace: undefined, step: () => UNSEEN_STEP, committed() {}, over() {} };
