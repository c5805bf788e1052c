import type { Message, Trim } from './message.ts';

/** What a model is shown of a thread. */
export interface ContextView {
  /** The newest summary and what it keeps; empty before the first. */
  readonly head: readonly Message[];
  /** Everything after it, in order, old results cut as compactions say. */
  readonly rest: readonly Message[];
  /** Both, in the order of the prompt. */
  readonly messages: readonly Message[];
}

/** Counts what a prompt takes: the same before a compaction, where it triggers, and after it, where it must show. */
export interface Ruler {
  /** Tokens of a prompt of these messages, with what stands in every prompt besides them. */
  tokens(messages: readonly Message[]): number;
}

/** What a {@link ContextManager} decides on. */
export interface ContextInput {
  readonly view: ContextView;
  readonly ruler: Ruler;
  /** Tokens that the prompt may have; `Infinity` where nobody knows. */
  readonly limit: number;
  /** The provider has refused this view as too long, whatever the ruler says. */
  readonly overflowed: boolean;
}

/** What becomes of the view. */
export type ContextPlan =
  | { readonly does: 'keep' }
  | { readonly does: 'trim'; readonly trims: Trim }
  /** A model writes at most `maxTokens` in the place of everything up to `covers`, a message of {@link ContextView.rest}. */
  | {
      readonly does: 'summarise';
      readonly covers: string;
      readonly maxTokens: number;
      readonly trims?: Trim;
      /** Besides those that stay in any case: pinned ones, and the last message of the user. */
      readonly keeps?: readonly string[];
    };

/**
 * Decides when and how a conversation that grows too long for its model is made shorter. It looks and decides; trimming, summarising and
 * recording are done for it. Whoever asks checks the plan: one that cuts through a tool exchange or names messages that are not there is
 * `CONTEXT_PLAN_INVALID`.
 */
export interface ContextManager {
  /** For what changes what it decides, in records: `default`, `none`. */
  readonly name: string;
  /** Pure: the same view, ruler and limit give the same plan. */
  plan(input: ContextInput): ContextPlan;
}
