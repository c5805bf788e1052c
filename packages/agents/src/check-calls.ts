import { describeIssues, type DurableContext, type ToolOutput, type ToolResultPart } from '@prusik/core';
import { scopeOf, type AgentCore } from './agent-core.ts';
import { gateOf } from './approval.ts';
import { callFingerprint } from './define-tool.ts';
import { invalidInput, type AdmittedCall } from './judge-reply.ts';
import { inDoubtOf, type PlannedCall } from './loop-types.ts';
import { resultOf } from './stored-messages.ts';
import { validate } from './validate.ts';

/** The calls of a reply that are to run, and the results of those that are refused at once. */
export interface CheckedCalls {
  readonly planned: readonly PlannedCall[];
  readonly refused: readonly ToolResultPart[];
}

/** Asks schemas and policies about the calls. What comes of it is recorded, so a later build cannot decide otherwise. */
export async function checkCalls(
  agent: AgentCore,
  ctx: DurableContext,
  calls: readonly AdmittedCall[],
): Promise<CheckedCalls> {
  const checked = await Promise.all(calls.map((call) => check(agent, ctx, call)));
  return {
    planned: checked.flatMap((one) => ('plan' in one ? [one.plan] : [])),
    refused: checked.flatMap((one, index) => {
      const part = calls[index]?.part;
      return 'plan' in one || part === undefined ? [] : [resultOf(part, one.refusal)];
    }),
  };
}

type Checked = { readonly plan: PlannedCall } | { readonly refusal: ToolOutput };

async function check(agent: AgentCore, ctx: DurableContext, { part, refusal }: AdmittedCall): Promise<Checked> {
  const { callId, tool: name, input } = part;
  const tool = agent.tools.get(name);
  if (refusal !== undefined || tool === undefined) return { refusal: refusal ?? invalidInput('there is no such tool') };
  const checked = await validate(tool.input, input, agent.clock);
  if (checked.issues !== undefined) return { refusal: invalidInput(describeIssues(checked.issues)) };
  const gate = await gateOf(tool, { ...scopeOf(ctx), tool: name, callId, input: checked.value }, agent.clock);
  if (gate.does === 'deny') return { refusal: { type: 'denied', reason: gate.reason } };
  const plan: PlannedCall = {
    callId,
    tool: name,
    ...(gate.does === 'ask' ? { ask: callFingerprint(tool, input) } : {}),
    ...(tool.parallel ? {} : { alone: true }),
  };
  return { plan: inDoubtOf(plan) === tool.inDoubt ? plan : { ...plan, inDoubt: tool.inDoubt } };
}
