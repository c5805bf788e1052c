import { AggregationTemporality, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { Observer } from '@prusik/core';
import { telemetry } from '@prusik/telemetry';

/** The real SDK with its batches, and an exporter that takes no time. */
export interface Watched {
  readonly observer: Observer;
  /** Spans that were exported, once all are; ends the SDK. */
  exported(): Promise<number>;
}

/** A program that collects by itself has one; here nobody asks for what was measured. */
class UnreadMetrics extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

export function watched(): Watched {
  let exported = 0;
  const exporter: SpanExporter = {
    export(spans, done) {
      exported += spans.length;
      done({ code: 0 });
    },
    shutdown: async () => {},
  };
  const tracerProvider = new BasicTracerProvider({
    // A run of the benchmark makes as many spans in a moment as a program in minutes; one that drops them would be faster.
    spanProcessors: [new BatchSpanProcessor(exporter, { maxQueueSize: 100_000 })],
  });
  const reader = new UnreadMetrics({ aggregationTemporalitySelector: () => AggregationTemporality.CUMULATIVE });
  const meterProvider = new MeterProvider({ readers: [reader] });
  return {
    observer: telemetry({ tracerProvider, meterProvider }),
    async exported() {
      await tracerProvider.forceFlush();
      await Promise.all([tracerProvider.shutdown(), meterProvider.shutdown()]);
      return exported;
    },
  };
}
