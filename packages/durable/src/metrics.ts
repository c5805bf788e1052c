import { toMeasurement, type Measurement, type Metrics } from '@prusik/core';

/** What is measured, checked, goes to `take`. */
export const metricsTo = (take: (measurement: Measurement) => void): Metrics => ({
  add: (name, by = 1, attributes) => take(toMeasurement('counter', name, by, attributes)),
  record: (name, value, attributes) => take(toMeasurement('histogram', name, value, attributes)),
});
