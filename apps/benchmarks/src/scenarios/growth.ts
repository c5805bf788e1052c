import { existsSync, readFileSync, statSync } from 'node:fs';
import { alternate, atMostTimes, toRow, type Goal, type Result } from '../measure.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { timeDurableSteps, timeRawSteps, warmUpSteps } from './durable-step.ts';

interface Sample {
  /** All three by step. */
  readonly micros: number;
  readonly onDisk: number;
  readonly written: number;
}

/** What this process has handed to the kernel for writing so far; Linux alone counts it. */
const bytesWritten = (): number =>
  existsSync('/proc/self/io') ? Number(/^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]) : Number.NaN;

/** `run` closes its file before it gives the time, so that the log is counted and then gone. */
async function sample(path: string, steps: number, run: () => Promise<number>): Promise<Sample> {
  const before = bytesWritten();
  const ms = await run();
  const written = bytesWritten() - before;
  return { micros: (ms * 1_000) / steps, onDisk: statSync(path).size / steps, written: written / steps };
}

const scenario = 'growth';

export const growth: Scenario = {
  name: scenario,
  about: 'runs of 100, 1,000 and 5,000 steps, FULL: time and bytes by step; floor: raw inserts, and the shortest run',
  async run(bench: Bench) {
    const sizes = [100, 1_000, 5_000].map(bench.count);
    await warmUpSteps(bench, bench.count(1_000), 'repeatable');
    const all = new Map<number, { readonly floor: readonly Sample[]; readonly ours: readonly Sample[] }>();
    for (const steps of sizes) {
      const ofRaw = (path: string) => sample(path, steps, () => timeRawSteps(path, steps, 'full'));
      const ofOurs = (path: string) => sample(path, steps, () => timeDurableSteps(path, steps, 'full', 'repeatable'));
      all.set(
        steps,
        await alternate(bench, { floor: () => ofRaw(bench.newPath()), ours: () => ofOurs(bench.newPath()) }),
      );
    }
    const of = (steps: number, who: 'floor' | 'ours', what: keyof Sample): readonly number[] =>
      (all.get(steps)?.[who] ?? []).map((one) => one[what]);

    const results: Result[] = [];
    const add = (
      subject: string,
      unit: string,
      ours: readonly number[],
      floor: readonly number[],
      goal?: Goal,
    ): void => {
      if (ours.some(Number.isNaN)) return;
      results.push({ row: toRow({ scenario, subject, unit }, ours, floor), ...(goal && { goal }) });
    };
    const [least = 0, , most = 0] = sizes;
    for (const steps of sizes) {
      // The schema alone is some hundred bytes a step of the shortest run, so the goals are those of the longest.
      const goals = steps === most;
      const against = (what: keyof Sample) => [of(steps, 'ours', what), of(steps, 'floor', what)] as const;
      add(`${steps} steps, time`, 'µs/step', ...against('micros'));
      add(`${steps} steps, on disk`, 'B/step', ...against('onDisk'), goals ? atMostTimes(1.5) : undefined);
      add(`${steps} steps, written`, 'B/step', ...against('written'), goals ? atMostTimes(3) : undefined);
    }
    const grown = (what: keyof Sample) => [of(most, 'ours', what), of(least, 'ours', what)] as const;
    add(`${most} against ${least} steps, time`, 'µs/step', ...grown('micros'), atMostTimes(1.5));
    add(`${most} against ${least} steps, on disk`, 'B/step', ...grown('onDisk'), atMostTimes(1.15));
    return results;
  },
};
