import { type CallNeeds, type Denial, type DurableContext, type StepScope, type ToolOutput } from '@prusik/core';
import { scopeOf, type AgentCore } from './agent-core.ts';
import { isCallNeeds } from './call-needs.ts';
import { keepWhole } from './keep-whole.ts';
import type { Needing } from './needing.ts';
import { recordNeeds } from './record-needs.ts';
import { recheckCall, type AllowedCall } from './recheck-call.ts';
import { contentOutput, isToolContent } from './tool-content.ts';
import { wasRefused } from './model-error.ts';
import { errorOutput, toToolOutput } from './tool-output.ts';
import type { AnyTool } from './tool-types.ts';

/** What a call came to: what the model is told, or a value of a tool that no record can hold. */
export type Executed =
  | { readonly output: ToolOutput; readonly denied?: Denial['by'] }
  /** It cannot go on before somebody has said something. */
  | { readonly needing: Omit<Needing, 'asks'> }
  | { readonly unrecordable: unknown };

/** Executes one call with the tool as it is now; one that no longer holds is closed without executing it. Rejects only with what has no room. */
export async function executeCall(
  agent: AgentCore,
  ctx: DurableContext,
  call: AllowedCall,
  step: StepScope,
): Promise<Executed> {
  // A process that was at it was lost or gave it back; of a once tool the engine has found out that it may run.
  const begun = call.answered !== undefined || (step.attempt > 1 && agent.tools.get(call.tool)?.effect !== 'once');
  const rechecked = await recheckCall(agent, ctx, call, step.grants, begun);
  if ('output' in rechecked) return rechecked;
  const { tool, value: input } = rechecked;
  const { signal, idempotencyKey, note, notes, slots } = step;
  const { answered } = call;
  let value: unknown;
  try {
    value = await tool.execute(input, {
      ...scopeOf(ctx),
      signal,
      idempotencyKey,
      callId: call.callId,
      note,
      notes,
      slots,
      ...(answered === undefined ? {} : { answers: answered.answers, state: answered.state }),
    });
  } catch (thrown) {
    // It did nothing for want of room: the engine asks it again, as it does with any step.
    if (wasRefused(thrown)) throw thrown;
    return { output: errorOutput(thrown) };
  }
  return isCallNeeds(value) ? needingOf(agent, ctx, call, tool.hash, value) : recordable(value, tool, step);
}

/** A need that is none is the tool's failure, which the model reads. */
function needingOf(
  { sampling }: AgentCore,
  { run: { attended } }: DurableContext,
  { answered }: AllowedCall,
  toolHash: string,
  needs: CallNeeds,
): Executed {
  try {
    return { needing: recordNeeds(needs, { toolHash, rounds: answered?.round ?? 0, attended, sampling }) };
  } catch (error) {
    return { output: errorOutput(error) };
  }
}

async function recordable(value: unknown, tool: AnyTool, step: StepScope): Promise<Executed> {
  let output: ToolOutput;
  try {
    output = isToolContent(value) ? await contentOutput(value, tool, step.putBlob) : toToolOutput(value, tool);
  } catch {
    return { unrecordable: value };
  }
  return { output: output.type === 'text' ? await keepWhole(value, output, step) : output };
}
