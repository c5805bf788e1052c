import { expect, it } from 'vitest';
import { ATTR, CONVENTIONS, EVENT, LINK, METRICS, OPERATION, OWN, SPAN } from '../src/index.ts';

const DOUBLED = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const TOKENS = [1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864];

it('TEL-1: the names are those of one release of the GenAI conventions, which is told with the day they were looked up', () => {
  expect(CONVENTIONS).toEqual({
    source: 'https://github.com/open-telemetry/semantic-conventions-genai',
    version: 'v0.1.0',
    lookedUp: '2026-11-28',
  });
});

it('TEL-1: spans, operations, events and links have these names', () => {
  expect(OPERATION).toEqual({
    agent: 'invoke_agent',
    workflow: 'invoke_workflow',
    chat: 'chat',
    tool: 'execute_tool',
  });
  expect(SPAN).toEqual({ run: 'prusik.run', step: 'prusik.step' });
  expect(EVENT).toEqual({
    retry: 'prusik.retry',
    wait: 'prusik.wait',
    block: 'prusik.block',
    unblock: 'prusik.unblock',
    cancel: 'prusik.cancel',
    deadline: 'prusik.deadline',
    modelFailed: 'prusik.model.failed',
  });
  expect(LINK).toEqual({ before: 'previous_drive', caller: 'caller' });
});

it('TEL-1: attributes of the conventions have these names', () => {
  expect(ATTR).toEqual({
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
  });
});

it('TEL-1: attributes of ours have these names', () => {
  expect(OWN).toEqual({
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
  });
});

it('TEL-4: metrics have these names and units', () => {
  const named = Object.fromEntries(Object.entries(METRICS).map(([key, { name, unit }]) => [key, `${name} ${unit}`]));
  expect(named).toEqual({
    inferenceDuration: 'gen_ai.client.inference.duration s',
    timeToFirstChunk: 'gen_ai.client.inference.time_to_first_chunk s',
    operationInput: 'gen_ai.client.inference.operation.input_tokens {token}',
    operationOutput: 'gen_ai.client.inference.operation.output_tokens {token}',
    inputTokens: 'gen_ai.client.inference.usage.input_tokens {token}',
    outputTokens: 'gen_ai.client.inference.usage.output_tokens {token}',
    cacheReadTokens: 'gen_ai.client.inference.usage.cache_read.input_tokens {token}',
    cacheWriteTokens: 'gen_ai.client.inference.usage.cache_write.input_tokens {token}',
    reasoningTokens: 'gen_ai.client.inference.usage.reasoning.output_tokens {token}',
    invokeDuration: 'gen_ai.invoke_agent.duration s',
    invokeInferenceCalls: 'gen_ai.invoke_agent.inference_calls {inference_call}',
    invokeToolCalls: 'gen_ai.invoke_agent.tool_calls {tool_call}',
    toolDuration: 'gen_ai.execute_tool.duration s',
    runDuration: 'prusik.run.duration s',
    stepDuration: 'prusik.step.duration s',
    stepRetries: 'prusik.step.retries {retry}',
    usageCost: 'prusik.usage.cost_micros {micro}',
    waitDuration: 'prusik.wait.duration s',
    runBlocks: 'prusik.run.blocks {block}',
    leasesLost: 'prusik.lease.lost {lease}',
    commitDuration: 'prusik.commit.duration s',
    eventLag: 'prusik.event.lag s',
    activeDrives: 'prusik.drive.active {drive}',
    workerSlots: 'prusik.worker.slots {slot}',
    warnings: 'prusik.warnings {warning}',
    metricsDropped: 'prusik.metrics.dropped {measurement}',
    runs: 'prusik.runs {run}',
    oldestQueued: 'prusik.queue.oldest s',
  });
});

it('TEL-4: histograms of the conventions have the buckets that are given there', () => {
  expect(METRICS.inferenceDuration.buckets).toEqual(DOUBLED);
  expect(METRICS.timeToFirstChunk.buckets).toEqual(DOUBLED);
  expect(METRICS.toolDuration.buckets).toEqual(DOUBLED);
  expect(METRICS.operationInput.buckets).toEqual(TOKENS);
  expect(METRICS.operationOutput.buckets).toEqual(TOKENS);
  expect(METRICS.invokeDuration.buckets).toEqual([
    0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6,
  ]);
  expect(METRICS.invokeInferenceCalls.buckets).toEqual([1, 2, 4, 8, 16, 32, 64, 128]);
  expect(METRICS.invokeToolCalls.buckets).toEqual([1, 2, 4, 8, 16, 32, 64, 128]);
});
