import type { Attributes, Counter, Histogram, Meter } from '@opentelemetry/api';
import type { Measurement } from '@prusik/core';
import { createAttributeSets, type AttributeSets } from './attribute-sets.ts';
import { OWN } from './conventions.ts';
import type { Total } from './totals.ts';

/** Metrics of a program's own, all further ones are dropped. Names are to be written in code, and not made of data. */
const METRICS_LIMIT = 200;

/** Why a measurement was dropped: values of {@link OWN.droppedWhy}. */
type Why = 'too_many_metrics' | 'other_kind';

const DROPPED: Readonly<Record<Why, Attributes>> = {
  too_many_metrics: { [OWN.droppedWhy]: 'too_many_metrics' },
  other_kind: { [OWN.droppedWhy]: 'other_kind' },
};

interface OwnMetric {
  readonly kind: Measurement['kind'];
  readonly sets: AttributeSets;
  record(value: number, attributes: Attributes): void;
}

/** Counters and histograms of the program's own (`ctx.metrics`), made when they are first measured. What is on record was checked where it was measured. */
export interface OwnMetrics {
  tell(measurements: readonly Measurement[]): void;
}

/** `dropped` counts what could not be told. */
export function createOwnMetrics(meter: Meter, dropped: Total): OwnMetrics {
  const known = new Map<string, OwnMetric>();

  const drop = (why: Why): void => dropped.add(1, DROPPED[why]);

  function tell({ kind, name, value, attributes }: Measurement): void {
    const metric = known.get(name) ?? made(kind, name);
    if (metric === undefined) return drop('too_many_metrics');
    // Two instruments of one name would be one metric of two kinds to whoever reads them.
    if (metric.kind !== kind) return drop('other_kind');
    if (attributes === undefined)
      return metric.record(
        value,
        metric.sets.of('', () => ({})),
      );
    const sorted = Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1));
    metric.record(
      value,
      metric.sets.of(JSON.stringify(sorted), () => Object.fromEntries(sorted)),
    );
  }

  function made(kind: Measurement['kind'], name: string): OwnMetric | undefined {
    if (known.size >= METRICS_LIMIT) return undefined;
    const metric = { kind, sets: createAttributeSets(), record: recorderOf(meter, kind, name) };
    known.set(name, metric);
    return metric;
  }

  return {
    tell(measurements) {
      for (const measurement of measurements) tell(measurement);
    },
  };
}

function recorderOf(meter: Meter, kind: Measurement['kind'], name: string): OwnMetric['record'] {
  if (kind === 'counter') {
    const counter: Counter = meter.createCounter(name);
    return (value, attributes) => counter.add(value, attributes);
  }
  const histogram: Histogram = meter.createHistogram(name);
  return (value, attributes) => histogram.record(value, attributes);
}
