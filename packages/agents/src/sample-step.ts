import { addSpent, type PrusikError, type CallAnswer, type Message, type Spent, type StepScope } from '@prusik/core';
import type { AgentRun } from './agent-run.ts';
import { askAside, chargeOf } from './ask-aside.ts';
import { estimateTokens } from './estimate.ts';
import { overLimit, tokensIn, withSpent, type LoopState, type Sampled } from './loop.ts';
import { modelName } from './language-model.ts';
import { reservation } from './model-price.ts';
import type { RecordedSample } from './needing.ts';
import { textOf } from './output.ts';
import { describeError } from './redact.ts';
import { stopwatch } from './stopwatch.ts';

/** The models that the tools of a round ask. */
export interface Samples {
  /** Asks a model, as a durable step. Whatever keeps it from answering is an answer, too. */
  take(key: string, need: RecordedSample, approval?: string): Promise<CallAnswer>;
  sampled(): Sampled;
}

/** The recorded outcome of a sample. */
interface SampleRecord {
  readonly answer: CallAnswer;
  readonly tokens: number;
  readonly costMicros?: number;
}

/** Of a longer reply the rest is cut. */
const MOST_CHARS = 65_536;

export function samplesOf(run: AgentRun, state: LoopState): Samples {
  const { agent, ctx } = run;
  let samples = 0;
  let tokens = 0;
  let costMicros = 0;
  /** What those under way may come to. */
  const held = new Map<string, Required<Pick<SampleRecord, 'tokens' | 'costMicros'>>>();

  async function take(key: string, need: RecordedSample, approval?: string): Promise<CallAnswer> {
    const nth = (samples += 1);
    const elapsedMs = stopwatch(run, state);
    const leftMs = state.limits.wallMs - run.elapsedMs();
    const entries = agent.sampling?.models.get(need.model)?.entries ?? [];
    const messages = need.messages.map(messageOf);
    const input = estimateTokens(messages, need.system?.length);
    const reserve = reservation(
      { input, output: need.maxTokens },
      entries.map(({ prices }) => prices),
    );
    const body = async (scope: StepScope): Promise<SampleRecord> => {
      try {
        return await ask({ need, nth, scope, messages, input, cost: reserve.costMicros ?? 'unknown', elapsedMs });
      } finally {
        held.delete(scope.key);
      }
    };
    let record: SampleRecord;
    try {
      record = await ctx.step(key, body, {
        kind: 'model',
        name: entries[0] === undefined ? need.model : modelName(entries[0].model),
        reserve,
        retry: {
          attempts: agent.limits.modelAttempts,
          ...(Number.isFinite(leftMs) ? { capacityWaitMs: Math.max(0, leftMs) } : {}),
        },
        ...(approval === undefined ? {} : { claimRequest: approval }),
      });
    } catch (error) {
      // Of a cancelled run the next step is rejected too, and with it the loop.
      return unavailable(`The model did not answer: ${describeError(error)}`);
    }
    tokens += record.tokens;
    costMicros += record.costMicros ?? 0;
    return record.answer;
  }

  async function ask({ need, nth, scope, messages, input, cost, elapsedMs }: Asked): Promise<SampleRecord> {
    const { sampling } = agent;
    const route = sampling?.models.get(need.model);
    const overBy = (spent: Spent): PrusikError | undefined => {
      const others = [...held].filter(([key]) => key !== scope.key).map(([, amount]) => amount);
      const now: LoopState = {
        ...withSpent(state, addSpent(scope.spent, spent)),
        // Its reply is as long as it says.
        limits: { ...state.limits, outputTokens: need.maxTokens },
      };
      const sum = {
        tokens: now.tokens + tokens + others.reduce((all, other) => all + other.tokens, 0),
        costMicros: now.costMicros + costMicros + others.reduce((all, other) => all + other.costMicros, 0),
      };
      return overLimit({ ...now, ...sum }, { tokens: input, costMicros: cost }, elapsedMs());
    };
    const refusal =
      sampling === undefined || route === undefined
        ? `Tools may not ask the model ${need.model}.`
        : state.samples + nth > sampling.samples
          ? `The tools of a run may ask models ${sampling.samples} times.`
          : overBy({})?.message;
    if (sampling === undefined || route === undefined || refusal !== undefined) {
      scope.usage({ inputTokens: 0, outputTokens: 0 }, 0);
      return { answer: unavailable(refusal ?? ''), tokens: tokensIn(scope.spent), ...chargeOf(scope.spent, 0, 0) };
    }
    held.set(scope.key, { tokens: input + need.maxTokens, costMicros: cost === 'unknown' ? 0 : cost });
    const reply = await askAside(agent, state, scope, {
      route,
      // What a tool has written is all that is sent: nothing of the conversation, nothing of what the agent is told.
      instructions: need.system ?? '',
      messages,
      input,
      maxOutputTokens: need.maxTokens,
      elapsedMs,
      overBy,
    });
    const text = textOf(reply.parts);
    const spent = tokensIn(scope.spent);
    const used = spent + (reply.usage.inputTokens ?? input) + (reply.usage.outputTokens ?? need.maxTokens);
    return { answer: answerOf(), tokens: used, ...chargeOf(scope.spent, reply.costMicros, cost) };

    function answerOf(): CallAnswer {
      if (reply.finish === 'content-filter') return unavailable('The provider withheld the reply.');
      const isCut = text.length > MOST_CHARS;
      const finish = isCut || reply.finish === 'length' ? 'length' : reply.finish === 'stop' ? 'stop' : 'other';
      return {
        status: 'sampled',
        text: isCut ? text.slice(0, MOST_CHARS) : text,
        model: reply.by.model,
        finish,
        usage: reply.own,
      };
    }
  }

  return {
    take,
    sampled: () => ({ samples, tokens, costMicros }),
  };
}

interface Asked {
  readonly need: RecordedSample;
  /** Which sample of the round it is. */
  readonly nth: number;
  readonly scope: StepScope;
  readonly messages: readonly Message[];
  readonly input: number;
  readonly cost: number | 'unknown';
  readonly elapsedMs: () => number;
}

const messageOf = ({ role, content }: RecordedSample['messages'][number], index: number): Message =>
  role === 'user'
    ? { v: 1, id: `sample-${index}`, role, kind: 'user', content }
    : { v: 1, id: `sample-${index}`, role, kind: 'assistant', content };

const unavailable = (reason: string): CallAnswer => ({ status: 'unavailable', reason });
