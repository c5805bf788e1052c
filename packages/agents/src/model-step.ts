import {
  reconcile,
  serializeError,
  type DurableContext,
  type Message,
  type MessagePart,
  type StepScope,
} from '@prusik/core';
import { offeredTools } from './active-tools.ts';
import { scopeOf, type AgentCore } from './agent-core.ts';
import type { AgentRun } from './agent-run.ts';
import { estimateTokens, tokensOf } from './estimate.ts';
import type { LoopState, ReplyRecord, Verdict } from './loop.ts';
import { callModel, type ModelReply } from './model-call.ts';
import { wasRefused } from './model-error.ts';
import { readOutput, textOf } from './output.ts';
import { planCalls, type Plan } from './plan-calls.ts';
import { assistantMessage, toolMessage, userNote } from './stored-messages.ts';

const DEFAULT_OUTPUT_TOKENS = 4_096;

/**
 * One model call as one durable step. Its commit holds the reply, the results of calls that were refused, and the record by which the
 * loop goes on; the content stands in the thread alone.
 */
export async function modelStep(run: AgentRun, state: LoopState): Promise<ReplyRecord> {
  const { agent, ctx } = run;
  const { limits, settings, model } = agent;
  let failures = 0;
  const body = async (scope: StepScope): Promise<ReplyRecord> => {
    try {
      return await callAndRecord(run, state, scope, failures + 1 < limits.modelAttempts);
    } catch (error) {
      if (!wasRefused(error)) failures += 1;
      throw error;
    }
  };
  // The engine keeps a reservation only where the run's tree has a budget. The last call and its reply are in the next prompt.
  const expected = state.lastTokens ?? estimateTokens(await promptOf(ctx), agent.fixedChars);
  return ctx.step(`model:${state.steps + 1}`, body, {
    kind: 'model',
    name: `${model.provider}/${model.modelId}`,
    retry: { attempts: limits.modelAttempts },
    reserve: { calls: 1, tokens: expected + (settings.maxOutputTokens ?? DEFAULT_OUTPUT_TOKENS) },
  });
}

async function callAndRecord(
  { agent, ctx, messageId }: AgentRun,
  state: LoopState,
  scope: StepScope,
  mayRetry: boolean,
): Promise<ReplyRecord> {
  const { instructions, limits, model, output, settings, clock } = agent;
  const messages = await promptOf(ctx);
  const offered = await offeredTools(agent, ctx, state.steps + 1);
  const reply = await callModel({
    model,
    instructions: typeof instructions === 'string' ? instructions : await instructions(scopeOf(ctx)),
    messages,
    tools: offered.toolSet,
    ...(output === undefined ? {} : { output: output.format }),
    settings,
    clock,
    timeoutMs: limits.modelTimeoutMs,
    stallMs: limits.modelStallMs,
    signal: scope.signal,
    onDelta: scope.delta,
  });
  scope.usage(reply.usage);
  // Text that came before the failure is kept, unless the call is made again or there is none.
  const again = reply.error?.retryable === true && (mayRetry || wasRefused(reply.error));
  if (reply.error !== undefined && (again || textOf(reply.parts) === '')) throw reply.error;

  const plan = await planCalls(agent, {
    ctx,
    reply: endsWithoutCalls(reply) ? { ...reply, parts: reply.parts.filter(isSpoken) } : reply,
    offered: offered.names,
    usedIds: callIdsOf(messages),
    room: limits.toolCalls - state.toolCalls,
    lastStep: state.steps + 1 >= limits.steps,
    newId: (n) => `call_${ctx.uuid(`${scope.key}:${n}`).replaceAll('-', '')}`,
  });
  const message = assistantMessage(messageId(scope.key), plan.parts);
  const { verdict, correction } = await judge(agent, reply, plan);
  const stored = verdict !== 'empty' && plan.parts.length > 0;
  if (stored) scope.append(message);
  scope.append(...plan.refused.map((result) => toolMessage(messageId(`${scope.key}:${result.callId}`), result)));
  if (correction !== undefined)
    scope.append(userNote(messageId(`${scope.key}:correction`), correction, 'continuation'));
  return {
    verdict,
    tokens: tokensOf(reply.usage, messages, agent.fixedChars, message),
    ...(stored ? { message: message.id } : {}),
    ...(plan.planned.length === 0 ? {} : { calls: plan.planned }),
    ...(reply.error === undefined ? {} : { error: serializeError(reply.error) }),
  };
}

/** What a reply came to. Every way in which one can end is decided here. */
async function judge(
  { output }: AgentCore,
  reply: ModelReply,
  { parts, planned, refused }: Plan,
): Promise<{ readonly verdict: Verdict; readonly correction?: string }> {
  if (reply.finish === 'failed') return { verdict: 'failed' };
  if (reply.finish === 'content-filter') return { verdict: 'filtered' };
  if (planned.length > 0) return { verdict: 'call-tools' };
  if (refused.length > 0) return { verdict: 'refused' };
  if (textOf(parts).trim() === '') return { verdict: parts.some(({ type }) => type === 'file') ? 'answer' : 'empty' };
  if (reply.finish === 'length') return { verdict: 'truncated' };
  if (output === undefined) return { verdict: 'answer' };
  const read = await readOutput(textOf(parts), output.schema);
  if (read.ok) return { verdict: 'answer' };
  const correction = `Your reply is not the JSON that was asked for: ${read.issues}. Reply again, with the corrected JSON only.`;
  return { verdict: 'invalid-output', correction };
}

/** After a failure or a refusal of the provider only what was said is worth keeping: a half call is none. */
const endsWithoutCalls = ({ finish }: ModelReply): boolean => finish === 'failed' || finish === 'content-filter';
const isSpoken = (part: MessagePart): boolean => part.type === 'text';

async function promptOf(ctx: DurableContext): Promise<readonly Message[]> {
  return reconcile((await ctx.thread.read()).map(({ message }) => message));
}

function callIdsOf(messages: readonly Message[]): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const { content } of messages) for (const part of content) if (part.type === 'tool-call') ids.add(part.callId);
  return ids;
}
