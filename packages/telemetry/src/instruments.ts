import type { Histogram, Meter, ObservableGauge } from '@opentelemetry/api';
import {
  METRICS,
  type CounterName,
  type GaugeName,
  type HistogramName,
  type LevelName,
  type MetricSpec,
} from './conventions.ts';
import { createTotal, type Total } from './totals.ts';

export type Instruments = Readonly<
  Record<HistogramName, Histogram> & Record<CounterName | LevelName, Total> & Record<GaugeName, ObservableGauge>
>;

export function createInstruments(meter: Meter): Instruments {
  const options = ({ unit, about, buckets }: MetricSpec) => ({
    unit,
    description: about,
    ...(buckets === undefined ? {} : { advice: { explicitBucketBoundaries: [...buckets] } }),
  });
  const histogram = (spec: MetricSpec): Histogram => meter.createHistogram(spec.name, options(spec));
  const counter = (spec: MetricSpec): Total => createTotal(meter.createObservableCounter(spec.name, options(spec)));
  const level = (spec: MetricSpec): Total => createTotal(meter.createObservableUpDownCounter(spec.name, options(spec)));
  const gauge = (spec: MetricSpec): ObservableGauge => meter.createObservableGauge(spec.name, options(spec));
  return {
    inferenceDuration: histogram(METRICS.inferenceDuration),
    timeToFirstChunk: histogram(METRICS.timeToFirstChunk),
    operationInput: histogram(METRICS.operationInput),
    operationOutput: histogram(METRICS.operationOutput),
    inputTokens: counter(METRICS.inputTokens),
    outputTokens: counter(METRICS.outputTokens),
    cacheReadTokens: counter(METRICS.cacheReadTokens),
    cacheWriteTokens: counter(METRICS.cacheWriteTokens),
    reasoningTokens: counter(METRICS.reasoningTokens),
    invokeDuration: histogram(METRICS.invokeDuration),
    invokeInferenceCalls: histogram(METRICS.invokeInferenceCalls),
    invokeToolCalls: histogram(METRICS.invokeToolCalls),
    toolDuration: histogram(METRICS.toolDuration),
    runDuration: histogram(METRICS.runDuration),
    stepDuration: histogram(METRICS.stepDuration),
    stepRetries: counter(METRICS.stepRetries),
    usageCost: counter(METRICS.usageCost),
    waitDuration: histogram(METRICS.waitDuration),
    runBlocks: counter(METRICS.runBlocks),
    leasesLost: counter(METRICS.leasesLost),
    commitDuration: histogram(METRICS.commitDuration),
    eventLag: histogram(METRICS.eventLag),
    activeDrives: level(METRICS.activeDrives),
    workerSlots: level(METRICS.workerSlots),
    warnings: counter(METRICS.warnings),
    metricsDropped: counter(METRICS.metricsDropped),
    runs: gauge(METRICS.runs),
    oldestQueued: gauge(METRICS.oldestQueued),
  };
}
