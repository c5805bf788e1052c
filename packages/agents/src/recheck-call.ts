import {
  describeIssues,
  type Denial,
  type DurableContext,
  type Json,
  type StepScope,
  type ToolOutput,
} from '@prusik/core';
import { scopeOf, toolOf, type AgentCore } from './agent-core.ts';
import { gateOf } from './approval.ts';
import { callFingerprint } from './define-tool.ts';
import type { Approval } from './decided-call.ts';
import type { PlannedCall } from './loop-types.ts';
import type { Answered } from './needing.ts';
import type { AnyTool } from './tool-types.ts';
import { validate } from './validate.ts';

/** A call that was allowed, with the input that it is to have. */
export interface AllowedCall extends PlannedCall {
  readonly input: Json;
  readonly approval?: Approval;
  /** Of a call that was executed before and had to be answered first. */
  readonly answered?: Answered;
  /** No time of the run was left when it was to be executed. */
  readonly isLate?: boolean;
  /** Another drive may have been at it: what happens any number of times stands in no record before its outcome. */
  readonly isTakenUp?: boolean;
}

/** A call that may still run: the tool as it is now, and the input as its schema gives it. Or what the model is told instead. */
export type Rechecked =
  | { readonly tool: AnyTool; readonly value: unknown }
  | { readonly output: ToolOutput; readonly denied?: Denial['by'] };

/**
 * Looks at a call once more with the tool as it is now. Between the decision and now the tool may have gone or changed and the policy may have come to
 * another mind: whatever no longer holds closes the call. `begun`: an earlier execution may have been at it.
 */
export async function recheckCall(
  agent: AgentCore,
  ctx: DurableContext,
  call: AllowedCall,
  grants: StepScope['grants'],
  begun: boolean,
): Promise<Rechecked> {
  const { tool: name, callId, approval, answered } = call;
  const { clock } = agent;
  const tool = toolOf(agent, call);
  const refused = (code: string, why: string): Rechecked => ({
    output: { type: 'error', code, text: `Not executed${begun ? ` now. ${BEGUN}` : '.'} ${why}` },
  });
  const changed = (since: string): Rechecked =>
    refused(
      'TOOL_CHANGED',
      `The tool has changed since this call was ${since}.${begun ? '' : ' Call it again if it is still needed.'}`,
    );
  const denied = (by: Denial['by'], reason: string): Rechecked => ({
    output: { type: 'denied', reason: begun ? `${reason} ${BEGUN}` : reason },
    denied: by,
  });
  // Begun all the same it would be told to stop at once, and one that may happen once would be in doubt.
  if (call.isLate === true) return refused('AGENT_TIME_LIMIT', 'The time of the agent is up.');
  if (tool === undefined) return refused('TOOL_GONE', `There is no tool named ${name} any more.`);
  if (call.ask !== undefined && callFingerprint(tool, call.input) !== call.ask) return changed('approved');
  if (answered !== undefined && answered.toolHash !== tool.hash) return changed('begun');
  if ((tool.delegates !== undefined) !== (call.delegates === true)) return changed('planned');
  const input = approval === undefined ? call.input : approval.input;
  const checked = await validate(tool.input, input, clock);
  if (checked.issues !== undefined) {
    const whose = approval?.edited ? 'The input as the reviewer edited it' : 'The input';
    return refused('TOOL_INPUT_INVALID', `${whose} is not what the tool takes: ${describeIssues(checked.issues)}`);
  }
  const gate = await gateOf(
    tool,
    { ...scopeOf(ctx), tool: name, callId, input: checked.value },
    { clock, input: call.input, grants },
  );
  if (gate.does === 'deny') return denied(gate.by, gate.reason);
  if (gate.does === 'ask' && approval === undefined)
    return call.granted === undefined
      ? denied('policy', 'This call needs an approval now. Call the tool again to ask for it.')
      : denied('grant', 'What allowed this call was taken back. Call the tool again to ask for an approval.');
  // What a policy does to its input must not reach the tool: that is not what was decided about.
  const own = tool.policy === undefined ? checked : await validate(tool.input, input, clock);
  if (own.issues !== undefined) return refused('TOOL_INPUT_INVALID', describeIssues(own.issues));
  return { tool, value: own.value };
}

/** What the model must know before it repeats a call that is refused now. */
const BEGUN = 'It may have been begun before and cut off, so it may have happened: find out before you repeat it.';
