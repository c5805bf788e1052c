import type {
  Denial,
  Effect,
  MessageRange,
  Outcome,
  StepEnd,
  StepIntent,
  StepKind,
  StepPause,
  WaitKind,
  WaitStart,
} from './entry.ts';
import type { SerializedError } from './serialize-error.ts';
import type { LiveBlock } from './live-event.ts';
import type { Measurement } from './measurement.ts';
import type { Usage } from './message.ts';
import type { PartialReason } from './partial.ts';
import type { StepFacts } from './step-facts.ts';

/** A step as the journal shows it. */
export interface StepView {
  /** `paused`: it failed or was refused, and is executed again at `until`. `interrupted`: a drive, or the run, was over before it had an outcome. */
  readonly state: 'running' | 'paused' | 'interrupted' | 'completed' | 'failed';
  readonly kind: StepKind;
  readonly name?: string;
  readonly attempt: number;
  readonly effect?: Effect;
  /** Of a pause, by the store's clock; `error` says why. */
  readonly until?: number;
  readonly error?: SerializedError;
  readonly outcome?: Outcome;
  readonly durationMs?: number;
  readonly usage?: Usage;
  readonly messages?: MessageRange;
  /** Calls of tools that it refused. */
  readonly denied?: readonly Denial[];
  readonly settledBy?: StepEnd['settledBy'];
  /** What it told of itself besides its outcome. */
  readonly facts?: StepFacts;
  readonly measurements?: readonly Measurement[];
}

/** What a run waits for, or has waited for. */
export interface WaitView {
  readonly kind: WaitKind;
  readonly open: boolean;
  readonly until?: number;
  readonly child?: string;
  readonly request?: string;
  /** Missing in one that is neither open nor came to anything: its run ended first. */
  readonly outcome?: Outcome;
  /** The output of the child is not whole. */
  readonly partial?: PartialReason;
  readonly timedOut?: boolean;
}

/** A step under way, as live events tell of it. */
export interface LiveStepView {
  readonly epoch: number;
  readonly attempt: number;
  readonly kind?: StepKind;
  readonly name?: string;
  /** What it says, in the order in which it was begun. */
  readonly blocks: readonly LiveBlockView[];
}

/** One block of a step under way. */
export interface LiveBlockView extends LiveBlock {
  /** What was said so far, but for what was dropped. */
  readonly text: string;
  /** Characters that were dropped. */
  readonly missing: number;
}

export function intended({ kind, name, attempt, effect }: StepIntent): StepView {
  return { state: 'running', kind, ...(name === undefined ? {} : { name }), attempt, effect };
}

export function putOff({ kind, name, attempt, until, error }: StepPause, effect: Effect | undefined): StepView {
  return {
    state: 'paused',
    kind,
    ...(name === undefined ? {} : { name }),
    attempt,
    ...(effect === undefined ? {} : { effect }),
    until,
    error,
  };
}

export function ended(entry: StepEnd, before: StepView | undefined): StepView {
  const { kind, name, attempt, outcome, durationMs, usage, messages, denied, settledBy, facts, measurements } = entry;
  return {
    state: outcome.ok ? 'completed' : 'failed',
    kind,
    ...(name === undefined ? {} : { name }),
    attempt,
    ...(before?.effect === undefined ? {} : { effect: before.effect }),
    outcome,
    durationMs,
    ...(usage === undefined ? {} : { usage }),
    ...(messages === undefined ? {} : { messages }),
    ...(denied === undefined ? {} : { denied }),
    ...(settledBy === undefined ? {} : { settledBy }),
    ...(facts === undefined ? {} : { facts }),
    ...(measurements === undefined ? {} : { measurements }),
  };
}

export function waited({ kind, until, child, request }: WaitStart): WaitView {
  return {
    kind,
    open: true,
    ...(until === undefined ? {} : { until }),
    ...(child === undefined ? {} : { child }),
    ...(request === undefined ? {} : { request }),
  };
}

export function interrupted({ kind, name, attempt, effect }: StepView): StepView {
  return {
    state: 'interrupted',
    kind,
    ...(name === undefined ? {} : { name }),
    attempt,
    ...(effect === undefined ? {} : { effect }),
  };
}
