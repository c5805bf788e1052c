import {
  isPrusikError,
  primaryError,
  type CheckResult,
  type CheckScope,
  type Decision,
  type DurableContext,
  type Json,
  type PrusikError,
  type StepOptions,
  type StepScope,
  type ToolOutput,
} from '@prusik/core';
import { scopeOf, toolOf, type AgentCore } from './agent-core.ts';
import type { AgentRun } from './agent-run.ts';
import { askNeeds } from './ask-needs.ts';
import { answerOutput, questionBody } from './answer-output.ts';
import type { CallAction, CallEvent, Denied } from './call-machine.ts';
import { delegatedCalls } from './delegated-call.ts';
import { approvalOf, type Approval } from './decided-call.ts';
import { executeCall } from './execute-call.ts';
import { inDoubtOf, type PlannedCall } from './loop-types.ts';
import type { Action, LoopState, Sampled } from './loop.ts';
import { givenTo, isNeeding, type Answered, type Needing } from './needing.ts';
import { wasRefused } from './model-error.ts';
import { callKey } from './once-calls.ts';
import { appendResult, editNote, isReceipt, toolFacts, type Receipt } from './receipt.ts';
import { describeError } from './redact.ts';
import { samplesOf, type Samples } from './sample-step.ts';
import { SOURCE_LIMITS } from './source-limits.ts';
import { DEFAULT_CAP, errorOutput, toToolOutput } from './tool-output.ts';
import type { AnyTool } from './tool-types.ts';
import { validate } from './validate.ts';

export type Round = Extract<Action, { do: 'call-tools' }>;

export interface CallActor {
  /** Does what is due for a call, and tells what it came to. */
  act(action: CallAction): Promise<CallEvent>;
  /** What models were asked for by tools so far. */
  sampled(): Sampled;
}

export async function callActor(run: AgentRun, state: LoopState, { step, message, calls }: Round): Promise<CallActor> {
  const { agent, ctx, messageId } = run;
  const { limits } = state;
  let samples: Samples | undefined;
  const take: Samples['take'] = (...sample) => (samples ??= samplesOf(run, state)).take(...sample);
  let inputs: Promise<ReadonlyMap<string, Json>> | undefined;
  const readInput = async (callId: string): Promise<Json> =>
    (await (inputs ??= inputsOf(ctx, message))).get(callId) ?? null;
  // Read before the calls part: while a branch reads on its own, another's new step looks like one that replaced a recorded one.
  if (calls.some(({ ask, asks, delegates }) => (ask ?? asks ?? delegates) !== undefined)) await readInput('');

  const leftMs = (atMost = Number.POSITIVE_INFINITY): number =>
    Math.max(1, Math.min(atMost, limits.wallMs - run.elapsedMs()));

  /** The request is bound to what was recorded with the reply, not to the tool as it is now: on replay it must be the same one. */
  async function askPerson(call: PlannedCall, fingerprint: string): Promise<CallEvent> {
    const { callId, tool, toolHash, source } = call;
    const input = await readInput(callId);
    const known = toolOf(agent, call);
    const expiresInMs = leftMs(known?.approvalExpiresMs);
    const decision = await ctx.request(`approve:${step}:${callId}`, {
      kind: 'approval',
      body: {
        tool,
        callId,
        input,
        fingerprint,
        ...(toolHash === undefined ? {} : { toolHash }),
        ...(source === undefined ? {} : { source }),
      },
      ...(known === undefined ? {} : { schema: known.inputJsonSchema }),
      ...(Number.isFinite(expiresInMs) ? { expiresInMs } : {}),
    });
    const approval = approvalOf(decision, input);
    return 'denied' in approval
      ? {
          callId,
          stage: {
            at: 'settled',
            output: { type: 'denied', reason: approval.denied },
            denied: { by: approval.by, request: decision.request },
          },
        }
      : { callId, stage: { at: 'allowed', approval } };
  }

  /** Whoever executes it in our place: a person, or the program that one uses. */
  async function question(call: PlannedCall, kind: NonNullable<PlannedCall['asks']>): Promise<CallEvent> {
    const { callId, tool } = call;
    const input = await readInput(callId);
    const asks = toolOf(agent, call)?.asks;
    const expiresInMs = leftMs(asks?.expiresInMs);
    const decision = await ctx.request(`ask:${step}:${callId}`, {
      kind,
      body: kind === 'question' ? questionBody(tool, callId, input) : { tool, callId, input },
      ...(asks === undefined ? {} : { schema: asks.answerJsonSchema }),
      ...(Number.isFinite(expiresInMs) ? { expiresInMs } : {}),
    });
    return { callId, stage: { at: 'answered', decision } };
  }

  /** The answer is looked at in the step that stores it: what the tool's schema says now is asked once. */
  async function storeAnswer(call: PlannedCall, decision: Decision): Promise<CallEvent> {
    const key = `result:${step}:${call.callId}`;
    const body = async (scope: StepScope): Promise<Receipt> =>
      appendResult(scope, messageId(key), call, await answerOutput(toolOf(agent, call), decision, agent.clock));
    const stored = await ctx.step(key, body, { name: call.tool });
    return { callId: call.callId, stage: { at: 'closed', tokens: stored.tokens } };
  }

  async function execute(
    call: PlannedCall,
    approval: Approval | undefined,
    answered: Answered | undefined,
  ): Promise<CallEvent> {
    const { callId } = call;
    const tool = toolOf(agent, call);
    const key = answered === undefined ? callKey(step, callId) : `tool:${step}.${answered.round}:${callId}`;
    const id = messageId(key);
    const isLate = run.elapsedMs() >= limits.wallMs;
    const given = {
      isLate,
      // An approval is used up on record before the call is executed.
      isTakenUp: approval === undefined && !run.madeHere.has(step),
      ...(approval === undefined ? {} : { approval }),
      ...(answered === undefined ? {} : { answered }),
    };
    const body = async (scope: StepScope): Promise<unknown> => {
      // Also of an execution that is stopped, or throws.
      scope.tell(toolFacts(call));
      const input = await readInput(callId);
      const executed = await executeCall(agent, ctx, { ...call, input, ...given }, scope);
      // A result that no record can hold is handed on as it is: the engine knows what that means for the step's effect.
      if ('unrecordable' in executed) return executed.unrecordable;
      if ('needing' in executed) return { asks: id, ...executed.needing } satisfies Needing;
      if (executed.denied !== undefined) scope.deny({ callId, tool: call.tool, by: executed.denied });
      const stored = appendResult(scope, id, call, executed.output);
      if (approval?.edited) scope.append(editNote(messageId(`${key}:edit`), call, approval.input));
      return stored;
    };
    let value: unknown;
    try {
      // The yes of a person is used up by the first execution; the others go on with it.
      value = await ctx.step(key, body, stepOptions(call, tool, approval, answered));
    } catch (error) {
      const inDoubt = isPrusikError(error, 'STEP_IN_DOUBT');
      if (inDoubt && inDoubtOf(call) === 'fail') throw error;
      // Of a cancelled run the closing step is rejected too, and with it the loop.
      return { callId, stage: { at: 'settled', output: inDoubt ? unknownOutcome(error) : errorOutput(error) } };
    }
    if (isNeeding(value, id))
      return { callId, stage: { at: 'needing', needing: value, ...(approval === undefined ? {} : { approval }) } };
    // An outcome that this step's body did not give (`check` found it, a person said it) has no message yet.
    return isReceipt(value, id)
      ? { callId, stage: { at: 'closed', tokens: value.tokens } }
      : { callId, stage: { at: 'settled', output: foundOutput(value, tool) } };
  }

  /** It holds no place until all that it needs is answered. */
  async function suspend(call: PlannedCall, needing: Needing, approval: Approval | undefined): Promise<CallEvent> {
    const { callId } = call;
    const { round } = needing;
    const key = (what: string, need: number): string => `${what}:${step}.${round}.${need}:${callId}`;
    const answered = await askNeeds(needing, { ctx, call, key, leftMs, take });
    return { callId, stage: { at: 'allowed', ...(approval === undefined ? {} : { approval }), answered } };
  }

  /** The result of a call that no execution gave, in a commit of its own. */
  async function close(call: PlannedCall, output: ToolOutput, denied?: Denied): Promise<CallEvent> {
    const { callId, tool: name } = call;
    const key = `result:${step}:${callId}`;
    const body = (scope: StepScope): Receipt => {
      if (denied !== undefined) scope.deny({ callId, tool: name, ...denied });
      return appendResult(scope, messageId(key), call, output);
    };
    const stored = await ctx.step(key, body, { name });
    return { callId, stage: { at: 'closed', tokens: stored.tokens } };
  }

  function stepOptions(
    call: PlannedCall,
    tool: AnyTool | undefined,
    approval: Approval | undefined,
    answered: Answered | undefined,
  ): StepOptions {
    const timeoutMs = leftMs(tool?.timeoutMs);
    return {
      kind: 'tool',
      name: call.tool,
      // Of a tool that is gone nothing is executed; what an earlier process began is told by its intent.
      effect: tool?.effect ?? 'repeatable',
      inDoubt: inDoubtOf(call) === 'ask' ? 'ask' : 'fail',
      ...(Number.isFinite(timeoutMs) ? { timeoutMs } : {}),
      // It may be far away, and nobody has written the tool with this program in mind: what may pass is waited out, for as long as the call might take.
      ...(tool?.source === undefined
        ? {}
        : { retry: { attempts: SOURCE_LIMITS.attempts, capacityWaitMs: timeoutMs, retryable: mayPass } }),
      ...(approval !== undefined && answered === undefined ? { claimRequest: approval.request } : {}),
      ...(tool?.check === undefined
        ? {}
        : {
            check: async (scope) =>
              runCheck(agent, ctx, tool, call, approval?.input ?? (await readInput(call.callId)), {
                ...scope,
                ...givenTo(answered),
              }),
          }),
    };
  }

  const { delegate, storeReturned } = delegatedCalls(run, step, { readInput, leftMs });
  const act = async (action: CallAction): Promise<CallEvent> => {
    switch (action.do) {
      case 'ask':
        return askPerson(action.call, action.ask);
      case 'execute':
        return execute(action.call, action.approval, action.answered);
      case 'ask-needs':
        return suspend(action.call, action.needing, action.approval);
      case 'delegate':
        return delegate(action.call, action.approval);
      case 'store-returned':
        return storeReturned(action.call, action.returned, action.edited);
      case 'close':
        return close(action.call, action.output, action.denied);
      case 'question':
        return question(action.call, action.kind);
      case 'store-answer':
        return storeAnswer(action.call, action.decision);
      default:
        return action satisfies never;
    }
  };
  return {
    act,
    sampled: () => samples?.sampled() ?? NOTHING_SAMPLED,
  };
}

const NOTHING_SAMPLED: Sampled = { samples: 0, tokens: 0, costMicros: 0 };

/** What took all of its time is not begun anew: it would take as long again. */
function mayPass(thrown: unknown): boolean {
  const error = primaryError(thrown);
  return wasRefused(thrown) || (isPrusikError(error) && error.retryable && error.code !== 'STEP_TIMEOUT');
}

const unknownOutcome = (error: PrusikError): ToolOutput => ({
  type: 'error',
  code: error.code,
  text: `${describeError(error).replace(/\.$/, '')}. Find out whether it happened before you repeat it.`,
});

const foundOutput = (value: unknown, tool: AnyTool | undefined): ToolOutput =>
  value === undefined
    ? { type: 'text', text: 'It happened. Its output is not known.' }
    : toToolOutput(value, tool ?? DEFAULT_CAP);

async function runCheck(
  { clock }: AgentCore,
  ctx: DurableContext,
  tool: AnyTool,
  { callId }: PlannedCall,
  input: Json,
  scope: CheckScope & ReturnType<typeof givenTo>,
): Promise<CheckResult> {
  const checked = await validate(tool.input, input, clock);
  if (checked.issues !== undefined || tool.check === undefined) return { became: 'unknown' };
  return tool.check(checked.value, { ...scopeOf(ctx), ...scope, callId });
}

async function inputsOf(ctx: DurableContext, message: string): Promise<ReadonlyMap<string, Json>> {
  const stored = (await ctx.thread.read()).findLast((one) => one.message.id === message);
  return new Map(
    (stored?.message.content ?? []).flatMap((part) => (part.type === 'tool-call' ? [[part.callId, part.input]] : [])),
  );
}
