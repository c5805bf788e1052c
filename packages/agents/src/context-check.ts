import {
  contextView,
  createRuler,
  PrusikError,
  unawaited,
  type ContextPlan,
  type ContextView,
  type Message,
  type Ruler,
} from '@prusik/core';
import type { AgentCore } from './agent-core.ts';
import type { LoopState } from './loop.ts';
import { fixedCharsOf } from './recorded-listing.ts';
import { describeError } from './redact.ts';

/** A prompt, measured and judged. */
export interface ContextCheck {
  readonly view: ContextView;
  readonly ruler: Ruler;
  /** Tokens of the prompt by the ruler, and how many it may have. */
  readonly used: number;
  readonly limit: number;
  readonly plan: ContextPlan;
}

/**
 * What the agent's context manager makes of a thread. The ruler is that of this model call: what a provider has said of an earlier prompt of the
 * run stands in its record, so a replay and another attempt measure alike.
 *
 * @throws {PrusikError} `CONTEXT_PLAN_INVALID` for a manager that throws, or whose plan is none.
 */
export function checkContext(
  agent: AgentCore,
  thread: readonly Message[],
  state: LoopState,
  refused: boolean,
): ContextCheck {
  const view = contextView(thread);
  const { context } = agent;
  const { charsPerToken, limits } = state;
  const ruler = createRuler({
    fixedChars: fixedCharsOf(agent, state),
    ...(charsPerToken === undefined ? {} : { charsPerToken }),
  });
  const used = ruler.tokens(view.messages);
  const limit = promptLimit(context?.limitTokens, limits.outputTokens);
  if (context === undefined) return { view, ruler, used, limit, plan: { does: 'keep' } };
  let plan: ContextPlan;
  try {
    plan = context.manager.plan({ view, ruler, limit, overflowed: refused });
  } catch (cause) {
    throw failed(`threw: ${describeError(cause)}`, cause);
  }
  if (unawaited(plan)) throw failed('gave a promise: plan() has to answer at once');
  if (!PLANS.includes((plan as ContextPlan | undefined)?.does)) throw failed('gave no plan');
  return { view, ruler, used, limit, plan };
}

const PLANS: readonly unknown[] = ['keep', 'trim', 'summarise'] satisfies readonly ContextPlan['does'][];

const failed = (what: string, cause?: unknown): PrusikError =>
  new PrusikError('CONTEXT_PLAN_INVALID', `The context manager ${what}`, { cause });

/** What is left for the prompt once the reply has its room; never less than half. */
function promptLimit(contextTokens: number | undefined, outputTokens: number): number {
  if (contextTokens === undefined) return Number.POSITIVE_INFINITY;
  return Math.max(contextTokens - outputTokens, Math.ceil(contextTokens / 2));
}

/** A provider that counts half a prompt, or twice, says nothing about its tokens. */
const LEAST_CHARS = 1;
const MOST_CHARS = 10;

/** How many characters a provider took for a token, where its count can be believed. */
export function charsPerTokenOf(chars: number, inputTokens: number | undefined): number | undefined {
  if (inputTokens === undefined || !(inputTokens > 0)) return undefined;
  const ratio = Math.round((chars / inputTokens) * 100) / 100;
  return ratio >= LEAST_CHARS && ratio <= MOST_CHARS ? ratio : undefined;
}
