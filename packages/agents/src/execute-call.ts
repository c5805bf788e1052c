import {
  cutText,
  isInDoubt,
  isPrusikError,
  primaryError,
  type CallNeeds,
  type Denial,
  type DurableContext,
  type StepScope,
  type ToolOutput,
} from '@prusik/core';
import { scopeOf, toolOf, type AgentCore } from './agent-core.ts';
import { isCallNeeds } from './call-needs.ts';
import { outcomeOutput } from './call-outcome.ts';
import { keepWhole } from './keep-whole.ts';
import { givenTo, type Needing } from './needing.ts';
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

/** Of one piece of progress. */
const PROGRESS_CHARS = 2_000;

/** Executes one call with the tool as it is now; one that no longer holds is closed without executing it. Rejects only with what has no room. */
export async function executeCall(
  agent: AgentCore,
  ctx: DurableContext,
  call: AllowedCall,
  step: StepScope,
): Promise<Executed> {
  // A process that was at it was lost or gave it back; of a once tool the engine has found out that it may run.
  const mayBeBegun = (step.attempt > 1 || call.isTakenUp === true) && toolOf(agent, call)?.effect !== 'once';
  const begun = call.answered !== undefined || mayBeBegun;
  const rechecked = await recheckCall(agent, ctx, call, step.grants, begun);
  if ('output' in rechecked) return rechecked;
  const { tool, value: input } = rechecked;
  const { signal, idempotencyKey, note, notes, artifact, slots, metrics, trace } = step;
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
      artifact,
      slots,
      metrics,
      trace,
      progress: (text) => step.delta(`${cutText(text, PROGRESS_CHARS)}\n`),
      ...givenTo(answered),
    });
  } catch (thrown) {
    if (isForTheEngine(thrown, tool)) throw thrown;
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

/**
 * It did nothing for want of room, and is asked again as any step is; nobody knows whether it happened, which the engine has a word for; or it is far away and
 * may be asked once more.
 */
function isForTheEngine(thrown: unknown, { source, effect }: AnyTool): boolean {
  if (wasRefused(thrown) || isInDoubt(thrown)) return true;
  if (source === undefined || effect === 'once') return false;
  const error = primaryError(thrown);
  return isPrusikError(error) && error.retryable;
}

async function recordable(value: unknown, tool: AnyTool, step: StepScope): Promise<Executed> {
  if (tool.source !== undefined) return { output: await outcomeOutput(value, tool, step) };
  let output: ToolOutput;
  try {
    output = isToolContent(value) ? await contentOutput(value, tool, step) : toToolOutput(value, tool);
  } catch {
    return { unrecordable: value };
  }
  return { output: output.type === 'text' ? await keepWhole(value, output, step) : output };
}
