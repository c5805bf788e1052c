import type { StepKind } from './entry.ts';
import type { RunKey } from './ids.ts';
import type { LiveBlock } from './live-event.ts';

/**
 * Text of steps that are under way, for readers in other processes. It stands beside the journal and nothing of it is promised: a store may
 * lose all of it at any time, and nobody but a reader of unfinished text would notice.
 *
 * Of each block of a step the store keeps the beginning, up to {@link LIVE_TEXT_LIMIT}, and how far it has come: a reader that asks for
 * what it has not seen is told the rest, and how much was not kept.
 */
export interface LiveTextStore {
  /**
   * Adds to the text of steps under way and drops that of steps that are over. What is not the holder's (another epoch, a run that is not
   * running) is left out without a word, and so is text past a limit. An earlier attempt's text makes room for a later one's.
   */
  writeLiveText(writes: readonly LiveTextWrite[]): Promise<void>;
  /** Text of this run's steps beyond what the reader has. Nothing of an earlier epoch or attempt, and nothing where no worker holds the run. */
  liveText(run: RunKey, have: readonly LiveTextMark[]): Promise<readonly LiveText[]>;
  /** Calls back when there may be new text of this run, in this process or, within `noticeMs` and at most 100 ms, another. */
  watchLiveText(run: RunKey, on: () => void): Disposable;
}

/** Characters (UTF-16 code units) that are kept of one block. */
export const LIVE_TEXT_LIMIT = 65_536;
/** Blocks of one run's steps that are kept at once. */
export const LIVE_BLOCKS_LIMIT = 64;
/** Characters that a store keeps in all, about. */
export const LIVE_STORE_LIMIT = 16_777_216;

/** What the holder of a run writes in one go. */
export interface LiveTextWrite {
  readonly run: RunKey;
  /** Of its claim. */
  readonly epoch: number;
  readonly texts: readonly NewLiveText[];
  /** Steps whose text is in progress no longer. */
  readonly ended: readonly string[];
}

/** A block of an execution of a step. */
export interface LiveStep {
  readonly step: string;
  readonly kind: StepKind;
  readonly name?: string;
  readonly attempt: number;
  readonly block: LiveBlock;
}

/** Text that an execution has said since the last write. */
export interface NewLiveText extends LiveStep {
  /** Where `text` begins, in characters of the whole block. What the store has already is not added twice. */
  readonly offset: number;
  /** Empty once the block has more than is kept. */
  readonly text: string;
  /** How far the block has come: at least `offset` and the length of `text`. */
  readonly head: number;
}

/** What a reader has of a block. */
export interface LiveTextMark {
  readonly step: string;
  /** The block's id. */
  readonly block: string;
  readonly epoch: number;
  readonly attempt: number;
  readonly offset: number;
}

/** What stands of a block beyond a mark: `text` from `offset` on. `head` past its end says that the rest was not kept. */
export interface LiveText extends NewLiveText {
  readonly epoch: number;
}
