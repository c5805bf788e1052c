import type { Effect } from '@prusik/core';
import { alternate, atMostTimes, timed, toRow } from '../measure.ts';
import { openRawJournal, type Synchronous } from '../raw-sqlite.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { checkCompleted, kilobyte, sequence, withEngine } from '../workload.ts';

/** Time of one run of `steps` sequential steps with 1 KiB outcomes, its start and end included. */
export function timeDurableSteps(path: string, steps: number, synchronous: Synchronous, effect: Effect) {
  return withEngine({ path, synchronous, definitions: [sequence] }, (engine) =>
    timed(async () => checkCompleted(await engine.run('sequence', { steps, effect }))),
  );
}

/** Time of as many rows of 1 KiB, each in a transaction of its own. */
export async function timeRawSteps(path: string, steps: number, synchronous: Synchronous): Promise<number> {
  const journal = openRawJournal(path, synchronous);
  try {
    return await timed(() => {
      for (let step = 0; step < steps; step += 1) journal.insertEntry(1, step + 1, kilobyte(step));
    });
  } finally {
    journal[Symbol.dispose]();
  }
}

/** The same work as often as asked for, without waiting for the disk. */
export async function warmUpSteps(bench: Bench, steps: number, effect: Effect): Promise<void> {
  for (let round = 0; round < bench.warmUp; round += 1) {
    bench.signal.throwIfAborted();
    await timeRawSteps(bench.newPath(), steps, 'normal');
    await timeDurableSteps(bench.newPath(), steps, 'normal', effect);
  }
}

interface Variant {
  readonly name: string;
  readonly synchronous: Synchronous;
  readonly effect: Effect;
  readonly limit: number;
}

function variant({ name, synchronous, effect, limit }: Variant): Scenario {
  return {
    name,
    about: `1,000 sequential ${effect} steps of one run, 1 KiB each, ${synchronous}; floor: raw inserts`,
    async run(bench: Bench) {
      const steps = bench.count(1_000);
      const perStep = (ms: number): number => (ms * 1_000) / steps;
      await warmUpSteps(bench, steps, effect);
      const { floor, ours } = await alternate(bench, {
        floor: async () => perStep(await timeRawSteps(bench.newPath(), steps, synchronous)),
        ours: async () => perStep(await timeDurableSteps(bench.newPath(), steps, synchronous, effect)),
      });
      const subject = `${steps} ${effect} steps, ${synchronous.toUpperCase()}`;
      return [{ row: toRow({ scenario: name, subject, unit: 'µs/step' }, ours, floor), goal: atMostTimes(limit) }];
    },
  };
}

export const durableStep = variant({ name: 'durable-step', synchronous: 'full', effect: 'repeatable', limit: 1.5 });

export const durableStepNormal = variant({
  name: 'durable-step-normal',
  synchronous: 'normal',
  effect: 'repeatable',
  limit: 2.5,
});

/** A `once` step has a commit of its intent before it: two transactions against the floor's one. */
export const durableOnce = variant({ name: 'durable-once', synchronous: 'full', effect: 'once', limit: 2.5 });
