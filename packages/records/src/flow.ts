import type {
  Decision,
  Denial,
  Request,
  RequestKind,
  RequestStatus,
  RunStatus,
  StepFacts,
  StepKind,
  Usage,
  WaitKind,
} from '@prusik/core';

/** Version of the form of a flow. */
export const FLOW_VERSION = 1;

/**
 * What happened in a tree of runs, as data: plain JSON, without content. Names of definitions, steps, tools and models, keys of steps, codes and who decided are in it, and nothing that
 * somebody said, made or gave.
 *
 * It says what was when, and nothing more: that a step came after another, or at once with it, is what a journal knows; that it needed the other is not.
 */
export interface Flow {
  readonly v: typeof FLOW_VERSION;
  /** Id of the run at the top. */
  readonly root: string;
  /** Parents before their children. */
  readonly runs: readonly FlowRun[];
  /** What there was no room for. */
  readonly omitted?: { readonly runs: number; readonly nodes: number };
}

/** One run of a tree. */
export interface FlowRun {
  readonly id: string;
  readonly definition: string;
  readonly version: string;
  readonly status: RunStatus;
  readonly startedAt: number;
  /** Of its last entry; of a run that has ended, its end. */
  readonly at: number;
  /** The run that called it, and the key of the wait for it. */
  readonly parent?: { readonly run: string; readonly key: string };
  /** Code of the error that it failed with. */
  readonly error?: string;
  /** Code of the reason that its output is not whole. */
  readonly partial?: string;
  /** The run that took its messages over. */
  readonly absorbedBy?: string;
  /** How often it was taken up. */
  readonly drives: number;
  readonly usage?: Usage;
  readonly costMicros?: number;
  /** By the time that they began. */
  readonly nodes: readonly FlowNode[];
  /** Nodes of it that there was no room for. */
  readonly omitted?: number;
}

/** Something that took time in a run, or a mark in it. */
export type FlowNode = FlowStep | FlowWait | FlowMark;

/** `doubt`: nobody knows whether its effect happened. `lost`: the run ended without its outcome. */
export type FlowStepState = 'completed' | 'failed' | 'open' | 'paused' | 'doubt' | 'lost';

/** A step, all of its executions together. */
export interface FlowStep {
  readonly type: 'step';
  readonly key: string;
  readonly kind: StepKind;
  readonly name?: string;
  readonly state: FlowStepState;
  /** Of its first execution, where that is on record: an intent or a pause is, else it is the last one's. */
  readonly startedAt: number;
  readonly endedAt?: number;
  /** Number of the last execution. */
  readonly attempts: number;
  /** Pauses on record, with the code of what was waited out. */
  readonly pauses?: readonly { readonly at: number; readonly until: number; readonly code: string }[];
  readonly error?: string;
  readonly usage?: Usage;
  readonly costMicros?: number;
  readonly denied?: readonly Denial[];
  readonly settledBy?: 'check' | 'intervention' | 'doubt';
  /** It made the prompt of an agent shorter. */
  readonly compacts?: true;
  /** Runs whose messages it took over: somebody steered. */
  readonly absorbed?: readonly string[];
  readonly facts?: StepFacts;
}

/** `lost`: the run ended before it came, as the loser of a race does. */
export type FlowWaitState = 'open' | 'came' | 'failed' | 'timed-out' | 'lost';

/** Something that a run waited for. */
export interface FlowWait {
  readonly type: 'wait';
  readonly key: string;
  readonly kind: WaitKind;
  readonly state: FlowWaitState;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly until?: number;
  /** Id of the child run. */
  readonly child?: string;
  readonly request?: FlowRequest;
  readonly error?: string;
  readonly partial?: string;
}

/** What a person was asked, and who said what. */
export interface FlowRequest {
  readonly id: string;
  readonly kind?: RequestKind;
  readonly status?: RequestStatus;
  readonly by?: string;
  readonly decidedAt?: number;
}

/**
 * `claim`: a worker took the run up; `takeover`: after another was lost with it. `park`: it let go of the process. `block`: it could not go on without a person, and `unblock`: one has chosen.
 */
export interface FlowMark {
  readonly type: 'mark';
  readonly what: 'claim' | 'takeover' | 'park' | 'block' | 'unblock' | 'cancel' | 'deadline' | 'note';
  readonly at: number;
  /** Of a block its code, of an unblock the choice, of a note its name. */
  readonly name?: string;
  /** The step that it is about. */
  readonly key?: string;
  readonly request?: FlowRequest;
  readonly epoch?: number;
}

/** A request as far as a flow shows it. */
export interface FlowRequestSource extends Pick<Request, 'id' | 'kind' | 'status'> {
  readonly run: { readonly run: string };
  readonly decision?: Pick<Decision, 'by' | 'at'>;
}
