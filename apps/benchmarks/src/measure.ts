import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** One line of the result: what `subject` took over all rounds, beside its floor. */
export interface Row {
  readonly scenario: string;
  readonly subject: string;
  readonly unit: string;
  readonly min: number;
  readonly median: number;
  readonly max: number;
  /** The floor's median in the same unit; `null` where there is none. */
  readonly floor: number | null;
  /** Median by floor. */
  readonly ratio: number | null;
}

/** What a row should reach. It is shown; nothing fails by it. */
export interface Goal {
  readonly text: string;
  readonly isMet: (row: Row) => boolean;
}

export interface Result {
  readonly row: Row;
  readonly goal?: Goal;
}

export const atMostTimes = (times: number): Goal => ({
  text: `≤ ${times} ×`,
  isMet: ({ ratio }) => ratio !== null && ratio <= times,
});

export const atLeastTimes = (times: number): Goal => ({
  text: `≥ ${times} ×`,
  isMet: ({ ratio }) => ratio !== null && ratio >= times,
});

export const atMost = (limit: number, unit: string): Goal => ({
  text: `≤ ${limit} ${unit}`,
  isMet: ({ median }) => median <= limit,
});

export const atMostMore = (limit: number, unit: string): Goal => ({
  text: `≤ floor + ${limit} ${unit}`,
  isMet: ({ median, floor }) => floor !== null && median - floor <= limit,
});

/** The smallest sample that at least this share of all does not exceed. */
export function quantile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
  if (value === undefined) throw new TypeError('There is no quantile of nothing');
  return value;
}

export function toRow(
  name: Pick<Row, 'scenario' | 'subject' | 'unit'>,
  samples: readonly number[],
  floorSamples?: readonly number[],
): Row {
  const median = quantile(samples, 0.5);
  const floor = floorSamples === undefined ? null : quantile(floorSamples, 0.5);
  return {
    scenario: name.scenario,
    subject: name.subject,
    unit: name.unit,
    min: Math.min(...samples),
    median,
    max: Math.max(...samples),
    floor,
    ratio: floor === null ? null : median / floor,
  };
}

export interface Rounds {
  readonly rounds: number;
  readonly signal: AbortSignal;
}

/**
 * Measures floor and candidates in turn, so that a machine that becomes slower meanwhile is slower for all of them. Each subject sets up
 * and cleans up by itself and gives one number a round. The first round warms up and is not counted; every other one goes backwards, so
 * that nobody always comes after the same neighbour. No garbage is collected by force between: that clears what optimised code depends on,
 * and the sample would measure how V8 compiles it anew (seen: 92 µs a step in place of 55, and twice the deoptimisations).
 */
export async function alternate<Name extends string, Sample>(
  { rounds, signal }: Rounds,
  subjects: Readonly<Record<Name, () => Promise<Sample> | Sample>>,
): Promise<Readonly<Record<Name, readonly Sample[]>>> {
  const forwards = Object.keys(subjects) as Name[];
  const samples = Object.fromEntries(forwards.map((name) => [name, []])) as unknown as Record<Name, Sample[]>;
  for (let round = 0; round <= rounds; round += 1) {
    for (const name of round % 2 === 0 ? forwards : forwards.toReversed()) {
      signal.throwIfAborted();
      const sample = await subjects[name]();
      if (round > 0) samples[name].push(sample);
    }
  }
  return samples;
}

/** Milliseconds that `work` takes. */
export async function timed(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Bytes of the heap that are reachable. */
export function heapInUse(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

let gc: (() => void) | undefined;

function collectGarbage(): void {
  if (gc === undefined) {
    // In place of a flag on the command line, which would have to be told to every way of starting this.
    setFlagsFromString('--expose-gc');
    gc = runInNewContext('gc') as () => void;
  }
  gc();
}
