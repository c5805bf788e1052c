import type { ToolDefinition } from '@prusik/agents';
import { hashJson, type ApprovalBody, type DurableContext, type Json } from '@prusik/core';

/** How a call that a person had to allow ended. */
export type GatedResult<Output> =
  | { readonly done: true; readonly output: Output; readonly edited: boolean }
  | { readonly done: false; readonly reason?: string };

/**
 * Calls a tool from a workflow as an agent would: a person decides about exactly this call, the decision is used up by one
 * execution, and an execution of which nobody knows whether it happened is asked about, not repeated.
 */
export async function gatedCall<Input extends Json, Output, Deps>(
  ctx: Pick<DurableContext<Deps>, 'run' | 'deps' | 'request' | 'step'>,
  key: string,
  tool: ToolDefinition<string, Input, Output, Deps, Json>,
  input: Input,
  /** The input as a person changed it, made valid; throws when it cannot be. */
  readEdit: (value: Json) => Input,
): Promise<GatedResult<Output>> {
  const fingerprint = hashJson([tool.hash, input]);
  const body: ApprovalBody = { tool: tool.name, callId: key, input, fingerprint };
  const decision = await ctx.request(`${key}:approval`, { kind: 'approval', body });
  if (decision.status !== 'approved' && decision.status !== 'edited') {
    return { done: false, ...(decision.reason === undefined ? {} : { reason: decision.reason }) };
  }
  const edited = decision.status === 'edited';
  const final = edited ? readEdit(decision.value ?? null) : input;
  const { context } = ctx.run;
  const scope = { context, deps: ctx.deps, callId: key, run: ctx.run };
  const output = await ctx.step(key, (step) => tool.execute(final, { ...scope, ...step }), {
    kind: 'tool',
    name: tool.name,
    effect: tool.effect,
    fingerprint: hashJson([tool.hash, final]),
    claimRequest: decision.request,
    timeoutMs: tool.timeoutMs,
    inDoubt: 'ask',
    ...(tool.check ? { check: (step) => tool.check?.(final, { ...scope, ...step }) ?? { became: 'unknown' } } : {}),
  });
  return { done: true, output, edited };
}
