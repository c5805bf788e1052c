import { MEASUREMENT_LIMIT, type EntryBody, type Measurement } from '@prusik/core';

/** Parts, and entries that ride along, of one commit: it is written in one turn of the event loop, which others wait for. */
export const ITEMS_A_COMMIT = 200;

/** Entries that wait for the next commit to ride with it. */
export interface Riders {
  add(...entries: EntryBody[]): void;
  /** All that wait go into one entry, as far as one holds them. */
  measure(measurement: Measurement): void;
  /** How many there are. */
  count(): number;
  /** How many commits they need. */
  commits(): number;
  /** Those that go with the next commit; they stay until they were {@link Riders.sent}. */
  next(): readonly EntryBody[];
  sent(riders: readonly EntryBody[]): void;
}

export function createRiders(): Riders {
  let entries: EntryBody[] = [];
  let measurements: Measurement[] = [];

  return {
    add(...more) {
      entries.push(...more);
    },
    measure(measurement) {
      measurements.push(measurement);
    },
    count: () => entries.length + measurements.length,
    commits: () =>
      Math.max(Math.ceil(entries.length / ITEMS_A_COMMIT), Math.ceil(measurements.length / MEASUREMENT_LIMIT)),
    next() {
      const some = entries.slice(0, ITEMS_A_COMMIT);
      if (measurements.length > 0)
        some.push({ type: 'measure', measurements: measurements.slice(0, MEASUREMENT_LIMIT) });
      return some;
    },
    sent(riders) {
      const last = riders.at(-1);
      const measured = last?.type === 'measure' ? last.measurements.length : 0;
      entries = entries.slice(riders.length - (measured === 0 ? 0 : 1));
      measurements = measurements.slice(measured);
    },
  };
}
