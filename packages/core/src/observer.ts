import type { Entry, StepKind, Effect } from './entry.ts';
import type { RunKey, SessionKey } from './ids.ts';
import type { Budget } from './ledger.ts';
import type { Message } from './message.ts';
import type { ParentLink, RunKind } from './run.ts';
import type { TraceContext } from './trace-context.ts';

/**
 * Watches an engine: traces, metrics and logs are made of what it is told. It is told of what is committed, after it was committed and once, in this process; of a
 * process that is killed it may never hear. It changes nothing: what it throws is told as a warning once, what it returns is not awaited. Calls are
 * synchronous and on the way of every commit, so they keep what they are given and work later.
 */
export interface Observer {
  /** Where the caller of a start stands in a trace, asked in the caller's own async context; the run remembers it. */
  caller(): TraceContext | undefined;
  /** A drive of a run begins: its journal is loaded, nothing of it was executed yet. */
  drive(run: ObservedRun, drive: ObservedDrive): DriveObserver;
  /** What belongs to no drive, or to the engine as a whole. */
  event(event: EngineEvent): void;
}

/** What one drive of a run does, from its claim until it parks, ends or is lost. */
export interface DriveObserver {
  /** Where the drive stands in a trace: recorded with it, and given to the children that it starts. */
  readonly trace: TraceContext | undefined;
  /** An execution of a step begins. */
  step(step: ObservedStep): StepObserver;
  /** Entries of this drive that were committed, in order, and the messages that were stored with them. Entries hold content. */
  committed(entries: readonly Entry[], messages: readonly Message[]): void;
  /** Nothing follows. */
  over(how: DriveOver): void;
}

/** What one step does in one drive: all executions until its outcome, or until it is put off for long. */
export interface StepObserver {
  /** Where the step stands in a trace, for what its body calls. */
  readonly trace: TraceContext | undefined;
  /** Calls the body of the step with whatever context it is to have, and returns what it returns. */
  inside<T>(body: () => T): T;
  /** The execution failed, and the next one is in so many milliseconds. */
  retry(code: string, ms: number): void;
  /** Nothing follows. `recorded`: its outcome, or its pause, was committed before. */
  over(recorded: boolean): void;
}

/** A run as observers know it: no input, no output, no content. */
export interface ObservedRun {
  readonly key: RunKey;
  readonly kind: RunKind;
  readonly definition: string;
  readonly version: string;
  readonly session?: SessionKey['session'];
  readonly root: string;
  readonly parent?: ParentLink;
  readonly depth: number;
  /** The store's clock. */
  readonly createdAt: number;
}

/** One drive. */
export interface ObservedDrive {
  readonly epoch: number;
  /** Drives since the last committed step, this one included: 1 unless a worker was lost. */
  readonly attempt: number;
  readonly worker: string;
  /** The store's time of the claim. */
  readonly at: number;
  /** The narrowest limits of the budgets that the run spends from. */
  readonly budget?: Budget;
  /** Who started the run. */
  readonly caller?: TraceContext;
  /** The drive before this one. */
  readonly before?: TraceContext;
  /** The first drive of the run, where there were others: the trace of a run whose start was in none begins with it. */
  readonly first?: TraceContext;
  /** When the drive before this one parked or blocked the run, by the store's clock; missing where it did neither. */
  readonly parkedAt?: number;
  /** What the run waits for as the drive begins. */
  readonly waits: readonly ObservedWait[];
}

/** A wait that began in an earlier drive. */
export interface ObservedWait {
  readonly key: string;
  /** When it began, by the store's clock. */
  readonly at: number;
}

/** A step that begins. */
export interface ObservedStep {
  readonly key: string;
  readonly kind: StepKind;
  readonly name?: string;
  readonly effect: Effect;
  readonly attempt: number;
}

/** How a drive was over. `released`: given back. `superseded`, `unavailable`: lost, to another worker or with the store. */
export type DriveOver = 'ended' | 'parked' | 'blocked' | 'released' | 'superseded' | 'unavailable';

/** What no drive tells. */
export type EngineEvent =
  /** A store has answered a commit of a drive, after so many milliseconds. */
  | {
      readonly type: 'commit';
      readonly run: RunKey;
      readonly ms: number;
      readonly outcome: 'committed' | 'stale' | 'refused';
    }
  /** A reader was given an entry so many milliseconds after it was committed. */
  | { readonly type: 'event-lag'; readonly ms: number }
  | { readonly type: 'worker'; readonly worker: string; readonly did: 'start' | 'stop'; readonly slots: number }
  /** Something that no caller is there to hear. `code` is stable. */
  | { readonly type: 'warning'; readonly code: string; readonly run?: RunKey };
