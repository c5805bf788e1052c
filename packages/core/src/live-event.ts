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

/** What the text of a block is. `tool-input` is JSON text, which is whole only when its step has ended. */
export type LiveBlockKind = 'text' | 'reasoning' | 'tool-input';

/** One of the texts that an execution of a step says side by side: an answer, a thought, the input of a tool call. */
export interface LiveBlock {
  /** Unique in its execution; of a `tool-input` the id of the call. At most 200 characters. */
  readonly id: string;
  readonly kind: LiveBlockKind;
  /** Of a `tool-input`: which tool it is for. */
  readonly tool?: string;
}

/** The block of a step that says nothing but plain text. */
export const PLAIN_TEXT: LiveBlock = { id: 'text', kind: 'text' };

/** Text that a step says while it runs. */
export interface StepDelta extends StepExecution {
  readonly type: 'step-delta';
  readonly block: LiveBlock;
  /** Where it stands in all that this execution has said in this block, in characters (UTF-16 code units). */
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
