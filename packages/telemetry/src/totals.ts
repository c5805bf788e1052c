import type { Attributes, ObservableCounter, ObservableUpDownCounter } from '@opentelemetry/api';

/**
 * A sum by set of attributes, told when metrics are collected: to add to it costs nothing of the SDK's work for a measurement, which is as much as a span's. Sets are
 * told apart by identity, so they come from `AttributeSets`, which bounds them.
 */
export interface Total {
  add(by: number, attributes: Attributes): void;
}

export function createTotal(observable: ObservableCounter | ObservableUpDownCounter): Total {
  const sums = new Map<Attributes, number>();
  observable.addCallback((result) => {
    for (const [attributes, sum] of sums) result.observe(sum, attributes);
  });
  return {
    add(by, attributes) {
      sums.set(attributes, (sums.get(attributes) ?? 0) + by);
    },
  };
}
