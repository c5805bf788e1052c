import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base';
import { defineAgent, defineTool } from '@prusik/agents';
import { createEngine, type RunResult } from '@prusik/durable';
import { memoryStore } from '@prusik/store-memory';
import { scriptedModel } from '@prusik/testing-contracts';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { telemetry } from '../src/index.ts';
import { collector, type Behaviour, type Collector } from './collector.ts';

/** What an exporter may take before it gives a batch up. */
const EXPORT_MS = 2_000;

/** One agent run of two model calls and a tool call, with the real SDK and its batches. */
async function watchedRun(
  { url }: Collector,
  exporter: SpanExporter,
  during: (tracerProvider: BasicTracerProvider) => Promise<void> = async () => {},
): Promise<{
  readonly result: RunResult<unknown>;
  readonly tracerProvider: BasicTracerProvider;
  readonly meterProvider: MeterProvider;
}> {
  const processor = new BatchSpanProcessor(exporter, { scheduledDelayMillis: 1, exportTimeoutMillis: EXPORT_MS });
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [processor] });
  const reader = new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter({ url: `${url}/v1/metrics`, timeoutMillis: EXPORT_MS }),
    exportIntervalMillis: 3_600_000,
    exportTimeoutMillis: EXPORT_MS,
  });
  const meterProvider = new MeterProvider({ readers: [reader] });
  const search = defineTool({
    name: 'search',
    description: 'Searches.',
    input: z.object({ query: z.string() }),
    effect: 'repeatable',
    // Whatever has ended by now is on its way to the collector, or hangs there.
    execute: async () => {
      await during(tracerProvider);
      return 'nothing';
    },
  });
  const model = scriptedModel(
    [
      [
        { call: 'search', input: { query: 'CANARY' } },
        { inputTokens: 100, outputTokens: 10 },
      ],
      ['done', { inputTokens: 120, outputTokens: 20 }],
    ],
    { provider: 'openai.responses', modelId: 'gpt-x' },
  );
  const writer = defineAgent({ name: 'writer', instructions: 'CANARY', model: model as never, tools: [search] });
  const store = memoryStore();
  const engine = createEngine({
    store,
    definitions: [writer],
    observers: [telemetry({ tracerProvider, meterProvider })],
  });
  try {
    return { result: await engine.run('writer', 'CANARY', { id: 'r' }), tracerProvider, meterProvider };
  } finally {
    await engine[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  }
}

/** As a program does that ends, whatever becomes of it. */
const endOf = async (...providers: { shutdown(): Promise<void> }[]): Promise<void> => {
  await Promise.allSettled(providers.map((provider) => provider.shutdown()));
};

it.each([
  ['JSON', 'application/json', OTLPTraceExporter],
  ['protobuf', 'application/x-protobuf', ProtobufExporter],
])('TEL-1: a run arrives at a collector of OTLP over HTTP, in %s', async (_, type, Exporter) => {
  await using sink = await collector();

  const { result, tracerProvider, meterProvider } = await watchedRun(
    sink,
    new Exporter({ url: `${sink.url}/v1/traces`, timeoutMillis: EXPORT_MS }),
  );
  await endOf(tracerProvider, meterProvider);

  expect(result.status).toBe('completed');
  expect(sink.types).toEqual(new Set([type, 'application/json']));
  const named = (name: string) => sink.spans.filter((span) => span.name === name);
  const [drive] = named('invoke_agent writer');
  const chats = named('chat gpt-x');
  expect(sink.spans.map(({ name }) => name).toSorted()).toEqual([
    'chat gpt-x',
    'chat gpt-x',
    'execute_tool search',
    'invoke_agent writer',
  ]);
  expect(new Set(sink.spans.map(({ traceId }) => traceId)).size).toBe(1);
  expect(drive?.parentSpanId).toBe('');
  const below = sink.spans.filter((span) => span !== drive);
  expect(below.map(({ parentSpanId }) => parentSpanId)).toEqual(below.map(() => drive?.spanId));
  // CLIENT and INTERNAL, as they travel.
  expect(chats.map(({ kind }) => kind)).toEqual([3, 3]);
  expect(named('execute_tool search').map(({ kind }) => kind)).toEqual([1]);
  expect(chats.map(({ attributes }) => attributes['gen_ai.usage.input_tokens'])).toEqual([100, 120]);
  expect(chats[0]?.attributes).toMatchObject({
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'openai',
    'gen_ai.request.model': 'gpt-x',
    'prusik.run.id': 'r',
  });
  const tokens = sink.metrics.find(({ name }) => name === 'gen_ai.client.inference.usage.input_tokens');
  expect(tokens).toMatchObject({ unit: '{token}', sum: { isMonotonic: true, dataPoints: [{ asDouble: 220 }] } });
  const duration = sink.metrics.find(({ name }) => name === 'gen_ai.client.inference.duration');
  expect(duration).toMatchObject({
    unit: 's',
    histogram: {
      dataPoints: [
        {
          count: 2,
          explicitBounds: [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92],
        },
      ],
    },
  });
  expect(JSON.stringify([sink.spans, sink.metrics])).not.toContain('CANARY');
});

it.each<Behaviour>(['hang', 'refuse', 'fail', 'break'])(
  'TEL-3: a collector that does this touches no run: %s',
  async (behaviour) => {
    await using sound = await collector();
    await using sink = await collector();
    sink.behave(behaviour);
    const url = (at: Collector) => new OTLPTraceExporter({ url: `${at.url}/v1/traces`, timeoutMillis: EXPORT_MS });
    const expected = await watchedRun(sound, url(sound));

    // The run goes on only when the collector has been asked, so that it hangs or fails while the run is under way.
    const watched = await watchedRun(sink, url(sink), async () => sink.asked(1));

    expect(watched.result).toMatchObject({ ...expected.result, run: watched.result.run });
    expect(sink.requests).toBeGreaterThan(0);
    expect(sink.spans).toEqual([]);
    await endOf(expected.tracerProvider, expected.meterProvider, watched.tracerProvider, watched.meterProvider);
  },
);

it('TEL-3: an exporter that throws, and one that nothing listens to, touch no run', async () => {
  await using sink = await collector();
  const throwing: SpanExporter = {
    export() {
      throw new Error('CANARY');
    },
    shutdown: () => Promise.reject(new Error('CANARY')),
  };
  const nowhere = new OTLPTraceExporter({ url: 'http://127.0.0.1:9/v1/traces', timeoutMillis: EXPORT_MS });

  for (const exporter of [throwing, nowhere]) {
    const { result, tracerProvider, meterProvider } = await watchedRun(sink, exporter);
    expect(result.status).toBe('completed');
    await endOf(tracerProvider, meterProvider);
  }
});
