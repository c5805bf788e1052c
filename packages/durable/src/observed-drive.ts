import type {
  DriveOver,
  Entry,
  Message,
  ObservedDrive as DriveFacts,
  ObservedRun,
  Observer,
  Run,
  StepObserver,
  TraceContext,
} from '@prusik/core';
import type { StepSpec } from './step-spec.ts';

/** One drive as its observer sees it. Keeps account of what it was told to begin, so that nothing of it stays open. */
export interface ObservedDrive {
  readonly trace: TraceContext | undefined;
  /** An execution of the step begins, the first of this drive or another one. */
  begin(spec: StepSpec, attempt: number): StepObserver;
  /** The next execution of a step that was begun is in so many milliseconds. */
  retry(key: string, code: string, ms: number): void;
  /** Nothing more comes of the step here. One that is over already is not told again. */
  end(key: string, recorded: boolean): void;
  committed(entries: readonly Entry[], messages: readonly Message[]): void;
  /** The drive is over, once what it has on its way to the store is answered. */
  over(how: DriveOver): void;
  /** Nothing is on its way to the store. */
  idle(): void;
}

export function observeDrive(observer: Observer, run: Run, what: DriveFacts, isWriting: () => boolean): ObservedDrive {
  const drive = observer.drive(observedRun(run), what);
  const steps = new Map<string, StepObserver>();
  let how: DriveOver | undefined;
  let told = false;

  function end(key: string, recorded: boolean): void {
    const step = steps.get(key);
    steps.delete(key);
    step?.over(recorded);
  }

  function finish(): void {
    if (told || how === undefined || isWriting()) return;
    told = true;
    for (const key of steps.keys()) end(key, false);
    drive.over(how);
  }

  return {
    trace: drive.trace,
    begin({ key, options: { kind = 'step', name, effect = 'repeatable' } }, attempt) {
      const known = steps.get(key);
      if (known !== undefined) return known;
      const step = drive.step({ key, kind, ...(name === undefined ? {} : { name }), effect, attempt });
      steps.set(key, step);
      return step;
    },
    retry: (key, code, ms) => steps.get(key)?.retry(code, ms),
    end,
    committed(entries, messages) {
      drive.committed(entries, messages);
      for (const entry of entries) if (entry.type === 'step-end') end(entry.key, true);
    },
    over(as) {
      how ??= as;
      finish();
    },
    idle: finish,
  };
}

function observedRun({ key, kind, definition, version, session, root, parent, depth, createdAt }: Run): ObservedRun {
  return {
    key,
    kind,
    definition,
    version,
    ...(session === undefined ? {} : { session }),
    root,
    ...(parent === undefined ? {} : { parent }),
    depth,
    createdAt,
  };
}
