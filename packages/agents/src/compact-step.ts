import {
  addSpent,
  CHARS_PER_TOKEN,
  charsOf,
  compactionOf,
  contextView,
  isPrusikError,
  PrusikError,
  serializeError,
  type Compaction,
  type ContextPlan,
  type Message,
  type Spent,
  type StepScope,
} from '@prusik/core';
import type { AgentCore } from './agent-core.ts';
import type { AgentRun } from './agent-run.ts';
import { askAside, chargeOf } from './ask-aside.ts';
import { checkContext, type ContextCheck } from './context-check.ts';
import { summaryInstructions, summaryMessage, summaryText, transcriptOf } from './context-summary.ts';
import { overLimit, tokensIn, withSpent, type Action, type LoopState } from './loop.ts';
import type { CompactionRecord } from './loop-types.ts';
import { reservation } from './model-price.ts';
import { modelName } from './language-model.ts';
import type { ModelRoute } from './model-route.ts';
import { textOf } from './output.ts';
import { describeError } from './redact.ts';
import { stopwatch } from './stopwatch.ts';

type Compact = Extract<Action, { do: 'compact' }>;

/**
 * Makes the prompt shorter, as one durable step: it appends a message that says from where on the model sees what, and nothing is taken from the
 * thread. A summary that cannot be had is no failure of the run: it may fit all the same, and where it does not the loop says so.
 */
export async function compactStep(run: AgentRun, state: LoopState, action: Compact): Promise<CompactionRecord> {
  const { agent, ctx } = run;
  const route = summaryRoute(agent);
  const reserve = reservationFor(agent, state, action.promptTokens);
  const elapsedMs = stopwatch(run, state);
  const leftMs = state.limits.wallMs - run.elapsedMs();
  try {
    return await ctx.step(`compact:${action.n}`, (scope) => compact(run, state, action, scope, elapsedMs), {
      kind: 'model',
      name: modelName(route.entries[0].model),
      retry: {
        attempts: agent.limits.modelAttempts,
        ...(Number.isFinite(leftMs) ? { capacityWaitMs: Math.max(0, leftMs) } : {}),
      },
      reserve,
    });
  } catch (error) {
    // Of a cancelled run every step is rejected, and with it the loop; and a defect is not to be waited out.
    if (isPrusikError(error, 'RUN_CANCELLED') || isPrusikError(error, 'CONTEXT_PLAN_INVALID')) throw error;
    const { promptTokens } = action;
    return {
      did: 'nothing',
      before: promptTokens,
      after: promptTokens,
      tokens: 0,
      error: serializeError(failureOf(error)),
    };
  }
}

/** What is the run's own to say stays as it is; whatever else went wrong with the model that should summarise is one thing to the run. */
function failureOf(error: unknown): unknown {
  const { code = '' } = isPrusikError(error) ? error : {};
  if (/^(AGENT_|CONTEXT_|BUDGET_)/.test(code)) return error;
  return noSummary(describeError(error), error);
}

const noSummary = (why: string, cause?: unknown): PrusikError =>
  new PrusikError('CONTEXT_SUMMARY_FAILED', `No summary of the conversation could be had: ${why}`, {
    retryable: true,
    cause,
  });

const asked = (text: string): Message => ({
  v: 1,
  id: 'transcript',
  role: 'user',
  kind: 'user',
  content: [{ type: 'text', text }],
});

const summaryRoute = ({ context, model }: AgentCore): ModelRoute => context?.summaryModel ?? model;

const reservationFor = (agent: AgentCore, { limits }: LoopState, input: number) =>
  reservation(
    { input, output: limits.outputTokens },
    summaryRoute(agent).entries.map(({ prices }) => prices),
  );

async function compact(
  run: AgentRun,
  state: LoopState,
  { refused }: Compact,
  scope: StepScope,
  elapsedMs: () => number,
): Promise<CompactionRecord> {
  const prompt = await run.prompt();
  const thread = prompt.thread();
  const check = checkContext(run.agent, thread, state, refused);
  const { plan, used, ruler, view } = check;
  if (plan.does !== 'summarise') scope.usage({ inputTokens: 0, outputTokens: 0 }, 0);
  if (plan.does === 'keep') return { did: 'nothing', before: used, after: used, tokens: 0 };
  const compaction = compactionOf(view, plan);
  const { text, ...spent }: Written =
    plan.does === 'trim'
      ? { text: '[From here on older tool results are shown in part only]', tokens: 0 }
      : await summarise(run.agent, state, scope, check, plan, compaction, elapsedMs);
  const message = summaryMessage(run.messageId(scope.key), text, compaction);
  const after = ruler.tokens(contextView([...thread, message]).messages);
  if (after >= used)
    throw new PrusikError('CONTEXT_NO_PROGRESS', `The prompt would have ${after} tokens in place of ${used}`);
  scope.append(message);
  if (plan.does === 'summarise')
    scope.note('summary', { message: message.id, covers: plan.covers, before: used, after });
  return {
    did: plan.does === 'trim' ? 'trim' : 'summary',
    before: used,
    after,
    ...spent,
  };
}

/** A text for the message that makes the prompt shorter, and what it took to have it. */
type Written = { readonly text: string } & Pick<CompactionRecord, 'tokens' | 'costMicros'>;

async function summarise(
  agent: AgentCore,
  state: LoopState,
  scope: StepScope,
  { view, used, limit }: ContextCheck,
  plan: Extract<ContextPlan, { does: 'summarise' }>,
  compaction: Compaction,
  elapsedMs: () => number,
): Promise<Written> {
  const { costMicros = 'unknown' } = reservationFor(agent, state, used);
  const overBy = (spent: Spent): PrusikError | undefined =>
    overLimit(withSpent(state, addSpent(scope.spent, spent)), { tokens: used, costMicros }, elapsedMs());
  const over = overBy({});
  if (over !== undefined) {
    scope.usage({ inputTokens: 0, outputTokens: 0 }, 0);
    throw over;
  }
  const place = view.rest.findIndex(({ id }) => id === plan.covers);
  const covered = [...view.head, ...view.rest.slice(0, place + 1)];
  const kept = new Set(compaction.keeps);
  const charsPerToken = state.charsPerToken ?? CHARS_PER_TOKEN;
  // Of a prompt that was refused nobody knows how much is too much, so half of it is shown.
  const room = Math.min(limit, used) * (Number.isFinite(limit) ? 0.8 : 0.5) - plan.maxTokens;
  const reply = await askAside(agent, state, scope, {
    route: summaryRoute(agent),
    instructions: summaryInstructions(plan.maxTokens),
    messages: [asked(transcriptOf(covered, room * charsPerToken))],
    input: used,
    // Thinking counts as output; what is written beyond the bound is cut.
    maxOutputTokens: 2 * plan.maxTokens,
    elapsedMs,
    overBy,
  });
  const text = textOf(reply.parts).trim();
  if (text === '' || reply.finish === 'content-filter') throw noSummary('it is empty');
  if (text.length > charsOf(covered, 0)) throw noSummary('it is longer than what it summarises');
  const [todo] = await scope.notes({ kind: ['todo'], limit: 1 });
  return {
    tokens: tokensIn(scope.spent) + (reply.usage.inputTokens ?? used) + (reply.usage.outputTokens ?? plan.maxTokens),
    ...chargeOf(scope.spent, reply.costMicros, costMicros),
    text: summaryText({
      text,
      maxChars: plan.maxTokens * charsPerToken,
      covered: covered.filter(({ id }) => !kept.has(id)),
      kept: [...covered.filter(({ id }) => kept.has(id)), ...view.rest.slice(place + 1)],
      ...(todo === undefined ? {} : { todo: todo.data }),
    }),
  };
}
