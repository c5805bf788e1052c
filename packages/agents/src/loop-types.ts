import type { SerializedError, TurnOptions } from '@prusik/core';
import type { AnsweredBy } from './call-route.ts';
import type { RecordedListing } from './recorded-listing.ts';
import type { InDoubt } from './tool-types.ts';

/** How much one run of an agent may do; what would exceed a limit never starts. A run keeps the limits that it began with. */
export interface AgentLimits {
  /** Model calls. @default 16 */
  readonly steps: number;
  /** What the last of them may do: call tools, which are refused then, or only answer. @default 'refuse-calls' */
  readonly lastStep: LastStep;
  /** What becomes of a run that has used up one of these limits, a budget, or its time. @default 'fail' */
  readonly whenExhausted: WhenExhausted;
  /** Tool calls in all. @default 64 */
  readonly toolCalls: number;
  /** Tool calls at once. @default 8 */
  readonly parallelTools: number;
  /** Tokens, by what the provider says or, where it says nothing, by length. @default no limit */
  readonly tokens: number;
  /** Millionths of the currency of the registry's prices. A model without a price is not called then. @default no limit */
  readonly costMicros: number;
  /** From start to end in milliseconds, waits included. Calls of models and tools and questions to people last no longer than is left. @default no limit */
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

/** `refuse-calls`: the run fails where the model still asks for a tool. `answer-without-tools`: it is offered none. */
export type LastStep = 'refuse-calls' | 'answer-without-tools';

/** `partial`: it completes with the text that it said last, marked as not whole; where it has said nothing, or its output has a schema, it fails. */
export type WhenExhausted = NonNullable<TurnOptions['whenExhausted']>;

/** The limits of an agent that names none. */
export const AGENT_LIMITS: AgentLimits = {
  steps: 16,
  lastStep: 'refuse-calls',
  whenExhausted: 'fail',
  toolCalls: 64,
  parallelTools: 8,
  tokens: Number.POSITIVE_INFINITY,
  costMicros: Number.POSITIVE_INFINITY,
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
  /** Of a tool that a source has listed: the name of that source, whose listing of then counts. */
  readonly source?: string;
  /** A person is asked first: the fingerprint that the approval is bound to. */
  readonly ask?: string;
  /** With `ask`: what a grant would be bound to, where one may be given. */
  readonly toolHash?: string;
  /** Id of the grant by which nobody is asked. */
  readonly granted?: string;
  /** It is not executed here: whose answer is its result. */
  readonly asks?: 'client-tool' | 'question';
  /** It is not executed here: a child is. */
  readonly delegates?: true;
  /** Nothing else is executed meanwhile. */
  readonly alone?: true;
  /** What becomes of it in doubt, where that is not what follows from `ask`. */
  readonly inDoubt?: InDoubt;
}

/** What a model call came to. */
export type Verdict =
  /** `calls` are to be executed. */
  | 'call-tools'
  /** The reply is the run's output. */
  | 'answer'
  /** An answer, but meanwhile more was said to the run, which the model is to heed. */
  | 'steered'
  /** All its calls were refused and closed: the model is to read why. */
  | 'refused'
  /** Its provider executed calls, or is about to, and said nothing yet: it is asked to go on. */
  | 'provider-calls'
  | 'empty'
  /** The output misses its schema; the model was told what is wrong. */
  | 'invalid-output'
  /** Cut at the output limit, without a tool call. */
  | 'truncated'
  | 'filtered'
  /** The model failed in the middle; what had come is kept. */
  | 'failed'
  /** The prompt is longer than it may be, or its provider refused it as that: it is made shorter first. */
  | 'too-long';

/** The recorded outcome of one model call. Its content is in the thread, so this stays small. */
export interface ReplyRecord {
  readonly verdict: Verdict;
  /** Id of the assistant message, where one was stored. */
  readonly message?: string;
  readonly calls?: readonly PlannedCall[];
  /** Input and output, of all that was asked in the step. */
  readonly tokens: number;
  /** How many of them are those of attempts and models that failed before the one that replied. */
  readonly besides?: number;
  /** Of what follows the reply in its commit: results of refused calls, a correction, what was said meanwhile. */
  readonly since?: number;
  /** The provider did not say how many: they are estimated by length. */
  readonly estimated?: true;
  /** Of all models that the step asked; missing where prices or tokens are not known. */
  readonly costMicros?: number;
  /** What it counts for in its place, where the cost is limited: all that it might have taken. */
  readonly chargedMicros?: number;
  readonly by?: AnsweredBy;
  /** How it ended, where that was out of the ordinary. */
  readonly finish?: string;
  readonly error?: SerializedError;
  /** What the prompt takes by the ruler, where that was looked at. */
  readonly promptTokens?: number;
  /** How many characters the provider took for a token of this prompt, where it says how many there were. */
  readonly charsPerToken?: number;
  /** What sources offered, where that was not on record yet. */
  readonly listings?: readonly RecordedListing[];
  /** In the first record of a run: what it may do, whatever the agent is given later. */
  readonly limits?: RecordedLimits;
}

/** The recorded outcome of making the prompt shorter. What it changed stands in the thread. */
export interface CompactionRecord {
  readonly did: 'trim' | 'summary' | 'nothing';
  /** Tokens of the prompt, by one ruler. */
  readonly before: number;
  readonly after: number;
  /** What whoever wrote the summary used, and what that cost, or may have cost where nobody says. */
  readonly tokens: number;
  readonly costMicros?: number;
  /** Why nothing was done. */
  readonly error?: SerializedError;
}

/** The limits that decide how a run goes on. */
export interface RunLimits extends Pick<
  AgentLimits,
  | 'steps'
  | 'lastStep'
  | 'whenExhausted'
  | 'toolCalls'
  | 'parallelTools'
  | 'tokens'
  | 'costMicros'
  | 'wallMs'
  | 'repairs'
> {
  /** What one reply may take. */
  readonly outputTokens: number;
}

/** The same as JSON: what is not limited is left out. */
export type RecordedLimits = Partial<RunLimits>;

const NO_LIMIT = Number.POSITIVE_INFINITY;
/** What a reply is expected to take where nothing says how much it may. */
const EXPECTED_OUTPUT_TOKENS = 4_096;

export const runLimitsOf = (limits: AgentLimits, maxOutputTokens: number | undefined): RunLimits => ({
  steps: limits.steps,
  lastStep: limits.lastStep,
  whenExhausted: limits.whenExhausted,
  toolCalls: limits.toolCalls,
  parallelTools: limits.parallelTools,
  tokens: limits.tokens,
  costMicros: limits.costMicros,
  wallMs: limits.wallMs,
  repairs: limits.repairs,
  outputTokens: maxOutputTokens ?? EXPECTED_OUTPUT_TOKENS,
});

export function recordLimits(limits: RunLimits): RecordedLimits {
  return Object.fromEntries(Object.entries(limits).filter(([, limit]) => limit !== NO_LIMIT));
}

export const limitsOf = (recorded: RecordedLimits): RunLimits => ({
  steps: NO_LIMIT,
  lastStep: 'refuse-calls',
  whenExhausted: 'fail',
  toolCalls: NO_LIMIT,
  parallelTools: NO_LIMIT,
  tokens: NO_LIMIT,
  costMicros: NO_LIMIT,
  wallMs: NO_LIMIT,
  repairs: NO_LIMIT,
  outputTokens: NO_LIMIT,
  ...recorded,
});

/** What was decided about doubt when the call was planned. */
export const inDoubtOf = ({ ask, inDoubt }: PlannedCall): InDoubt =>
  inDoubt ?? (ask === undefined ? 'tell-model' : 'ask');
