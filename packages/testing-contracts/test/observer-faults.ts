import type { DriveObserver, Observer, StepObserver } from '@prusik/core';
import { recordingObserver } from '../src/index.ts';

/** Counts commits, and knows nothing of traces. */
export function counting(): Observer {
  const commits = new Map<string, number>();
  return {
    caller: () => undefined,
    drive: ({ definition }) => ({
      trace: undefined,
      step: () => ({ trace: undefined, inside: (body) => body(), retry() {}, over() {} }),
      committed: () => void commits.set(definition, (commits.get(definition) ?? 0) + 1),
      over() {},
    }),
    event() {},
  };
}

export interface ObserverFault {
  readonly name: string;
  /** Part of the title of one test. */
  readonly caughtBy: string;
  readonly create: () => Observer;
}

const drives = (change: (drive: DriveObserver) => Partial<DriveObserver>): Observer => {
  const sound = counting();
  return {
    ...sound,
    drive(run, what) {
      const drive = sound.drive(run, what);
      return { ...drive, ...change(drive) };
    },
  };
};
const steps = (change: (step: StepObserver) => Partial<StepObserver>): Observer =>
  drives((drive) => ({
    step(what) {
      const step = drive.step(what);
      return { ...step, ...change(step) };
    },
  }));

const THROWS_NOTHING = 'throws nothing, and gives nothing';
const LEAVES = 'leaves what it is told as it is';
const ONCE = 'calls the body of a step once';
const PLACES = 'where callers, drives and steps stand';
const STRANGE = 'large, strange or newer';

export const OBSERVER_FAULTS: readonly ObserverFault[] = [
  {
    name: 'it knows no drive that is given back',
    caughtBy: THROWS_NOTHING,
    create: () =>
      drives(() => ({
        over(how) {
          if (how === 'released') throw new Error('unknown');
        },
      })),
  },
  {
    name: 'a commit is worked on by a promise',
    caughtBy: THROWS_NOTHING,
    create: () => drives(() => ({ committed: () => Promise.resolve() as never })),
  },
  {
    name: 'an event that it does not know makes it throw',
    caughtBy: THROWS_NOTHING,
    create: () => ({
      ...counting(),
      event({ type }) {
        if (type === 'warning') throw new Error('unknown');
      },
    }),
  },
  {
    name: 'errors are cut where they stand',
    caughtBy: LEAVES,
    create: () =>
      drives(() => ({
        committed(entries) {
          for (const entry of entries)
            if (entry.type === 'step-pause') (entry.error as { message: string }).message = '[redacted]';
        },
      })),
  },
  {
    name: 'what it may not change it changes where it can',
    caughtBy: LEAVES,
    create: () =>
      drives(() => ({
        committed(entries) {
          for (const entry of entries) if (!Object.isFrozen(entry)) Object.assign(entry, { seen: true });
        },
      })),
  },
  {
    name: 'the body is never called',
    caughtBy: ONCE,
    create: () => steps(() => ({ inside: () => undefined as never })),
  },
  {
    name: 'the body is called twice',
    caughtBy: ONCE,
    create: () =>
      steps(() => ({
        inside(body) {
          body();
          return body();
        },
      })),
  },
  {
    name: 'the body is called later',
    caughtBy: ONCE,
    create: () => steps(() => ({ inside: (body) => Promise.resolve().then(body) as never })),
  },
  {
    name: 'what the body throws is wrapped',
    caughtBy: ONCE,
    create: () =>
      steps(() => ({
        inside(body) {
          try {
            return body();
          } catch (cause) {
            throw new Error('the step failed', { cause });
          }
        },
      })),
  },
  {
    name: 'a trace of zeros is told where there is none',
    caughtBy: PLACES,
    create: () => drives(() => ({ trace: { traceparent: `00-${'0'.repeat(32)}-${'0'.repeat(16)}-00` } })),
  },
  {
    name: 'the place of a drive moves',
    caughtBy: PLACES,
    create() {
      let spans = 0;
      const next = () => `00-4bf92f3577b34da6a3ce929d0e0e4736-${String((spans += 1)).padStart(16, '0')}-01`;
      const sound = counting();
      return {
        ...sound,
        drive(run, what) {
          const { step, committed, over } = sound.drive(run, what);
          return {
            get trace() {
              return { traceparent: next() };
            },
            step,
            committed,
            over,
          };
        },
      };
    },
  },
  {
    name: 'an entry that it does not know makes it throw',
    caughtBy: STRANGE,
    create: () =>
      drives(() => ({
        committed(entries) {
          for (const { type } of entries) if ((type as string) === 'run-rest') throw new TypeError(`Unknown ${type}`);
        },
      })),
  },
  {
    name: 'long texts make it throw',
    caughtBy: STRANGE,
    create: () =>
      drives(() => ({
        committed(entries) {
          if (JSON.stringify(entries).length > 1_000_000) throw new RangeError('too long');
        },
      })),
  },
  { name: 'all that it is told is kept', caughtBy: 'keeps nothing', create: () => recordingObserver() },
  {
    name: 'each commit is written before the next',
    caughtBy: 'takes little time',
    create: () =>
      drives(() => ({
        committed() {
          const until = performance.now() + 1;
          while (performance.now() < until);
        },
      })),
  },
];
