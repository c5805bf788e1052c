import type { Attributes } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type MetricData,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base';

/** The real SDK, and what it would have sent. */
export interface Recorded {
  readonly tracerProvider: BasicTracerProvider;
  readonly meterProvider: MeterProvider;
  /** Ended spans, in the order of their ends. */
  spans(): readonly ReadableSpan[];
  /** The one span of this name. */
  span(name: string): ReadableSpan;
  /** All metrics that have a value, by name. */
  metrics(): Promise<ReadonlyMap<string, MetricData>>;
}

export function recorded(...processors: SpanProcessor[]): Recorded {
  const exporter = new InMemorySpanExporter();
  const tracerProvider = new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(exporter), ...processors],
  });
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter: metricExporter, exportIntervalMillis: 3_600_000 });
  const meterProvider = new MeterProvider({ readers: [reader] });
  return {
    tracerProvider,
    meterProvider,
    spans: () => exporter.getFinishedSpans(),
    span(name) {
      const [span, ...more] = exporter.getFinishedSpans().filter((candidate) => candidate.name === name);
      if (span === undefined || more.length > 0)
        throw new Error(
          `${more.length + (span ? 1 : 0)} spans ${name} of ${exporter
            .getFinishedSpans()
            .map(({ name: its }) => its)
            .join(', ')}`,
        );
      return span;
    },
    async metrics() {
      metricExporter.reset();
      await reader.forceFlush();
      const scopes = metricExporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics);
      return new Map(scopes.flatMap(({ metrics }) => metrics.map((metric) => [metric.descriptor.name, metric])));
    },
  };
}

/** Attributes of the points of a metric, with the sum of a counter or the count and sum of a histogram. */
export function pointsOf(
  metric: MetricData | undefined,
): readonly { readonly attributes: Attributes; readonly value: unknown }[] {
  return (metric?.dataPoints ?? []).map(({ attributes, value }) => ({
    attributes,
    value: typeof value === 'object' && 'count' in value ? { count: value.count, sum: value.sum } : value,
  }));
}

export const idOf = (span: ReadableSpan): string => span.spanContext().spanId;
export const traceOf = (span: ReadableSpan): string => span.spanContext().traceId;
export const parentOf = (span: ReadableSpan): string | undefined => span.parentSpanContext?.spanId;
/** In milliseconds since the epoch. */
export const startOf = ({ startTime: [seconds, nanos] }: ReadableSpan): number => seconds * 1_000 + nanos / 1e6;
export const endOf = ({ endTime: [seconds, nanos] }: ReadableSpan): number => seconds * 1_000 + nanos / 1e6;
