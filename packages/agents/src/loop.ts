import type { SerializedError } from '@prusik/core';

/** How much one run of an agent may do; what would exceed a limit never starts. */
export interface AgentLimits {
  /** Model calls. @default 16 */
  readonly steps: number;
  /** Tool calls in all. @default 64 */
  readonly toolCalls: number;
  /** Tool calls at once. @default 8 */
  readonly parallelTools: number;
  /** Tokens, by what the provider says or, where it says nothing, by length. @default no limit */
  readonly tokens: number;
  /** From start to end in milliseconds, waits included. @default no limit */
  readonly wallMs: number;
  /** How often an output that misses its schema is asked for again. @default 2 */
  readonly repairs: number;
  /** One model call, in milliseconds. @default 300_000 */
  readonly modelTimeoutMs: number;
  /** Between two chunks of a model call, in milliseconds. @default 60_000 */
  readonly modelStallMs: number;
  /** Attempts at one model call, for errors that may pass. @default 3 */
  readonly modelAttempts: number;
}

export const AGENT_LIMITS: AgentLimits = {
  steps: 16,
  toolCalls: 64,
  parallelTools: 8,
  tokens: Number.POSITIVE_INFINITY,
  wallMs: Number.POSITIVE_INFINITY,
  repairs: 2,
  modelTimeoutMs: 300_000,
  modelStallMs: 60_000,
  modelAttempts: 3,
};

/** A tool call that is to be executed. */
export interface PlannedCall {
  readonly callId: string;
  readonly tool: string;
  /** A person is asked first: the fingerprint that the approval is bound to. */
  readonly ask?: string;
}

/** What a model call came to. */
export type Verdict =
  /** `calls` are to be executed. */
  | 'call-tools'
  /** The reply is the run's output. */
  | 'answer'
  /** All its calls were refused and closed: the model is to read why. */
  | 'refused'
  | 'empty'
  /** The output misses its schema; the model was told what is wrong. */
  | 'invalid-output'
  /** Cut at the output limit, without a tool call. */
  | 'truncated'
  | 'filtered'
  /** The model failed in the middle; what had come is kept. */
  | 'failed';

/** The recorded outcome of one model call. Its content is in the thread, so this stays small. */
export interface ReplyRecord {
  readonly verdict: Verdict;
  /** Id of the assistant message, where one was stored. */
  readonly message?: string;
  readonly calls?: readonly PlannedCall[];
  /** Input and output. */
  readonly tokens: number;
  readonly error?: SerializedError;
}

/** Where a run of an agent stands: nothing but what recorded outcomes say, so it is the same on replay. */
export interface LoopState {
  /** Model calls made. */
  readonly steps: number;
  /** Tool calls planned. */
  readonly toolCalls: number;
  readonly tokens: number;
  /** Of the last model call: what the next one will at least take. */
  readonly lastTokens?: number;
  readonly emptyReplies: number;
  readonly repairs: number;
  /** The last reply, until its calls are closed. */
  readonly reply?: ReplyRecord;
}

export const BEGIN: LoopState = { steps: 0, toolCalls: 0, tokens: 0, emptyReplies: 0, repairs: 0 };

/** What to do next. */
export type Action =
  | { readonly do: 'call-model'; readonly step: number }
  | {
      readonly do: 'call-tools';
      readonly step: number;
      readonly message: string;
      readonly calls: readonly PlannedCall[];
    }
  | { readonly do: 'finish'; readonly message: string }
  | { readonly do: 'fail'; readonly error: SerializedError };

/** Pure: from where the run stands to what it does next. */
export function next(state: LoopState, limits: AgentLimits, elapsedMs: number): Action {
  const { reply } = state;
  if (reply === undefined) return callModel(state, limits, elapsedMs);
  switch (reply.verdict) {
    case 'refused':
      return callModel(state, limits, elapsedMs);
    case 'call-tools':
      return { do: 'call-tools', step: state.steps, message: reply.message ?? '', calls: reply.calls ?? [] };
    case 'answer':
      return { do: 'finish', message: reply.message ?? '' };
    case 'empty':
      if (state.emptyReplies > 1) return fail('MODEL_REPLY_EMPTY', 'The model gave an empty reply twice');
      return callModel(state, limits, elapsedMs);
    case 'invalid-output':
      if (state.repairs > limits.repairs)
        return fail('AGENT_OUTPUT_INVALID', `The output missed its schema ${state.repairs} times`);
      return callModel(state, limits, elapsedMs);
    case 'truncated':
      return fail('MODEL_REPLY_TRUNCATED', 'The reply was cut at the output limit of the model');
    case 'filtered':
      return fail('MODEL_REPLY_FILTERED', 'The provider withheld the reply (content filter or refusal)');
    case 'failed':
      return { do: 'fail', error: reply.error ?? { code: 'MODEL_CALL_FAILED', message: 'The model call failed' } };
    default:
      return reply.verdict satisfies never;
  }
}

function callModel(state: LoopState, limits: AgentLimits, elapsedMs: number): Action {
  if (state.steps >= limits.steps)
    return fail('AGENT_STEP_LIMIT', `The agent came to no end in ${limits.steps} model calls`);
  if (state.tokens >= limits.tokens)
    return fail('AGENT_TOKEN_LIMIT', `The agent has used ${state.tokens} of ${limits.tokens} tokens`);
  if (elapsedMs >= limits.wallMs)
    return fail('AGENT_TIME_LIMIT', `The agent has run for ${elapsedMs} of ${limits.wallMs} ms`);
  return { do: 'call-model', step: state.steps + 1 };
}

const fail = (code: string, message: string): Action => ({ do: 'fail', error: { code, message } });

export function afterModel(state: LoopState, reply: ReplyRecord): LoopState {
  return {
    steps: state.steps + 1,
    toolCalls: state.toolCalls + (reply.calls?.length ?? 0),
    tokens: state.tokens + reply.tokens,
    lastTokens: reply.tokens,
    // In a row: a model that spoke in between is not stuck.
    emptyReplies: reply.verdict === 'empty' ? state.emptyReplies + 1 : 0,
    repairs: state.repairs + (reply.verdict === 'invalid-output' ? 1 : 0),
    reply,
  };
}

/** Every call of the reply is closed. */
export function afterTools({ reply: _closed, ...state }: LoopState): LoopState {
  return state;
}
