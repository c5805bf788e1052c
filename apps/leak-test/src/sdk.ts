import { context, propagation } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  SimpleSpanProcessor,
  type ReadableSpan,
  type SpanExporter,
} from '@opentelemetry/sdk-trace-base';
import type { Order, Tell } from './order.ts';

export type Sdk = ReturnType<typeof startSdk>;

/** The SDK as a program has it, with two exporters to a collector, and one that shows each part of a span by itself. */
export function startSdk({ collector, isLeaky, words }: Order, tell: Tell) {
  const headers: Record<string, string> = isLeaky ? { authorization: words.providerKey } : {};
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(
    new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
  );
  const tracerProvider = new BasicTracerProvider({
    spanProcessors: [
      new SimpleSpanProcessor(showing(tell)),
      new BatchSpanProcessor(new OTLPTraceExporter({ url: `${collector}/json/v1/traces`, headers })),
      new BatchSpanProcessor(new ProtobufExporter({ url: `${collector}/protobuf/v1/traces`, headers })),
    ],
  });
  const exporter = new OTLPMetricExporter({ url: `${collector}/v1/metrics` });
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const meterProvider = new MeterProvider({ readers: [reader] });
  return {
    tracerProvider,
    meterProvider,
    async [Symbol.asyncDispose](): Promise<void> {
      await Promise.all([tracerProvider.shutdown(), meterProvider.shutdown()]);
    },
  };
}

function showing(tell: Tell): SpanExporter {
  function show({ name, attributes, events, links, status, resource, instrumentationScope }: ReadableSpan): void {
    tell('span name', name);
    for (const [key, value] of Object.entries(attributes)) tell(`span attribute ${key}`, [key, value]);
    if (events.length > 0) tell('span event', events);
    for (const { attributes: told, context: linked } of links)
      tell('span link', [told, linked.traceState?.serialize()]);
    tell('span status', status);
    tell('span resource', [resource.attributes, instrumentationScope]);
  }
  return {
    export(spans, done) {
      for (const span of spans) show(span);
      done({ code: 0 });
    },
    shutdown: () => Promise.resolve(),
  };
}
