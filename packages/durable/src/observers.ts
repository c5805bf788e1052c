import type { DriveObserver, Observer, StepObserver } from '@prusik/core';
import type { EngineWarning } from './engine-types.ts';
import { checkObserver, guardedObserver } from './guarded-observer.ts';

/**
 * The observers of an engine as one, which never throws; `undefined` where there are none, so that an engine without observers does nothing for
 * them. The first that says where something stands in a trace is heeded.
 *
 * @throws {TypeError} for what is no observer.
 */
export function joinObservers(
  observers: readonly Observer[],
  warn: (warning: EngineWarning) => void,
): Observer | undefined {
  const guarded = observers.map((observer, index) => {
    checkObserver(observer, index);
    const told = new Set<string>();
    return guardedObserver(observer, (method, cause) => {
      if (told.has(method)) return;
      // Before the warning, which observers hear of as well.
      told.add(method);
      warn({ code: 'OBSERVER_FAILED', message: `observers[${index}] failed in ${method}; it is told on`, cause });
    });
  });
  return guarded.length > 1 ? joined(guarded) : guarded[0];
}

function joined(observers: readonly Observer[]): Observer {
  return {
    caller: () => firstOf(observers, (observer) => observer.caller()),
    drive: (run, drive) => joinedDrive(observers.map((observer) => observer.drive(run, drive))),
    event(event) {
      for (const observer of observers) observer.event(event);
    },
  };
}

function joinedDrive(drives: readonly DriveObserver[]): DriveObserver {
  return {
    trace: firstOf(drives, (drive) => drive.trace),
    step: (step) => joinedStep(drives.map((drive) => drive.step(step))),
    committed(entries, messages) {
      for (const drive of drives) drive.committed(entries, messages);
    },
    over(how) {
      for (const drive of drives) drive.over(how);
    },
  };
}

function joinedStep(steps: readonly StepObserver[]): StepObserver {
  return {
    trace: firstOf(steps, (step) => step.trace),
    inside: <T>(body: () => T): T => steps.reduceRight<() => T>((inner, step) => () => step.inside(inner), body)(),
    retry(code, ms) {
      for (const step of steps) step.retry(code, ms);
    },
    over(recorded) {
      for (const step of steps) step.over(recorded);
    },
  };
}

function firstOf<Item, T>(items: readonly Item[], ask: (item: Item) => T | undefined): T | undefined {
  let first: T | undefined;
  for (const item of items) first ??= ask(item);
  return first;
}
