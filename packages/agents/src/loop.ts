import { PrusikError, serializeError, type SerializedError, type Spent } from '@prusik/core';
import { limitsOf, type CompactionRecord, type PlannedCall, type ReplyRecord, type RunLimits } from './loop-types.ts';
import { NO_LISTINGS, withChanged, type RecordedListing } from './recorded-listing.ts';

/** Where a run of an agent stands: nothing but what recorded outcomes say, so it is the same on replay. */
export interface LoopState {
  /** Those that the agent has now, until the first record says which the run began with. */
  readonly limits: RunLimits;
  /** Model calls made. */
  readonly steps: number;
  /** Tool calls planned. */
  readonly toolCalls: number;
  /** Times that tools have asked models. */
  readonly samples: number;
  readonly tokens: number;
  readonly costMicros: number;
  /** What the next prompt will at least take: the last call with its reply and the results since. */
  readonly promptTokens?: number;
  readonly emptyReplies: number;
  readonly repairs: number;
  /** How often the prompt was made shorter, successfully or not. */
  readonly compactions: number;
  /** Since the last model call: nothing is made shorter twice for one. */
  readonly compacted?: CompactionRecord;
  /** Nothing came of it the last time, so it is not tried again before it must be. */
  readonly compactionFailed?: true;
  /** What sources offered last. */
  readonly listings: readonly RecordedListing[];
  /** What the last provider that said it took for a token. */
  readonly charsPerToken?: number;
  /** The last reply, until its calls are closed. */
  readonly reply?: ReplyRecord;
}

/** What to do next. */
export type Action =
  | { readonly do: 'call-model'; readonly step: number }
  | {
      readonly do: 'call-tools';
      readonly step: number;
      readonly message: string;
      readonly calls: readonly PlannedCall[];
    }
  /** `refused`: what the provider said, where it was the provider. */
  | { readonly do: 'compact'; readonly n: number; readonly promptTokens: number; readonly refused: boolean }
  | { readonly do: 'finish'; readonly message: string }
  | { readonly do: 'fail'; readonly error: SerializedError };

export const begin = (limits: RunLimits): LoopState => ({
  limits,
  steps: 0,
  toolCalls: 0,
  samples: 0,
  tokens: 0,
  costMicros: 0,
  emptyReplies: 0,
  repairs: 0,
  compactions: 0,
  listings: NO_LISTINGS,
});

/** Pure: from where the run stands to what it does next. */
export function next(state: LoopState, elapsedMs: number): Action {
  const { reply, limits } = state;
  if (reply === undefined) return callModel(state, elapsedMs);
  switch (reply.verdict) {
    case 'refused':
    case 'provider-calls':
    case 'steered':
      return callModel(state, elapsedMs);
    case 'call-tools':
      return { do: 'call-tools', step: state.steps, message: reply.message ?? '', calls: reply.calls ?? [] };
    case 'answer':
      return { do: 'finish', message: reply.message ?? '' };
    case 'empty':
      if (state.emptyReplies > 1) return fail('MODEL_REPLY_EMPTY', 'The model gave an empty reply twice');
      return callModel(state, elapsedMs);
    case 'invalid-output':
      if (state.repairs > limits.repairs)
        return fail('AGENT_OUTPUT_INVALID', `The output missed its schema ${state.repairs} times`);
      return callModel(state, elapsedMs);
    case 'truncated':
      return fail('MODEL_REPLY_TRUNCATED', 'The reply was cut at the output limit of the model');
    case 'filtered':
      return fail('MODEL_REPLY_FILTERED', 'The provider withheld the reply (content filter or refusal)');
    case 'too-long':
      return compact(state, reply);
    case 'failed':
      return { do: 'fail', error: reply.error ?? { code: 'MODEL_CALL_FAILED', message: 'The model call failed' } };
    default:
      return reply.verdict satisfies never;
  }
}

function compact({ compacted, compactions }: LoopState, reply: ReplyRecord): Action {
  const { promptTokens = 0, error } = reply;
  if (compacted === undefined) return { do: 'compact', n: compactions + 1, promptTokens, refused: error !== undefined };
  if (compacted.error !== undefined) return { do: 'fail', error: compacted.error };
  const how = compacted.did === 'nothing' ? 'nothing in it can be made shorter' : 'making it shorter was not enough';
  const said = error === undefined ? '' : `: ${error.message}`;
  return fail('CONTEXT_OVERFLOW', `The prompt of about ${promptTokens} tokens is too long, and ${how}${said}`);
}

function callModel(state: LoopState, elapsedMs: number): Action {
  // The first call's body says no: before its record nobody knows which limits the run began with.
  const over = state.steps === 0 ? undefined : overLimit(state, { tokens: state.promptTokens ?? 0 }, elapsedMs);
  return over === undefined ? { do: 'call-model', step: state.steps + 1 } : { do: 'fail', error: serializeError(over) };
}

/** What a model call takes at least: its prompt, and the cost of that with as long a reply as may come. */
export interface NextCall {
  readonly tokens: number;
  /** `unknown` where a model has no price; missing where nobody looks, since prices are those of the process that makes the call. */
  readonly costMicros?: number | 'unknown';
}

/** Where the run stands once what failed attempts and models of its step have used is counted. */
export const withSpent = (state: LoopState, spent: Spent): LoopState => ({
  ...state,
  tokens: state.tokens + tokensIn(spent),
  costMicros: state.costMicros + (spent.costMicros ?? 0),
});

export const tokensIn = ({ usage }: Spent): number => (usage?.inputTokens ?? 0) + (usage?.outputTokens ?? 0);

/** Why one more model call does not start, if it does not. */
export function overLimit(
  { limits, steps, tokens, costMicros }: LoopState,
  call: NextCall,
  elapsedMs: number,
): PrusikError | undefined {
  if (steps >= limits.steps)
    return new PrusikError('AGENT_STEP_LIMIT', `The agent came to no end in ${limits.steps} model calls`);
  const wanted = call.tokens + limits.outputTokens;
  if (tokens + wanted > limits.tokens)
    return new PrusikError(
      'AGENT_TOKEN_LIMIT',
      `The agent has used ${tokens} of ${limits.tokens} tokens, and the next model call may take ${wanted}`,
    );
  const cost = call.costMicros ?? 0;
  if (limits.costMicros < Number.POSITIVE_INFINITY && (cost === 'unknown' || costMicros + cost > limits.costMicros))
    return new PrusikError(
      'AGENT_COST_LIMIT',
      `The agent has spent ${costMicros} of ${limits.costMicros} micros, and the next model call may take ${cost === 'unknown' ? 'nobody knows how many' : cost}`,
    );
  if (elapsedMs >= limits.wallMs)
    return new PrusikError('AGENT_TIME_LIMIT', `The agent has run for ${elapsedMs} of ${limits.wallMs} ms`);
  return undefined;
}

const fail = (code: string, message: string): Action => ({ do: 'fail', error: { code, message } });

export function afterModel(state: LoopState, reply: ReplyRecord): LoopState {
  // Nobody answered: it is the same model call that is to come.
  if (reply.verdict === 'too-long')
    return {
      ...state,
      limits: reply.limits === undefined ? state.limits : limitsOf(reply.limits),
      tokens: state.tokens + reply.tokens,
      costMicros: state.costMicros + (reply.costMicros ?? 0),
      listings: withChanged(state.listings, reply.listings),
      reply,
    };
  const charsPerToken = reply.charsPerToken ?? state.charsPerToken;
  return {
    limits: reply.limits === undefined ? state.limits : limitsOf(reply.limits),
    steps: state.steps + 1,
    toolCalls: state.toolCalls + (reply.calls?.length ?? 0),
    samples: state.samples,
    tokens: state.tokens + reply.tokens,
    costMicros: state.costMicros + (reply.costMicros ?? reply.chargedMicros ?? 0),
    promptTokens: reply.tokens - (reply.besides ?? 0) + (reply.since ?? 0),
    // In a row: a model that spoke in between is not stuck.
    emptyReplies: reply.verdict === 'empty' ? state.emptyReplies + 1 : 0,
    repairs: state.repairs + (reply.verdict === 'invalid-output' ? 1 : 0),
    compactions: state.compactions,
    listings: withChanged(state.listings, reply.listings),
    ...(state.compactionFailed === undefined ? {} : { compactionFailed: true }),
    ...(charsPerToken === undefined ? {} : { charsPerToken }),
    reply,
  };
}

/** Where that was not enough, the next model call says so without being made; a prompt that was refused as it is now is not sent again. */
export function afterCompaction({ reply, ...state }: LoopState, record: CompactionRecord): LoopState {
  const { compactionFailed: _before, ...rest } = state;
  const isShorter = record.after < record.before;
  return {
    ...rest,
    tokens: state.tokens + record.tokens,
    costMicros: state.costMicros + (record.costMicros ?? 0),
    promptTokens: record.after,
    compactions: state.compactions + 1,
    compacted: record,
    ...(isShorter ? {} : { compactionFailed: true as const }),
    ...(!isShorter && reply?.error !== undefined ? { reply } : {}),
  };
}

/** What tools have asked of models; it counts for the limits of the run. */
export interface Sampled {
  readonly samples: number;
  readonly tokens: number;
  readonly costMicros: number;
}

/** What the calls of a reply came to. */
export interface AfterTools {
  /** Of their results. */
  readonly tokens: number;
  readonly sampled: Sampled;
}

/** Every call of the reply is closed. */
export function afterTools({ reply: _closed, ...state }: LoopState, { tokens, sampled }: AfterTools): LoopState {
  return {
    ...state,
    samples: state.samples + sampled.samples,
    tokens: state.tokens + sampled.tokens,
    costMicros: state.costMicros + sampled.costMicros,
    promptTokens: (state.promptTokens ?? 0) + tokens,
  };
}
