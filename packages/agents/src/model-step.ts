import {
  addSpent,
  charsOf,
  PrusikError,
  serializeError,
  sparse,
  type DurableContext,
  type Message,
  type Spent,
  type StepScope,
  type UpcomingStep,
} from '@prusik/core';
import { offeredTools } from './active-tools.ts';
import { scopeOf, type AgentCore, type OfferedTools } from './agent-core.ts';
import type { AgentRun } from './agent-run.ts';
import { checkCalls } from './check-calls.ts';
import { charsPerTokenOf, checkContext } from './context-check.ts';
import { estimateTokens, tokensOf } from './estimate.ts';
import { callRoute, type RouteReply } from './call-route.ts';
import { admitCalls, judge, throwsAway } from './judge-reply.ts';
import { afterModel, overLimit, tokensIn, withSpent, type LoopState } from './loop.ts';
import { recordLimits, type ReplyRecord, type Verdict } from './loop-types.ts';
import { keptParts } from './kept-files.ts';
import { modelErrorClass } from './model-class.ts';
import { reservation } from './model-price.ts';
import { modelName } from './language-model.ts';
import { modelFacts } from './model-facts.ts';
import { finished, readOutput, textOf } from './output.ts';
import { onceCallsOf } from './once-calls.ts';
import { namesFiles } from './prompt-view.ts';
import { fixedCharsOf, NO_LISTINGS, withChanged } from './recorded-listing.ts';
import { describeError } from './redact.ts';
import { stopwatch } from './stopwatch.ts';
import { assistantMessage, toolMessage, userNote } from './stored-messages.ts';
import type { LoadedFiles } from './to-model-messages.ts';
import { AUTHOR_TIMEOUT_MS, within } from './within.ts';

/**
 * One model call as one durable step. Its commit holds the reply, the results of calls that were refused, and the record by which the
 * loop goes on; the content stands in the thread alone.
 */
export async function modelStep(run: AgentRun, state: LoopState): Promise<ReplyRecord> {
  const { agent } = run;
  const { limits, model } = agent;
  const elapsedMs = stopwatch(run, state);
  const leftMs = state.limits.wallMs - run.elapsedMs();
  // The engine keeps a reservation only where the run's tree has a budget.
  const input = state.promptTokens ?? (await run.prompt()).tokens() + fixedTokens(agent, state);
  // A call that is made again because its prompt was too long is another one to the journal.
  const again = state.compacted === undefined ? '' : `:${state.compactions}`;
  let lastWord: LastWord | undefined;
  let calls: readonly UpcomingStep[] = [];
  const call = async (scope: StepScope): Promise<ReplyRecord> => {
    run.madeHere.add(state.steps + 1);
    const recorded = await callAndRecord(run, state, scope, elapsedMs);
    ({ lastWord, calls = [] } = recorded);
    return recorded.record;
  };
  return run.ctx.step(`model:${state.steps + 1}${again}`, call, {
    kind: 'model',
    name: modelName(model.entries[0].model),
    retry: {
      attempts: limits.modelAttempts,
      ...(Number.isFinite(leftMs) ? { capacityWaitMs: Math.max(0, leftMs) } : {}),
    },
    reserve: reservationFor(agent, state, input),
    ends: () => lastWord && { output: finished(agent.output, lastWord.value) },
    leadsTo: () => calls,
  });
}

/** What a call is on record as, and what the run ends with if nothing comes after it. */
interface Recorded {
  readonly record: ReplyRecord;
  readonly lastWord?: LastWord | undefined;
  /** Calls that may happen once, and begin next. */
  readonly calls?: readonly UpcomingStep[];
}

/** An answer as the schema of the output gives it, where there is one. */
interface LastWord {
  readonly value: unknown;
}

const reservationFor = ({ model }: AgentCore, { limits }: LoopState, input: number) =>
  reservation(
    { input, output: limits.outputTokens },
    model.entries.map(({ prices }) => prices),
  );

const fixedTokens = (agent: AgentCore, state: LoopState): number => estimateTokens([], fixedCharsOf(agent, state));

async function callAndRecord(
  { agent: defined, ctx, prompt, files, told, messageId, sources }: AgentRun,
  before: LoopState,
  scope: StepScope,
  elapsedMs: () => number,
): Promise<Recorded> {
  const unused = (error: unknown): never => {
    notAsked(scope);
    throw error;
  };
  const listed = defined.sources.length === 0 ? NO_LISTINGS : await sources.list(before.listings, scope).catch(unused);
  const state = listed.length === 0 ? before : { ...before, listings: withChanged(before.listings, listed) };
  const agent = defined.sources.length === 0 ? defined : await sources.agentWith(state.listings);
  const listings = listed.length === 0 ? undefined : listed;
  const { limits, model, output, settings, clock, onRaw } = agent;
  const { messages: shown, naming, tokens, callIds, thread } = await prompt();
  // After the results of the tools, so that it lands in no exchange.
  const steered = await scope.absorb();
  const messages = steered.length === 0 ? shown : [...shown, ...steered];
  const promptTokens = (): number => tokens() + estimateTokens(steered) + fixedTokens(agent, state);
  const isFirst = state.steps === 0;
  const limitsOnRecord = isFirst ? recordLimits(state.limits) : undefined;
  const isLast = state.steps + 1 >= state.limits.steps;
  // Another attempt begins later than its step was asked for, and no attempt of the first call was looked at yet.
  const grown = state === before ? 0 : Math.max(0, fixedTokens(agent, state) - fixedTokens(agent, before));
  const input =
    state.promptTokens === undefined ? promptTokens() : state.promptTokens + estimateTokens(steered) + grown;
  const { costMicros = 'unknown' } = reservationFor(agent, state, input);
  const over = (spent: Spent): PrusikError | undefined =>
    overLimit(withSpent(state, addSpent(scope.spent, spent)), { tokens: input, costMicros }, elapsedMs());
  const refusal = over({});
  if (refusal !== undefined) unused(refusal);
  let tooLong: number | undefined;
  try {
    tooLong = exceeds(agent, state, () => [...thread(), ...steered]);
  } catch (error) {
    unused(error);
  }
  if (tooLong !== undefined) {
    notAsked(scope);
    return {
      record: sparse<ReplyRecord>({
        verdict: 'too-long',
        ...spentOf(scope.spent),
        promptTokens: tooLong,
        listings,
        limits: limitsOnRecord,
      }),
    };
  }
  let loaded: LoadedFiles;
  let instructions: string;
  let offered: OfferedTools;
  try {
    loaded = await files([...naming, ...steered.filter(namesFiles)], scope.readBlob);
    instructions = typeof agent.instructions === 'string' ? agent.instructions : await instructionsOf(agent, ctx);
    offered = agent.activeTools === undefined ? agent.offers : await offeredTools(agent, ctx, state.steps + 1);
  } catch (error) {
    return unused(error);
  }
  const answer = await callRoute({
    route: model,
    instructions,
    prompt: (provider) => told(messages, provider, loaded),
    tools: offered.shown,
    ...(output === undefined ? {} : { output: output.json }),
    settings:
      isLast && state.limits.lastStep === 'answer-without-tools' ? { ...settings, toolChoice: 'none' } : settings,
    clock,
    timeoutMs: limits.modelTimeoutMs,
    leftMs: () => state.limits.wallMs - elapsedMs(),
    room: (spent) =>
      over(spent) === undefined
        ? state.limits.tokens - state.tokens - tokensIn(addSpent(scope.spent, spent)) - input
        : undefined,
    stallMs: limits.modelStallMs,
    signal: scope.signal,
    onDelta: scope.delta,
    onReset: scope.reset,
    resets: agent.resets,
    estimateInput: promptTokens,
    ...(onRaw === undefined
      ? {}
      : { onRaw: (event) => onRaw({ ...event, run: ctx.run.key, step: scope.key, attempt: scope.attempt }) }),
  });
  scope.usage(answer.usage, answer.costMicros);
  scope.tell(modelFacts(model, answer, output !== undefined));
  const reply = cutByTime(answer, state, elapsedMs());
  if (agent.context !== undefined && isOverflow(reply)) {
    const error = serializeError(reply.error);
    return {
      record: sparse<ReplyRecord>({
        verdict: 'too-long',
        ...spentOf(addSpent(scope.spent, reply)),
        promptTokens: promptTokens(),
        error,
        listings,
        limits: limitsOnRecord,
      }),
    };
  }
  if (reply.error !== undefined && throwsAway(reply, scope.failures + 1 < limits.modelAttempts, agent.resets))
    throw reply.error;

  const { parts, calls } = admitCalls(reply, {
    tools: agent.tools,
    offered: offered.names,
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
  const cost = costOf(state, scope.spent, reply, costMicros);
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
    limits: limitsOnRecord,
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

/** No model was asked. */
const notAsked = (scope: StepScope): void => scope.usage({ inputTokens: 0, outputTokens: 0 }, 0);

const spentOf = (spent: Spent): Pick<ReplyRecord, 'tokens' | 'costMicros'> => ({
  tokens: tokensIn(spent),
  ...(spent.costMicros === undefined ? {} : { costMicros: spent.costMicros }),
});

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

/** Tokens of a prompt that is to be made shorter before it is sent. */
function exceeds(agent: AgentCore, state: LoopState, thread: () => readonly Message[]): number | undefined {
  if (agent.context?.limitTokens === undefined) return undefined;
  const { plan, used, limit } = checkContext(agent, thread(), state, false);
  if (used > limit) return used;
  const wanted = plan.does !== 'keep' && state.compacted === undefined && state.compactionFailed === undefined;
  return wanted ? used : undefined;
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

/** The provider says that the prompt is too long for its model, and nothing else. */
const isOverflow = ({ error, parts }: RouteReply): boolean =>
  modelErrorClass(error) === 'context-overflow' && textOf(parts) === '';

/** A call that ended because the run's time did is not made again. */
function cutByTime(reply: RouteReply, state: LoopState, elapsedMs: number): RouteReply {
  if (reply.error?.code !== 'MODEL_TIMEOUT') return reply;
  return { ...reply, error: overLimit(state, { tokens: 0 }, elapsedMs) ?? reply.error };
}

/** Code of the author: what it throws is no passing failure of the model, and it may not hold a run for ever. */
async function instructionsOf({ instructions, clock }: AgentCore, ctx: DurableContext): Promise<string> {
  if (typeof instructions === 'string') return instructions;
  let given: unknown;
  try {
    given = await within(clock, AUTHOR_TIMEOUT_MS, () => instructions(scopeOf(ctx)));
  } catch (cause) {
    throw new PrusikError('AGENT_INSTRUCTIONS_FAILED', `The instructions failed: ${describeError(cause)}`, { cause });
  }
  if (typeof given === 'string') return given;
  throw new PrusikError('AGENT_INSTRUCTIONS_FAILED', `The instructions gave ${typeof given} instead of a text`);
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
