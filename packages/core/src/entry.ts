import type { PartialReason } from './partial.ts';
import type { SerializedError } from './serialize-error.ts';
import type { Json } from './json.ts';
import type { Amount } from './ledger.ts';
import type { Usage } from './message.ts';
import type { Measurement } from './measurement.ts';
import type { InterventionChoice } from './request.ts';
import type { StepFacts } from './step-facts.ts';
import type { TraceContext } from './trace-context.ts';

/** One record of a run's journal, as the store keeps it. */
export type Entry = EntryStamp & EntryBody;

/** What the store adds when it commits an entry. */
export interface EntryStamp {
  /** Place in the run's journal: starts at 1, no gaps, given by the store. */
  readonly seq: number;
  /** The store's clock, milliseconds since the epoch; never goes back within a run. */
  readonly at: number;
}

/** How a step or a wait ended. A missing value is `undefined`, unless it is too large for the journal and stands in a blob, as JSON text. */
export type Outcome =
  | { readonly ok: true; readonly value?: Json; readonly blob?: BlobRef }
  | { readonly ok: false; readonly error: SerializedError };

/** Names bytes of the run’s tenant. */
export interface BlobRef {
  readonly hash: string;
  /** In bytes. */
  readonly size: number;
}

/** What a step is to people and traces; compared on replay. */
export type StepKind = 'step' | 'model' | 'tool';
/** What a run can wait for. */
export type WaitKind = 'timer' | 'signal' | 'child' | 'request';

/** Numbers of the messages that were added to the run's thread in the same commit. */
export interface MessageRange {
  readonly from: number;
  readonly count: number;
}

/** An entry as its writer hands it in. */
export type EntryBody =
  | RunStart
  | RunClaim
  | StepIntent
  | StepPause
  | StepEnd
  | WaitStart
  | WaitEnd
  | RunNote
  | RunMeasure
  | RunPark
  | RunBlock
  | RunUnblock
  | RunCancel
  | RunDeadline
  | RunEnd;

/** Always entry 1. Written by `start`. */
export interface RunStart {
  readonly type: 'run-start';
  readonly definition: string;
  readonly version: string;
  /** Copied from its parent's thread. */
  readonly history?: MessageRange;
  readonly messages?: MessageRange;
  /** Where in a trace its caller stood. */
  readonly trace?: TraceContext;
}

/** A worker took the run up. Rides in the first commit under that epoch. */
export interface RunClaim {
  readonly type: 'run-claim';
  readonly worker: string;
  readonly epoch: number;
  /** Drives since the last committed step, this one included: 1 unless a worker was lost. */
  readonly attempt: number;
  readonly definitionHash: string;
  /** Where in a trace this drive stands. */
  readonly trace?: TraceContext;
}

interface Keyed {
  readonly key: string;
  /** What the same key must match again on replay, besides its kind; empty where nothing is compared. */
  readonly fingerprint: string;
}

/** An effect is about to happen: without a {@link StepEnd} after it, nobody knows whether it did. */
export interface StepIntent extends Keyed {
  readonly type: 'step-intent';
  readonly kind: StepKind;
  readonly name?: string;
  readonly effect: Effect;
  readonly attempt: number;
  /** Charged in full when the step is lost between intent and outcome. */
  readonly reserved?: Amount;
  /** The approval that this execution used up. */
  readonly request?: string;
}

/**
 * What may happen to a step that was begun and has no outcome. `repeatable`: run again. `keyed`: run again with the
 * same idempotency key. `once`: never again by itself; it is in doubt.
 */
export type Effect = 'repeatable' | 'keyed' | 'once';

/**
 * An execution of a step failed or was refused, and the next one is at `until` by the store's clock, in whichever process. Only a long pause is recorded,
 * and one that takes an intent back. It ends by itself: what follows of the same key is another pause or the {@link StepEnd}.
 */
export interface StepPause extends Keyed {
  readonly type: 'step-pause';
  readonly kind: StepKind;
  readonly name?: string;
  /** Number of the execution that was put off; of one that waits for room in a budget, of the last one before it, 0 where there is none. */
  readonly attempt: number;
  readonly until: number;
  readonly error: SerializedError;
  /** Executions so far that used up an attempt of the step's policy. */
  readonly failures: number;
  /** What refusals for want of capacity have cost the step in waiting so far, this pause included. */
  readonly capacityMs: number;
  /** Of all executions so far that told theirs. */
  readonly usage?: Usage;
  readonly costMicros?: number;
  /** It takes back an intent that went ahead of its step: nothing of that has happened, and it may never be asked for. */
  readonly unasked?: true;
}

/** A step has its outcome. No other entry of its key follows. */
export interface StepEnd extends Keyed {
  readonly type: 'step-end';
  readonly kind: StepKind;
  readonly name?: string;
  readonly attempt: number;
  readonly outcome: Outcome;
  readonly durationMs: number;
  readonly messages?: MessageRange;
  /** Ids of the runs that were steered here and whose messages are among these. */
  readonly absorbed?: readonly string[];
  /** Of all executions that told theirs. */
  readonly usage?: Usage;
  /** Millionths of the currency that prices are given in; missing where it is not known. */
  readonly costMicros?: number;
  /** Calls of tools that it refused. */
  readonly denied?: readonly Denial[];
  /** The outcome was not produced by this execution: `check` found it, or a person said so. */
  readonly settledBy?: 'check' | 'intervention' | 'doubt';
  readonly facts?: StepFacts;
  /** What the execution that is recorded has measured, whatever came of it. */
  readonly measurements?: readonly Measurement[];
}

/** A call of a tool that was not let run, and by whom. */
export interface Denial {
  readonly callId: string;
  readonly tool: string;
  /**
   * `policy`: the tool's own. `person`: somebody rejected it. `expired`, `withdrawn`: nobody said yes. `unattended`: nobody could. `grant`: what
   * allowed it does not hold any more.
   */
  readonly by: 'policy' | 'person' | 'expired' | 'withdrawn' | 'unattended' | 'grant';
  /** Id of the request, where there was one. */
  readonly request?: string;
}

/** The run begins to wait. */
export interface WaitStart extends Keyed {
  readonly type: 'wait-start';
  readonly kind: WaitKind;
  /** By the store's clock; set once, so that a deadline does not slide on resume. */
  readonly until?: number;
  /** Id of the child run. */
  readonly child?: string;
  /** The end of this run neither waits for the child nor cancels it. */
  readonly onParentEnd?: 'leave';
  /** Id of the request. */
  readonly request?: string;
}

/** What was waited for has come, or its time was up. */
export interface WaitEnd extends Keyed {
  readonly type: 'wait-end';
  readonly kind: WaitKind;
  readonly outcome: Outcome;
  /** The output of the child is not whole. */
  readonly partial?: PartialReason;
  /** The deadline beat what was waited for. */
  readonly timedOut?: boolean;
}

/** An event of the author's own (`ctx.emit`). */
export interface RunNote {
  readonly type: 'note';
  readonly name: string;
  readonly data: Json;
}

/** What the function has measured since the commit before, each once for each place in it. One entry a commit. */
export interface RunMeasure {
  readonly type: 'measure';
  readonly measurements: readonly Measurement[];
}

/** The drive let go of a run that only waits, or whose steps pause. */
export interface RunPark {
  readonly type: 'run-park';
  /** Keys of what it waits for. */
  readonly waits: readonly string[];
  readonly wakeAt: number | null;
}

/** The run cannot go on until a person decides the request. */
export interface RunBlock {
  readonly type: 'run-block';
  readonly code: string;
  readonly message: string;
  /** The step it is about, where there is one. */
  readonly key?: string;
  /** The open request of kind `intervention`. */
  readonly request: string;
  /** What its steps had reserved that have no outcome: it was charged with this entry, since the run may stand for long. */
  readonly charged?: Amount;
}

/** What a person chose for a blocked run was taken up. */
export interface RunUnblock {
  readonly type: 'run-unblock';
  readonly request: string;
  readonly choice: InterventionChoice;
  readonly key?: string;
}

/** A request to cancel was taken up: from here on no new step starts. */
export interface RunCancel {
  readonly type: 'run-cancel';
  readonly reason: string;
}

/** The deadline of the run was met: from here on no new step starts. */
export interface RunDeadline {
  readonly type: 'run-deadline';
}

/** Always the last entry. */
export interface RunEnd {
  readonly type: 'run-end';
  readonly status: 'completed' | 'failed' | 'cancelled';
  readonly output?: Json;
  /** The output is not whole. */
  readonly partial?: PartialReason;
  readonly error?: SerializedError;
  /** Id of the run that took its messages over, and whose answer is its answer. */
  readonly absorbedBy?: string;
}
