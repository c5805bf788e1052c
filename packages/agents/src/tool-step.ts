import {
  isPrusikError,
  type PrusikError,
  type ApprovalBody,
  type CheckResult,
  type CheckScope,
  type DurableContext,
  type Json,
  type StepOptions,
  type StepScope,
  type ToolOutput,
} from '@prusik/core';
import { scopeOf } from './agent-core.ts';
import type { AgentRun } from './agent-run.ts';
import { approvalOf, executeCall, type Approval } from './execute-call.ts';
import type { Action, PlannedCall } from './loop.ts';
import { describeError } from './redact.ts';
import { resultOf, toolMessage, userNote } from './stored-messages.ts';
import { errorOutput, toToolOutput } from './tool-output.ts';
import type { AnyTool } from './tool-types.ts';
import { validate } from './validate.ts';

type Round = Extract<Action, { do: 'call-tools' }>;
type ReadInput = (callId: string) => Promise<Json>;

/** Every call of a reply, closed when this resolves: asked about where it must be, executed once, its result stored. */
export async function toolSteps(run: AgentRun, round: Round): Promise<void> {
  let inputs: Promise<ReadonlyMap<string, Json>> | undefined;
  const readInput: ReadInput = async (callId) =>
    (await (inputs ??= inputsOf(run.ctx, round.message))).get(callId) ?? null;
  // Read before the calls part: while a branch reads on its own, another's new step looks like one that replaced a recorded one.
  if (round.calls.some(({ ask }) => ask !== undefined)) await readInput('');
  await Promise.all(round.calls.map((call) => toolStep(run, `${round.step}:${call.callId}`, call, readInput)));
}

async function toolStep(run: AgentRun, id: string, call: PlannedCall, readInput: ReadInput): Promise<void> {
  const { agent, ctx, slots, messageId } = run;
  const tool = agent.tools.get(call.tool);
  const close = (output: ToolOutput): Promise<void> => closeCall(run, id, call, output);
  const approval =
    call.ask === undefined ? undefined : await askPerson(ctx, id, call, call.ask, await readInput(call.callId), tool);
  if (approval !== undefined && 'denied' in approval) return close({ type: 'denied', reason: approval.denied });

  const key = `tool:${id}`;
  const message = messageId(key);
  const body = async (step: StepScope): Promise<unknown> => {
    const input = await readInput(call.callId);
    const executed = await executeCall(agent, ctx, { ...call, input, ...(approval ? { approval } : {}) }, step);
    // A result that no record can hold is handed on as it is: the engine knows what that means for the step's effect.
    if ('unrecordable' in executed) return executed.unrecordable;
    step.append(toolMessage(message, resultOf(call, executed.output)));
    if (approval?.edited) step.append(editNote(messageId(`${key}:edit`), call, approval.input));
    return { message };
  };
  let value: unknown;
  try {
    // While a person is asked no slot is held: what needs no asking runs.
    value = await slots(
      () => ctx.step(key, body, stepOptions(ctx, call, tool, approval, readInput)),
      tool?.parallel === false,
    );
  } catch (error) {
    const inDoubt = isPrusikError(error, 'STEP_IN_DOUBT');
    if (inDoubt && tool?.inDoubt === 'fail') throw error;
    // Of a cancelled run the closing step is rejected too, and with it the loop.
    return close(inDoubt ? unknownOutcome(error) : errorOutput(error));
  }
  // An outcome that this step's body did not give (`check` found it, a person said it) has no message yet.
  if ((value as { message?: unknown } | undefined)?.message !== message) return close(foundOutput(value, tool));
}

const unknownOutcome = (error: PrusikError): ToolOutput => ({
  type: 'error',
  code: error.code,
  text: `${describeError(error)} Find out whether it happened before you repeat it.`,
});

const DEFAULT_CAP = { maxOutputBytes: 51_200, maxOutputLines: 2_000 };

const foundOutput = (value: unknown, tool: AnyTool | undefined): ToolOutput =>
  value === undefined
    ? { type: 'text', text: 'It happened. Its output is not known.' }
    : toToolOutput(value, tool ?? DEFAULT_CAP);

/** The result of a call that no execution gave, in a commit of its own. */
async function closeCall(
  { ctx, messageId }: AgentRun,
  id: string,
  call: PlannedCall,
  output: ToolOutput,
): Promise<void> {
  const key = `result:${id}`;
  await ctx.step(key, (step) => step.append(toolMessage(messageId(key), resultOf(call, output))), {
    name: call.tool,
  });
}

/** The request is bound to what was recorded with the reply, not to the tool as it is now: on replay it must be the same one. */
async function askPerson(
  ctx: DurableContext,
  id: string,
  { tool: name, callId }: PlannedCall,
  fingerprint: string,
  input: Json,
  tool: AnyTool | undefined,
): Promise<Approval | { readonly denied: string }> {
  const body: ApprovalBody = { tool: name, callId, input, fingerprint };
  const expiresInMs = tool?.approvalExpiresMs;
  const expiry = expiresInMs === undefined ? {} : { expiresInMs };
  return approvalOf(await ctx.request(`approve:${id}`, { kind: 'approval', body, ...expiry }), input);
}

function stepOptions(
  ctx: DurableContext,
  call: PlannedCall,
  tool: AnyTool | undefined,
  approval: Approval | undefined,
  readInput: ReadInput,
): StepOptions {
  const inDoubt = tool?.inDoubt ?? (call.ask === undefined ? 'tell-model' : 'ask');
  return {
    kind: 'tool',
    name: call.tool,
    // Of a tool that is gone nothing is executed; what an earlier process began is told by its intent.
    effect: tool?.effect ?? 'repeatable',
    inDoubt: inDoubt === 'ask' ? 'ask' : 'fail',
    ...(tool === undefined ? {} : { timeoutMs: tool.timeoutMs }),
    ...(approval === undefined ? {} : { claimRequest: approval.request }),
    ...(tool?.check === undefined
      ? {}
      : {
          check: async (scope) =>
            runCheck(ctx, tool, call, approval === undefined ? await readInput(call.callId) : approval.input, scope),
        }),
  };
}

async function runCheck(
  ctx: DurableContext,
  tool: AnyTool,
  { callId }: PlannedCall,
  input: Json,
  scope: CheckScope,
): Promise<CheckResult> {
  const checked = await validate(tool.input, input);
  if (checked.issues !== undefined || tool.check === undefined) return { became: 'unknown' };
  return tool.check(checked.value, { ...scopeOf(ctx), ...scope, callId });
}

const editNote = (id: string, { tool, callId }: PlannedCall, edited: Json) =>
  userNote(
    id,
    `A reviewer changed the input of the call ${callId} of ${tool} to: ${JSON.stringify(edited)}`,
    'context',
  );

async function inputsOf(ctx: DurableContext, message: string): Promise<ReadonlyMap<string, Json>> {
  const stored = (await ctx.thread.read()).findLast((one) => one.message.id === message);
  return new Map(
    (stored?.message.content ?? []).flatMap((part) => (part.type === 'tool-call' ? [[part.callId, part.input]] : [])),
  );
}
