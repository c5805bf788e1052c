import {
  describeIssues,
  OPEN_REQUEST_LIMIT,
  sparse,
  type Denial,
  type DurableContext,
  type StepScope,
  type ToolOutput,
  type ToolResultPart,
} from '@prusik/core';
import { scopeOf, type AgentCore } from './agent-core.ts';
import { gateOf } from './approval.ts';
import { unattended } from './answer-output.ts';
import { callFingerprint } from './define-tool.ts';
import { invalidInput, type AdmittedCall } from './judge-reply.ts';
import { inDoubtOf, type PlannedCall } from './loop-types.ts';
import { resultOf } from './stored-messages.ts';
import { validate } from './validate.ts';

/** The calls of a reply that are to run, and the results of those that are refused at once. */
export interface CheckedCalls {
  readonly planned: readonly PlannedCall[];
  readonly refused: readonly ToolResultPart[];
  readonly denied: readonly Denial[];
}

/** Asks schemas and policies about the calls. What comes of it is recorded, so a later build cannot decide otherwise. */
export async function checkCalls(
  agent: AgentCore,
  ctx: DurableContext,
  calls: readonly AdmittedCall[],
  grants: StepScope['grants'],
): Promise<CheckedCalls> {
  const checked = withinRequests(await Promise.all(calls.map((call) => check(agent, ctx, call, grants))));
  return {
    planned: checked.flatMap((one) => ('plan' in one ? [one.plan] : [])),
    refused: checked.flatMap((one, index) => {
      const part = calls[index]?.part;
      return 'plan' in one || part === undefined ? [] : [resultOf(part, one.refusal)];
    }),
    denied: checked.flatMap((one, index) => {
      const part = calls[index]?.part;
      if ('plan' in one || one.denied === undefined || part === undefined) return [];
      return [{ callId: part.callId, tool: part.tool, by: one.denied }];
    }),
  };
}

type Checked = { readonly plan: PlannedCall } | { readonly refusal: ToolOutput; readonly denied?: Denial['by'] };

const TOO_MANY: ToolOutput = {
  type: 'error',
  code: 'TOO_MANY_REQUESTS',
  text: `Not executed: ${OPEN_REQUEST_LIMIT} other calls of this reply wait for a person. Call it again once they are decided.`,
};

/** A run has so many open requests; the calls behind them are told so, since one request too many would block the run. */
function withinRequests(checked: readonly Checked[]): readonly Checked[] {
  let asked = 0;
  return checked.map((one) => {
    if (!('plan' in one) || (one.plan.ask === undefined && one.plan.asks === undefined)) return one;
    asked += 1;
    return asked > OPEN_REQUEST_LIMIT ? { refusal: TOO_MANY } : one;
  });
}

async function check(
  agent: AgentCore,
  ctx: DurableContext,
  { part, refusal }: AdmittedCall,
  grants: StepScope['grants'],
): Promise<Checked> {
  const { callId, tool: name, input } = part;
  const tool = agent.tools.get(name);
  if (refusal !== undefined || tool === undefined) return { refusal: refusal ?? invalidInput('there is no such tool') };
  const checked = await validate(tool.input, input, agent.clock);
  if (checked.issues !== undefined) return { refusal: invalidInput(describeIssues(checked.issues)) };
  const { clock } = agent;
  const gate = await gateOf(
    tool,
    { ...scopeOf(ctx), tool: name, callId, input: checked.value },
    { clock, input, grants },
  );
  if (gate.does === 'deny') return { refusal: { type: 'denied', reason: gate.reason }, denied: gate.by };
  if (tool.asks !== undefined && !ctx.run.attended) return { refusal: unattended(tool, tool.asks) };
  const ask = gate.does === 'ask' ? callFingerprint(tool, input) : undefined;
  const plan = sparse<PlannedCall>({
    callId,
    tool: name,
    source: tool.source,
    ask,
    toolHash: gate.does === 'ask' && gate.grantable ? tool.hash : undefined,
    granted: gate.does === 'run' ? gate.grant : undefined,
    asks: tool.asks?.kind,
    delegates: tool.delegates === undefined ? undefined : true,
    alone: tool.parallel ? undefined : true,
    inDoubt: undefined,
  });
  return { plan: inDoubtOf(plan) === tool.inDoubt ? plan : { ...plan, inDoubt: tool.inDoubt } };
}
