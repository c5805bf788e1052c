import type { Message, PrusikError, Spent, StepScope } from '@prusik/core';
import type { AgentCore } from './agent-core.ts';
import { callRoute, type RouteReply } from './call-route.ts';
import type { LoopState } from './loop.ts';
import { modelFacts } from './model-facts.ts';
import type { ModelRoute } from './model-route.ts';
import { toModelMessages } from './to-model-messages.ts';

/** What a model is asked beside the conversation. */
export interface Aside {
  readonly route: ModelRoute;
  readonly instructions: string;
  readonly messages: readonly Message[];
  /** An estimate of what the prompt takes. */
  readonly input: number;
  readonly maxOutputTokens: number;
  readonly elapsedMs: () => number;
  /** Why no further model may be asked, once those before have used so much. */
  readonly overBy: (spent: Spent) => PrusikError | undefined;
}

/** Asks for a text in the body of a step: without tools, and without readers who see it come. What it took is told to the step. @throws why there is no reply */
export async function askAside(
  { limits, clock, resets }: AgentCore,
  { limits: { wallMs } }: Pick<LoopState, 'limits'>,
  scope: Pick<StepScope, 'signal' | 'usage' | 'tell'>,
  { route, instructions, messages, input, maxOutputTokens, elapsedMs, overBy }: Aside,
): Promise<RouteReply> {
  const reply = await callRoute({
    route,
    instructions,
    prompt: (provider) => toModelMessages(messages, provider),
    tools: [],
    settings: { maxOutputTokens },
    clock,
    timeoutMs: limits.modelTimeoutMs,
    leftMs: () => wallMs - elapsedMs(),
    room: (spent) => (overBy(spent) === undefined ? Number.POSITIVE_INFINITY : undefined),
    stallMs: limits.modelStallMs,
    signal: scope.signal,
    onDelta: () => {},
    onReset: () => {},
    resets,
    estimateInput: () => input,
  });
  scope.usage(reply.usage, reply.costMicros);
  scope.tell(modelFacts(route, reply));
  if (reply.error !== undefined) throw reply.error;
  return reply;
}

/** A cost that nobody knows is what was expected at most, never nothing. */
export function chargeOf(
  { costMicros: earlier = 0 }: Spent,
  told: number | undefined,
  expected: number | 'unknown',
): { readonly costMicros?: number } {
  const cost = told ?? expected;
  const sum = cost === 'unknown' ? earlier : earlier + cost;
  return sum === 0 ? {} : { costMicros: sum };
}
