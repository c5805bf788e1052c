import {
  addSpent,
  charsOf,
  serializeError,
  sparse,
  type DurableContext,
  type Message,
  type Spent,
  type StepScope,
  type UpcomingStep,
} from '@prusik/core';
import type { AgentCore } from './agent-core.ts';
import type { AgentRun } from './agent-run.ts';
import type { RouteReply } from './call-route.ts';
import { checkCalls } from './check-calls.ts';
import { charsPerTokenOf } from './context-check.ts';
import { estimateTokens, tokensOf } from './estimate.ts';
import { admitCalls, judge } from './judge-reply.ts';
import { keptParts } from './kept-files.ts';
import { afterModel, overLimit, tokensIn, type LoopState } from './loop.ts';
import type { ReplyRecord, Verdict } from './loop-types.ts';
import { reservationFor } from './next-call.ts';
import { onceCallsOf } from './once-calls.ts';
import { readOutput, textOf } from './output.ts';
import { fixedCharsOf } from './recorded-listing.ts';
import { assistantMessage, toolMessage, userNote } from './stored-messages.ts';

/** What a call is on record as, and what the run ends with if nothing comes after it. */
export interface Recorded {
  readonly record: ReplyRecord;
  readonly lastWord?: LastWord | undefined;
  /** Calls that may happen once, and begin next. */
  readonly calls?: readonly UpcomingStep[];
}

/** An answer as the schema of the output gives it, where there is one. */
interface LastWord {
  readonly value: unknown;
}

/** A reply that is kept, and what it answers. */
export interface KeptReply {
  readonly agent: AgentCore;
  readonly ctx: DurableContext;
  readonly scope: StepScope;
  /** Where the run stood before it. */
  readonly state: LoopState;
  readonly messageId: AgentRun['messageId'];
  readonly reply: RouteReply;
  /** What the model was shown. */
  readonly messages: readonly Message[];
  readonly promptTokens: () => number;
  /** Ids of all calls in the thread. */
  readonly callIds: ReadonlySet<string>;
  /** Names of the tools that the model was offered. */
  readonly offered: ReadonlySet<string>;
  /** No model call will read the results of its calls. */
  readonly isLast: boolean;
  readonly elapsedMs: () => number;
  /** What the call was to cost at most. */
  readonly expectedMicros: number | 'unknown';
  /** On record with this reply: lists of tools that have changed, and what the run began with. */
  readonly listings: ReplyRecord['listings'] | undefined;
  readonly limits: ReplyRecord['limits'] | undefined;
}

/** Looks at a reply and its calls, hands the step what is to be stored of them, and tells the record by which the loop goes on. */
export async function recordReply({
  agent,
  ctx,
  scope,
  state,
  messageId,
  reply,
  messages,
  promptTokens,
  callIds,
  offered,
  isLast,
  elapsedMs,
  expectedMicros,
  listings,
  limits,
}: KeptReply): Promise<Recorded> {
  const { output } = agent;
  const { parts, calls } = admitCalls(reply, {
    tools: agent.tools,
    offered,
    usedIds: callIds,
    room: state.limits.toolCalls - state.toolCalls,
    lastStep: isLast,
    newId: (n) => `call_${ctx.uuid(`${scope.key}:${n}`).replaceAll('-', '')}`,
  });
  const { planned, refused, denied } = await checkCalls(agent, ctx, calls, scope.grants);
  for (const denial of denied) scope.deny(denial);
  const message = assistantMessage(messageId(scope.key), await keptParts(parts, scope.putBlob));
  const judged = judge(reply.finish, parts, planned, refused, output !== undefined);
  const said = textOf(message.content);
  const { verdict, correction, lastWord } =
    judged === 'check-output'
      ? await checkOutput(agent, said)
      : { verdict: judged, lastWord: judged === 'answer' && output === undefined ? { value: said } : undefined };
  const stored = verdict !== 'empty' && parts.length > 0;
  if (stored) scope.append(message);
  const notes = refused.map((result) => toolMessage(messageId(`${scope.key}:${result.callId}`), result));
  if (correction !== undefined) notes.push(userNote(messageId(`${scope.key}:correction`), correction, 'continuation'));
  scope.append(...notes);
  const besides = tokensIn(addSpent(scope.spent, reply.before));
  const { tokens: own, estimated } = tokensOf(reply.own, promptTokens, message);
  const cost = costOf(state, scope.spent, reply, expectedMicros);
  const record = sparse<ReplyRecord>({
    verdict,
    tokens: own + besides,
    besides: besides === 0 ? undefined : besides,
    estimated,
    since: sinceOf(notes),
    by: reply.by,
    costMicros: cost.costMicros,
    chargedMicros: cost.chargedMicros,
    message: stored ? message.id : undefined,
    calls: planned.length === 0 ? undefined : planned,
    finish: reply.finish === 'stop' || reply.finish === 'tool-calls' ? undefined : reply.finish,
    error: reply.error === undefined ? undefined : serializeError(reply.error),
    charsPerToken: charsPerToken(agent, state, messages, reply),
    listings,
    limits,
  });
  if (verdict === 'call-tools')
    return { record, calls: onceCallsOf(agent, state.steps + 1, planned, state.limits.parallelTools) };
  if (verdict !== 'answer' || !mayGoOn(agent, afterModel(state, record), elapsedMs())) return { record, lastWord };
  const late = await scope.absorb();
  if (late.length === 0) return { record, lastWord };
  return { record: sparse<ReplyRecord>({ ...record, verdict: 'steered', since: sinceOf([...notes, ...late]) }) };
}

const sinceOf = (messages: readonly Message[]): number | undefined =>
  messages.length === 0 ? undefined : estimateTokens(messages);

/**
 * What came while the model answered is a reason to go on, unless one more call would meet a limit, whatever it is to say: then the answer
 * stands, and what came has a turn of its own.
 */
function mayGoOn(agent: AgentCore, state: LoopState, elapsedMs: number): boolean {
  const tokens = state.promptTokens ?? 0;
  const { costMicros = 'unknown' } = reservationFor(agent, state, tokens);
  return overLimit(state, { tokens, costMicros }, elapsedMs) === undefined;
}

/** A cost that nobody knows is what was expected at most, never nothing. */
function costOf(
  { limits }: LoopState,
  before: Spent,
  { costMicros }: RouteReply,
  expected: number | 'unknown',
): Pick<ReplyRecord, 'costMicros' | 'chargedMicros'> {
  const { costMicros: earlier = 0 } = before;
  if (costMicros !== undefined) return { costMicros: earlier + costMicros };
  if (expected === 'unknown' || limits.costMicros === Number.POSITIVE_INFINITY) return {};
  return { chargedMicros: earlier + expected };
}

/** What its provider made of a prompt; after a fallback the count is that of several models. */
function charsPerToken(
  agent: AgentCore,
  state: LoopState,
  messages: readonly Message[],
  { usage, by }: RouteReply,
): number | undefined {
  if (agent.context?.limitTokens === undefined || by.failed !== undefined) return undefined;
  return charsPerTokenOf(charsOf(messages, fixedCharsOf(agent, state)), usage.inputTokens);
}

async function checkOutput(
  { output, clock }: AgentCore,
  text: string,
): Promise<{ readonly verdict: Verdict; readonly correction?: string; readonly lastWord?: LastWord }> {
  if (output === undefined) return { verdict: 'answer', lastWord: { value: text } };
  const read = await readOutput(text, output.schema, clock);
  if (read.ok) return { verdict: 'answer', lastWord: read };
  const correction = `Your reply is not the JSON that was asked for: ${read.issues}. Reply again, with the corrected JSON only.`;
  return { verdict: 'invalid-output', correction };
}
