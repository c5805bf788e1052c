import type {
  DriveObserver,
  DriveOver,
  Entry,
  EntryBody,
  Message,
  ObservedDrive,
  ObservedRun,
  ObservedStep,
  StepEnd,
  StepObserver,
} from '@prusik/core';
import { fakeClock, type FakeClock } from '@prusik/testing-contracts';
import { telemetry, type Telemetry, type TelemetryOptions } from '../src/index.ts';
import { recorded, type Recorded } from './recorded.ts';

/** One drive of which an engine would tell, told by hand. */
export interface DriveByHand {
  readonly observer: DriveObserver;
  step(step?: Partial<ObservedStep>): StepObserver;
  /** Executes the step, for so long, and commits its outcome. */
  execute(step: Partial<ObservedStep>, end?: Partial<StepEnd>, ms?: number, messages?: readonly Message[]): void;
  commit(...entries: EntryBody[]): void;
  over(how?: DriveOver): void;
}

export interface ByHand extends Recorded {
  readonly watching: Telemetry;
  readonly clock: FakeClock;
  drive(run?: Partial<ObservedRun>, drive?: Partial<ObservedDrive>): DriveByHand;
}

export const RUN: ObservedRun = {
  key: { tenant: 'acme', run: 'run-1' },
  kind: 'agent',
  definition: 'writer',
  version: '3',
  root: 'run-1',
  depth: 0,
  createdAt: 1_700_000_000_000,
};

const DRIVE: ObservedDrive = { epoch: 1, attempt: 1, worker: 'w-1', at: 1_700_000_000_000, waits: [] };

/** A traceparent of one digit for each id. */
export const traceparent = (traceDigit: string, spanDigit: string, flags = '01'): string =>
  `00-${traceDigit.repeat(32)}-${spanDigit.repeat(16)}-${flags}`;

export const ended = (step: Partial<ObservedStep>, end: Partial<StepEnd> = {}): StepEnd => ({
  type: 'step-end',
  key: step.key ?? 'one',
  fingerprint: '',
  kind: step.kind ?? 'step',
  ...(step.name === undefined ? {} : { name: step.name }),
  attempt: 1,
  outcome: { ok: true },
  durationMs: 0,
  ...end,
});

export function byHand(options: TelemetryOptions = {}): ByHand {
  const sdk = recorded();
  const clock = fakeClock();
  const { tracerProvider, meterProvider } = sdk;
  const watching = telemetry({ tracerProvider, meterProvider, clock, ...options });
  return {
    ...sdk,
    watching,
    clock,
    drive(run = {}, drive = {}) {
      const observer = watching.drive({ ...RUN, ...run }, { ...DRIVE, ...drive });
      let seq = 1;
      const stamped = (entry: EntryBody): Entry => ({ ...entry, seq: (seq += 1), at: clock.now() });
      const step = (what: Partial<ObservedStep> = {}): StepObserver =>
        observer.step({ key: 'one', kind: 'step', effect: 'repeatable', attempt: 1, ...what });
      return {
        observer,
        step,
        execute(what, end = {}, ms = 0, messages = []) {
          const begun = step(what);
          begun.inside(() => clock.advance(ms));
          const range = messages.length === 0 ? {} : { messages: { from: 1, count: messages.length } };
          observer.committed([stamped(ended(what, { durationMs: ms, ...range, ...end }))], messages);
          begun.over(true);
        },
        commit: (...entries) => observer.committed(entries.map(stamped), []),
        over: (how = 'ended') => observer.over(how),
      };
    },
  };
}
