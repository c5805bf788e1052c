import type { Amount } from '@prusik/core';
import type { AgentCore } from './agent-core.ts';
import { estimateTokens } from './estimate.ts';
import type { LoopState } from './loop.ts';
import { reservation } from './model-price.ts';
import { fixedCharsOf } from './recorded-listing.ts';

/** What a model call with a prompt of so many tokens may take. */
export function reservationFor({ model }: AgentCore, { limits }: LoopState, input: number): Amount {
  return reservation(
    { input, output: limits.outputTokens },
    model.entries.map(({ prices }) => prices),
  );
}

/** Tokens of what is said with each prompt: instructions and tools. */
export const fixedTokens = (agent: AgentCore, state: LoopState): number =>
  estimateTokens([], fixedCharsOf(agent, state));
