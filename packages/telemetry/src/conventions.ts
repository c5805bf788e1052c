/**
 * Names of the GenAI conventions, as they were looked up. All of them are in development there, so they may change; here they do with a release of
 * this package, all at once, and nowhere else.
 */
export const CONVENTIONS = {
  source: 'https://github.com/open-telemetry/semantic-conventions-genai',
  version: 'v0.1.0',
  lookedUp: '2026-11-28',
} as const;

/** Values of {@link ATTR.operation}, which a span's name begins with. */
export const OPERATION = {
  agent: 'invoke_agent',
  workflow: 'invoke_workflow',
  chat: 'chat',
  tool: 'execute_tool',
} as const;

/** Names of spans that the conventions have no name for. */
export const SPAN = {
  /** A drive of a run that is neither an agent nor a workflow. */
  run: 'prusik.run',
  /** A step that is neither a model call nor a tool call. */
  step: 'prusik.step',
} as const;

/** Attributes of the conventions. */
export const ATTR = {
  operation: 'gen_ai.operation.name',
  provider: 'gen_ai.provider.name',
  agentName: 'gen_ai.agent.name',
  agentVersion: 'gen_ai.agent.version',
  conversation: 'gen_ai.conversation.id',
  requestModel: 'gen_ai.request.model',
  requestStream: 'gen_ai.request.stream',
  responseModel: 'gen_ai.response.model',
  responseId: 'gen_ai.response.id',
  finishReasons: 'gen_ai.response.finish_reasons',
  timeToFirstChunk: 'gen_ai.response.time_to_first_chunk',
  outputType: 'gen_ai.output.type',
  inputTokens: 'gen_ai.usage.input_tokens',
  outputTokens: 'gen_ai.usage.output_tokens',
  cacheReadTokens: 'gen_ai.usage.cache_read.input_tokens',
  cacheWriteTokens: 'gen_ai.usage.cache_write.input_tokens',
  reasoningTokens: 'gen_ai.usage.reasoning.output_tokens',
  tokenModality: 'gen_ai.token.modality',
  toolName: 'gen_ai.tool.name',
  toolType: 'gen_ai.tool.type',
  toolCallId: 'gen_ai.tool.call.id',
  toolArguments: 'gen_ai.tool.call.arguments',
  toolResult: 'gen_ai.tool.call.result',
  inputMessages: 'gen_ai.input.messages',
  outputMessages: 'gen_ai.output.messages',
  errorType: 'error.type',
  errorMessage: 'error.message',
} as const;

/** Attributes of ours. */
export const OWN = {
  tenant: 'prusik.tenant',
  runId: 'prusik.run.id',
  runKind: 'prusik.run.kind',
  runDefinition: 'prusik.run.definition',
  runVersion: 'prusik.run.version',
  runStatus: 'prusik.run.status',
  runDepth: 'prusik.run.depth',
  rootId: 'prusik.root.id',
  parentId: 'prusik.parent.id',
  parentKey: 'prusik.parent.key',
  worker: 'prusik.worker',
  driveEpoch: 'prusik.drive.epoch',
  driveAttempt: 'prusik.drive.attempt',
  driveOver: 'prusik.drive.over',
  driveParkedMs: 'prusik.drive.parked_ms',
  budgetCalls: 'prusik.budget.calls',
  budgetTokens: 'prusik.budget.tokens',
  budgetCost: 'prusik.budget.cost_micros',
  budgetRuns: 'prusik.budget.runs',
  stepKey: 'prusik.step.key',
  stepName: 'prusik.step.name',
  stepKind: 'prusik.step.kind',
  stepAttempt: 'prusik.step.attempt',
  stepEffect: 'prusik.step.effect',
  stepSettledBy: 'prusik.step.settled_by',
  stepRecorded: 'prusik.step.recorded',
  stepDenied: 'prusik.step.denied',
  stepAbsorbed: 'prusik.step.absorbed',
  usageEstimated: 'prusik.usage.estimated',
  usageCost: 'prusik.usage.cost_micros',
  modelAnswered: 'prusik.model.answered',
  modelName: 'prusik.model.name',
  modelErrorClass: 'prusik.model.error_class',
  toolSource: 'prusik.tool.source',
  waitKind: 'prusik.wait.kind',
  waitMs: 'prusik.wait.ms',
  waitTimedOut: 'prusik.wait.timed_out',
  retryMs: 'prusik.retry.ms',
  linkKind: 'prusik.link',
  commitOutcome: 'prusik.commit.outcome',
  warningCode: 'prusik.warning.code',
  outputChars: 'prusik.output.chars',
  outputParts: 'prusik.output.parts',
  inputChars: 'prusik.input.chars',
  inputParts: 'prusik.input.parts',
  argumentsChars: 'prusik.tool.arguments.chars',
  resultChars: 'prusik.tool.result.chars',
  resultType: 'prusik.tool.result.type',
  errorChars: 'prusik.error.chars',
  droppedWhy: 'prusik.metrics.dropped.why',
  overflow: 'otel.metric.overflow',
} as const;

/** Events on spans. */
export const EVENT = {
  retry: 'prusik.retry',
  wait: 'prusik.wait',
  block: 'prusik.block',
  unblock: 'prusik.unblock',
  cancel: 'prusik.cancel',
  deadline: 'prusik.deadline',
  modelFailed: 'prusik.model.failed',
} as const;

/** Why a span is linked to another: values of {@link OWN.linkKind}. */
export const LINK = {
  /** To the drive before. */
  before: 'previous_drive',
  /** To whoever started the run, where that is not the parent. */
  caller: 'caller',
} as const;

const powers = (first: number, factor: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => Number((first * factor ** index).toPrecision(12)));

/** 0.01 s to 81.92 s, each twice the one before. */
const SECONDS = powers(0.01, 2, 14);
/** 0.1 s to 409.6 s. */
const INVOCATION_SECONDS = powers(0.1, 2, 13);
const TOKENS = powers(1, 4, 14);
const CALLS = powers(1, 2, 8);
/** From what a write to a fast disk takes to what nobody should wait. */
const WRITE_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Runs wait for people: from a tenth of a second to a month. */
const LONG_SECONDS = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3_600, 14_400, 43_200, 86_400, 259_200, 604_800, 2_592_000];

export type HistogramName =
  | 'inferenceDuration'
  | 'timeToFirstChunk'
  | 'operationInput'
  | 'operationOutput'
  | 'invokeDuration'
  | 'invokeInferenceCalls'
  | 'invokeToolCalls'
  | 'toolDuration'
  | 'runDuration'
  | 'stepDuration'
  | 'waitDuration'
  | 'commitDuration'
  | 'eventLag';
export type CounterName =
  | 'inputTokens'
  | 'outputTokens'
  | 'cacheReadTokens'
  | 'cacheWriteTokens'
  | 'reasoningTokens'
  | 'stepRetries'
  | 'usageCost'
  | 'runBlocks'
  | 'leasesLost'
  | 'warnings'
  | 'metricsDropped';
/** They go up and down again. */
export type LevelName = 'activeDrives' | 'workerSlots';
export type GaugeName = 'runs' | 'oldestQueued';

/** One metric. */
export interface MetricSpec {
  readonly name: string;
  readonly unit: string;
  readonly about: string;
  /** Upper ends of the buckets of a histogram. */
  readonly buckets?: readonly number[];
}

/** All metrics. Those that begin with `gen_ai` are the conventions'. */
export const METRICS: Readonly<Record<HistogramName | CounterName | LevelName | GaugeName, MetricSpec>> = {
  inferenceDuration: {
    name: 'gen_ai.client.inference.duration',
    unit: 's',
    about: 'Time of a model call, its retries included.',
    buckets: SECONDS,
  },
  timeToFirstChunk: {
    name: 'gen_ai.client.inference.time_to_first_chunk',
    unit: 's',
    about: 'From the request to the first piece of the reply.',
    buckets: SECONDS,
  },
  operationInput: {
    name: 'gen_ai.client.inference.operation.input_tokens',
    unit: '{token}',
    about: 'Input tokens of one model call.',
    buckets: TOKENS,
  },
  operationOutput: {
    name: 'gen_ai.client.inference.operation.output_tokens',
    unit: '{token}',
    about: 'Output tokens of one model call.',
    buckets: TOKENS,
  },
  inputTokens: {
    name: 'gen_ai.client.inference.usage.input_tokens',
    unit: '{token}',
    about: 'Input tokens, those from a cache included.',
  },
  outputTokens: {
    name: 'gen_ai.client.inference.usage.output_tokens',
    unit: '{token}',
    about: 'Output tokens, those of reasoning included.',
  },
  cacheReadTokens: {
    name: 'gen_ai.client.inference.usage.cache_read.input_tokens',
    unit: '{token}',
    about: 'Input tokens that a provider had in its cache.',
  },
  cacheWriteTokens: {
    name: 'gen_ai.client.inference.usage.cache_write.input_tokens',
    unit: '{token}',
    about: 'Input tokens that a provider put into its cache.',
  },
  reasoningTokens: {
    name: 'gen_ai.client.inference.usage.reasoning.output_tokens',
    unit: '{token}',
    about: 'Output tokens of reasoning.',
  },
  invokeDuration: {
    name: 'gen_ai.invoke_agent.duration',
    unit: 's',
    about: 'Time of one drive of an agent or a workflow.',
    buckets: INVOCATION_SECONDS,
  },
  invokeInferenceCalls: {
    name: 'gen_ai.invoke_agent.inference_calls',
    unit: '{inference_call}',
    about: 'Model calls of one drive of an agent or a workflow.',
    buckets: CALLS,
  },
  invokeToolCalls: {
    name: 'gen_ai.invoke_agent.tool_calls',
    unit: '{tool_call}',
    about: 'Tool calls of one drive of an agent or a workflow.',
    buckets: CALLS,
  },
  toolDuration: {
    name: 'gen_ai.execute_tool.duration',
    unit: 's',
    about: 'Time of a tool call, its retries included.',
    buckets: SECONDS,
  },
  runDuration: {
    name: 'prusik.run.duration',
    unit: 's',
    about: 'From the start of a run to its end, all waits included.',
    buckets: LONG_SECONDS,
  },
  stepDuration: {
    name: 'prusik.step.duration',
    unit: 's',
    about: 'Time of a step that is neither a model call nor a tool call, its retries included.',
    buckets: SECONDS,
  },
  stepRetries: {
    name: 'prusik.step.retries',
    unit: '{retry}',
    about: 'Executions of steps that failed or were refused, and are made again.',
  },
  usageCost: {
    name: 'prusik.usage.cost_micros',
    unit: '{micro}',
    about: 'What model calls cost, in millionths of the currency that prices are given in.',
  },
  waitDuration: {
    name: 'prusik.wait.duration',
    unit: 's',
    about: 'How long a run waited for a timer, a signal, a child or a person.',
    buckets: LONG_SECONDS,
  },
  runBlocks: {
    name: 'prusik.run.blocks',
    unit: '{block}',
    about: 'Runs that could not go on without a person.',
  },
  leasesLost: {
    name: 'prusik.lease.lost',
    unit: '{lease}',
    about: 'Leases that were lost, counted by the drive that took the run over, with its first commit.',
  },
  commitDuration: {
    name: 'prusik.commit.duration',
    unit: 's',
    about: 'How long the store took to answer a commit.',
    buckets: WRITE_SECONDS,
  },
  eventLag: {
    name: 'prusik.event.lag',
    unit: 's',
    about: 'From the commit of an entry to its delivery to a reader.',
    buckets: WRITE_SECONDS,
  },
  activeDrives: {
    name: 'prusik.drive.active',
    unit: '{drive}',
    about: 'Drives under way in this process.',
  },
  workerSlots: {
    name: 'prusik.worker.slots',
    unit: '{slot}',
    about: 'Places of the workers of this process.',
  },
  warnings: {
    name: 'prusik.warnings',
    unit: '{warning}',
    about: 'Warnings of the engine.',
  },
  metricsDropped: {
    name: 'prusik.metrics.dropped',
    unit: '{measurement}',
    about: "Measurements of a program's own that no metric was there for.",
  },
  runs: {
    name: 'prusik.runs',
    unit: '{run}',
    about: 'Live runs of the store by status.',
  },
  oldestQueued: {
    name: 'prusik.queue.oldest',
    unit: 's',
    about: 'How long the oldest run has been ready and was not claimed.',
  },
};
