import type { Entry, StepKind, Effect } from './entry.ts';
import type { RunKey, SessionKey } from './ids.ts';
import type { Budget } from './ledger.ts';
import type { Message } from './message.ts';
import type { ParentLink, RunKind } from './run.ts';
import type { TraceContext } from './trace-context.ts';

/**
 * Watches an engine: traces, metrics and logs are made of what it is told. It is told of what is committed, after it was committed and once, in this process; of what
 * a process did that is killed it may never hear. It changes nothing: what it throws is a warning (`OBSERVER_FAILED`, once for each method), what it returns is not
 * awaited, and what it is given it leaves as it is, since the engine goes on with it. Calls are synchronous and on the way of every commit, so they take note
 * and work later.
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
  /** The first execution of a step in this drive begins. One that was put off for long, and is executed again, is told anew. */
  step(step: ObservedStep): StepObserver;
  /** Entries of this drive that were committed, in order, and the messages that were stored with them. Entries hold content. */
  committed(entries: readonly Entry[], messages: readonly Message[]): void;
  /** Nothing follows: all of its steps were told to be over, and all of its commits are answered. */
  over(how: DriveOver): void;
}

/** What one step does in one drive: all executions until its outcome, or until it is put off for long. */
export interface StepObserver {
  /** Where the step stands in a trace, for what its body calls. */
  readonly trace: TraceContext | undefined;
  /** Calls the body of the step, at each execution, with whatever context it is to have, and returns what it returns. */
  inside<T>(body: () => T): T;
  /** The execution failed or was refused with this code, and the next one is in so many milliseconds. */
  retry(code: string, ms: number): void;
  /** Nothing follows. `recorded`: its outcome, or the long pause before its next execution, is among what was committed. Otherwise nothing is known of it. */
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
  /** Who started the run: the drive of its parent, or whoever called `start`. */
  readonly caller?: TraceContext;
  /** The first drive of the run that stood in a trace, where there were others: the trace of a run whose start was in none begins with it. */
  readonly first?: TraceContext;
  /** The last one before this. */
  readonly before?: TraceContext;
  /**
   * Since when the run is parked or blocked, by the store's clock, as its journal says: a drive that only looked leaves no trace there. Missing where
   * the drive before this one did neither.
   */
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

/** A step that begins. `attempt`: number of the execution, over all drives. */
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
  /** A store has answered a commit of a drive, after so many milliseconds, with what became of an ambiguous one. `stale`: the lease was lost. */
  | {
      readonly type: 'commit';
      readonly run: RunKey;
      readonly ms: number;
      readonly outcome: 'committed' | 'stale' | 'refused';
    }
  /**
   * A reader was given an entry so many milliseconds after it was committed, by the clocks of this process and the store. Of each reader a sample, of what was
   * committed since it was opened.
   */
  | { readonly type: 'event-lag'; readonly ms: number }
  /** `worker()` or `drain()`. */
  | { readonly type: 'worker'; readonly worker: string; readonly did: 'start' | 'stop'; readonly slots: number }
  /** Something that no caller is there to hear. `code` is stable. */
  | { readonly type: 'warning'; readonly code: string; readonly run?: RunKey };
