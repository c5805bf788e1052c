import {
  describeIssues,
  SUPERSEDED,
  type Decision,
  type Denial,
  type DurableContext,
  type Json,
  type StepScope,
  type ToolOutput,
} from '@prusik/core';
import { scopeOf, type AgentCore } from './agent-core.ts';
import { gateOf } from './approval.ts';
import { callFingerprint } from './define-tool.ts';
import { keepWhole } from './keep-whole.ts';
import type { PlannedCall } from './loop-types.ts';
import { contentOutput, isToolContent } from './tool-content.ts';
import { errorOutput, toToolOutput } from './tool-output.ts';
import type { AnyTool } from './tool-types.ts';
import { validate } from './validate.ts';

/** A person's yes, bound to a call. */
export interface Approval {
  readonly request: string;
  /** The input to run with: the model's, or what a person put in its place. */
  readonly input: Json;
  readonly edited: boolean;
}

/** What a call came to: what the model is told, or a value of a tool that no record can hold. */
export type Executed =
  | { readonly output: ToolOutput; readonly denied?: Denial['by'] }
  | { readonly unrecordable: unknown };

/**
 * Executes one call with the tool as it is now. Between the decision and now the tool may have gone or changed and the policy may have come to
 * another mind: whatever no longer holds closes the call without executing it. Never rejects.
 */
export async function executeCall(
  agent: AgentCore,
  ctx: DurableContext,
  call: PlannedCall & { readonly input: Json; readonly approval?: Approval },
  step: StepScope,
): Promise<Executed> {
  const { tool: name, callId, approval } = call;
  const tool = agent.tools.get(name);
  // A process that was at it was lost or gave it back; of a once tool the engine has found out that it may run.
  const begun = step.attempt > 1 && tool?.effect !== 'once';
  const refused = (code: string, why: string): Executed => ({
    output: { type: 'error', code, text: `Not executed${begun ? ` now. ${BEGUN}` : '.'} ${why}` },
  });
  const denied = (by: Denial['by'], reason: string): Executed => ({
    output: { type: 'denied', reason: begun ? `${reason} ${BEGUN}` : reason },
    denied: by,
  });
  if (tool === undefined) return refused('TOOL_GONE', `There is no tool named ${name} any more.`);
  if (call.ask !== undefined && callFingerprint(tool, call.input) !== call.ask)
    return refused(
      'TOOL_CHANGED',
      `The tool has changed since this call was approved.${begun ? '' : ' Call it again if it is still needed.'}`,
    );
  const { clock } = agent;
  const input = approval === undefined ? call.input : approval.input;
  const checked = await validate(tool.input, input, clock);
  if (checked.issues !== undefined) {
    const whose = approval?.edited ? 'The input as the reviewer edited it' : 'The input';
    return refused('TOOL_INPUT_INVALID', `${whose} is not what the tool takes: ${describeIssues(checked.issues)}`);
  }
  const scope = scopeOf(ctx);
  const { grants } = step;
  const gate = await gateOf(
    tool,
    { ...scope, tool: name, callId, input: checked.value },
    { clock, input: call.input, grants },
  );
  if (gate.does === 'deny') return denied(gate.by, gate.reason);
  if (gate.does === 'ask' && approval === undefined)
    return call.granted === undefined
      ? denied('policy', 'This call needs an approval now. Call the tool again to ask for it.')
      : denied('grant', 'What allowed this call was taken back. Call the tool again to ask for an approval.');
  const { signal, idempotencyKey, note, notes, slots } = step;
  // What a policy does to its input must not reach the tool: that is not what was decided about.
  const own = tool.policy === undefined ? checked : await validate(tool.input, input, clock);
  if (own.issues !== undefined) return refused('TOOL_INPUT_INVALID', describeIssues(own.issues));
  let value: unknown;
  try {
    value = await tool.execute(own.value, { ...scope, signal, idempotencyKey, callId, note, notes, slots });
  } catch (thrown) {
    return { output: errorOutput(thrown) };
  }
  return recordable(value, tool, step);
}

/** What the model must know before it repeats a call that is refused now. */
const BEGUN = 'It may have been begun before and cut off, so it may have happened: find out before you repeat it.';

async function recordable(value: unknown, tool: AnyTool, step: StepScope): Promise<Executed> {
  let output: ToolOutput;
  try {
    output = isToolContent(value) ? await contentOutput(value, tool, step.putBlob) : toToolOutput(value, tool);
  } catch {
    return { unrecordable: value };
  }
  return { output: await keepWhole(value, output, step) };
}

/** A decision that lets the call run; anything else is how the model is told no. */
export function approvalOf(
  decision: Decision & { readonly request: string },
  input: Json,
): Approval | { readonly denied: string; readonly by: Denial['by'] } {
  const { request } = decision;
  switch (decision.status) {
    case 'approved':
      return { request, input, edited: false };
    case 'edited':
      // An edit that says nothing is not the model's input again: nobody approved that.
      return { request, input: decision.value ?? null, edited: true };
    case 'expired':
      return { denied: 'Nobody approved this call in time.', by: 'expired' };
    case 'withdrawn':
      return { denied: withdrawn(decision.reason), by: 'withdrawn' };
    case 'rejected':
    case 'answered':
      return { denied: decision.reason ?? 'A person rejected this call.', by: 'person' };
    default:
      return decision.status satisfies never;
  }
}

/** A new message in the session is the one reason that helps the model to go on. */
const withdrawn = (reason: string | undefined): string =>
  reason === SUPERSEDED
    ? 'The request for approval was withdrawn, because the user has said something else since.'
    : 'The request for approval was withdrawn.';
