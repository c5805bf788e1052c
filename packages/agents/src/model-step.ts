import {
  addSpent,
  PrusikError,
  serializeError,
  sparse,
  type DurableContext,
  type Message,
  type Spent,
  type StepScope,
} from '@prusik/core';
import { offeredTools } from './active-tools.ts';
import { scopeOf, type AgentCore, type OfferedTools } from './agent-core.ts';
import type { AgentRun } from './agent-run.ts';
import { callRoute, type RouteReply } from './call-route.ts';
import { checkContext } from './context-check.ts';
import { estimateTokens } from './estimate.ts';
import { throwsAway } from './judge-reply.ts';
import { modelName } from './language-model.ts';
import { overLimit, tokensIn, withSpent, type LoopState } from './loop.ts';
import { recordLimits, type ReplyRecord } from './loop-types.ts';
import { modelErrorClass } from './model-class.ts';
import { modelFacts } from './model-facts.ts';
import { fixedTokens, reservationFor } from './next-call.ts';
import { finished, textOf } from './output.ts';
import { namesFiles } from './prompt-view.ts';
import { recordReply, type Recorded } from './record-reply.ts';
import { NO_LISTINGS, withChanged } from './recorded-listing.ts';
import { describeError } from './redact.ts';
import { stopwatch } from './stopwatch.ts';
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
  let recorded: Recorded | undefined;
  const call = async (scope: StepScope): Promise<ReplyRecord> => {
    run.madeHere.add(state.steps + 1);
    recorded = await callAndRecord(run, state, scope, elapsedMs);
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
    ends: () => recorded?.lastWord && { output: finished(agent.output, recorded.lastWord.value) },
    leadsTo: () => recorded?.calls ?? [],
  });
}

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

  return recordReply({
    agent,
    ctx,
    scope,
    state,
    messageId,
    messages,
    callIds,
    promptTokens,
    offered: offered.names,
    isLast,
    elapsedMs,
    reply,
    expectedMicros: costMicros,
    listings,
    limits: limitsOnRecord,
  });
}

/** No model was asked. */
const notAsked = (scope: StepScope): void => scope.usage({ inputTokens: 0, outputTokens: 0 }, 0);

const spentOf = (spent: Spent): Pick<ReplyRecord, 'tokens' | 'costMicros'> => ({
  tokens: tokensIn(spent),
  ...(spent.costMicros === undefined ? {} : { costMicros: spent.costMicros }),
});

/** Tokens of a prompt that is to be made shorter before it is sent. */
function exceeds(agent: AgentCore, state: LoopState, thread: () => readonly Message[]): number | undefined {
  if (agent.context?.limitTokens === undefined) return undefined;
  const { plan, used, limit } = checkContext(agent, thread(), state, false);
  if (used > limit) return used;
  const wanted = plan.does !== 'keep' && state.compacted === undefined && state.compactionFailed === undefined;
  return wanted ? used : undefined;
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
