import type { Entry, StepKind } from './entry.ts';
import type { RunKey } from './ids.ts';

/** Which execution of a step it is: a later epoch of the run, or a later attempt within one, makes all that earlier ones said void. */
export interface StepExecution {
  readonly key: string;
  readonly epoch: number;
  readonly attempt: number;
}

/** An execution of a step begins. */
export interface StepStart extends StepExecution {
  readonly type: 'step-start';
  readonly kind: StepKind;
  readonly name?: string;
}

/** Text that a step says while it runs. */
export interface StepDelta extends StepExecution {
  readonly type: 'step-delta';
  /** Where it stands in all that this execution has said, in characters (UTF-16 code units). */
  readonly offset: number;
  readonly text: string;
  /** How many deltas it was before the reader fell behind and they were joined. */
  readonly joined: number;
}

/** The step is executed again: what was heard of it so far is void. */
export interface StepReset extends StepExecution {
  readonly type: 'step-reset';
}

/** Live events that did not reach this reader, and the characters of text among them. Committed entries are never among them. */
export interface Gap {
  readonly type: 'gap';
  readonly dropped: number;
  readonly characters: number;
}

/** Told while it happens, never stored in the journal. A step's end is an entry. */
export type LiveEvent = StepStart | StepDelta | StepReset | Gap;

/** What a reader of a run gets: committed entries in order, and live events between them. */
export type RunEvent =
  | { readonly run: RunKey; readonly live: false; readonly entry: Entry }
  | { readonly run: RunKey; readonly live: true; readonly event: LiveEvent };
