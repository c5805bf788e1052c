import type { Json, PartialReason, StepScope, ToolOutput } from '@prusik/core';
import { childInput } from './agent-tool.ts';
import { toolOf } from './agent-core.ts';
import type { AgentRun } from './agent-run.ts';
import type { CallEvent } from './call-machine.ts';
import type { ChildSpec, Returned } from './child-calls.ts';
import type { Approval } from './decided-call.ts';
import { keepWhole } from './keep-whole.ts';
import type { PlannedCall } from './loop-types.ts';
import { appendResult, editNote, isReceipt, type Receipt } from './receipt.ts';
import { recheckCall } from './recheck-call.ts';
import { DEFAULT_CAP, errorOutput, toToolOutput, type OutputCap } from './tool-output.ts';

/** What the calls of a round have in common. */
export interface RoundOfCalls {
  readonly readInput: (callId: string) => Promise<Json>;
  /** What is left of the run's time, or less. */
  readonly leftMs: (atMost?: number) => number;
}

/** The calls of a round whose tools are agents. */
export interface DelegatedCalls {
  /** The gate, which looks at the call once more and uses its approval up, and then the child. */
  delegate(call: PlannedCall, approval: Approval | undefined): Promise<CallEvent>;
  /** Stores what came of it as the call's result. */
  storeReturned(call: PlannedCall, returned: Returned, edited: Json | undefined): Promise<CallEvent>;
}

export function delegatedCalls(
  { agent, ctx, children, messageId }: AgentRun,
  step: number,
  { readInput, leftMs }: RoundOfCalls,
): DelegatedCalls {
  async function delegate(call: PlannedCall, approval: Approval | undefined): Promise<CallEvent> {
    const { callId, tool } = call;
    const key = `gate:${step}:${callId}`;
    const id = messageId(key);
    const gate = async (scope: StepScope): Promise<Receipt | ChildSpec> => {
      const input = await readInput(callId);
      const rechecked = await recheckCall(
        agent,
        ctx,
        { ...call, input, ...(approval ? { approval } : {}) },
        scope.grants,
        false,
      );
      if ('output' in rechecked) {
        if (rechecked.denied !== undefined) scope.deny({ callId, tool, by: rechecked.denied });
        return appendResult(scope, id, call, rechecked.output);
      }
      const { delegates } = rechecked.tool;
      if (delegates === undefined) throw new TypeError(`The tool ${tool} is no agent`);
      return { definition: delegates.agent.name, gives: delegates.gives, options: delegates.options };
    };
    let gated: Receipt | ChildSpec;
    try {
      gated = await ctx.step(key, gate, {
        name: tool,
        ...(approval === undefined ? {} : { claimRequest: approval.request }),
      });
    } catch (error) {
      return { callId, stage: { at: 'settled', output: errorOutput(error) } };
    }
    if (isReceipt(gated, id)) return { callId, stage: { at: 'closed', tokens: gated.tokens } };
    const child = gated as ChildSpec;
    const input = childInput(child, approval?.input ?? (await readInput(callId)));
    const timeoutMs = leftMs(child.options.timeoutMs);
    const returned = await children.call(tool, `agent:${step}:${callId}`, input, {
      definition: child.definition,
      options: { ...child.options, ...(Number.isFinite(timeoutMs) ? { timeoutMs } : {}) },
    });
    const edited = approval?.edited ? { edited: approval.input } : {};
    return { callId, stage: { at: 'returned', returned, ...edited } };
  }

  async function storeReturned(call: PlannedCall, returned: Returned, edited: Json | undefined): Promise<CallEvent> {
    const { callId, tool: name } = call;
    const key = `result:${step}:${callId}`;
    const body = async (scope: StepScope): Promise<Receipt> => {
      const output = await outputOf(returned, toolOf(agent, call) ?? DEFAULT_CAP, scope);
      const receipt = appendResult(scope, messageId(key), call, output, 'child-result');
      if (edited !== undefined) scope.append(editNote(messageId(`${key}:edit`), call, edited));
      return receipt;
    };
    const stored = await ctx.step(key, body, { name });
    return { callId, stage: { at: 'closed', tokens: stored.tokens } };
  }

  return { delegate, storeReturned };
}

async function outputOf(returned: Returned, cap: OutputCap, scope: StepScope): Promise<ToolOutput> {
  if (!returned.ok) return errorOutput(returned.error);
  const { output, partial } = returned.result;
  if (partial === undefined) return keepWhole(output, toToolOutput(output, cap), scope);
  if (typeof output !== 'string') return keepWhole(output, toToolOutput({ partial, output }, cap), scope);
  const shown = await keepWhole(output, toToolOutput(output, cap), scope);
  return shown.type === 'text' ? { ...shown, text: `${shown.text}\n${notWhole(partial)}` } : shown;
}

/** Behind the text, where no cap can take it away. */
const notWhole = ({ code, message }: PartialReason): string => `[This is not the whole: ${code}: ${message}]`;
