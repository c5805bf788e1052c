import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Engine } from '@prusik/durable';
import type { Store } from '@prusik/core';
import { alternate, atLeastTimes, atMostTimes, quantile, toRow } from '../measure.ts';
import { openRawJournal, type Synchronous } from '../raw-sqlite.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { checkCompleted, endOf, keyOf, kilobyte, sequence, withEngine } from '../workload.ts';

const STEPS = 5;

interface Sample {
  readonly runsPerSecond: number;
  /** From the moment at which all runs were there to the end of a run. */
  readonly p99: number;
  readonly loopDelay: number;
}

const sampleOf = (started: number, ends: readonly number[], loopDelay = 0): Sample => ({
  runsPerSecond: (ends.length * 1_000) / (Math.max(...ends) - started),
  p99: quantile(ends, 0.99) - started,
  loopDelay,
});

/** The same rows by hand: a transaction per step, the first with the run and its start, the last with its end. */
function rawRuns(path: string, runs: number, synchronous: Synchronous = 'full'): Sample {
  const journal = openRawJournal(path, synchronous);
  try {
    const started = performance.now();
    const ends: number[] = [];
    for (let run = 1; run <= runs; run += 1) {
      for (let step = 0; step < STEPS; step += 1) {
        journal.inTransaction(() => {
          if (step === 0) {
            journal.insertRun(run, JSON.stringify({ steps: STEPS, effect: 'repeatable' }));
            journal.insertEntry(run, 1, '{"type":"run-start"}');
          }
          journal.insertEntry(run, step + 2, kilobyte(step));
          if (step === STEPS - 1) {
            journal.insertEntry(run, step + 3, '{"type":"run-end"}');
            journal.endRun(run);
          }
        });
      }
      ends.push(performance.now());
    }
    return sampleOf(started, ends);
  } finally {
    journal[Symbol.dispose]();
  }
}

type Drive = (engine: Engine, store: Store, ids: readonly string[]) => Promise<readonly number[]>;

const input = { steps: STEPS, effect: 'repeatable' } as const;

const inline: Drive = (engine, _store, ids) =>
  Promise.all(
    ids.map(async (id) => {
      checkCompleted(await engine.run('sequence', input, { id }));
      return performance.now();
    }),
  );

const byWorker: Drive = async (engine, store, ids) => {
  const ends = ids.map((id) => endOf(store, keyOf(id)));
  const worker = engine.worker();
  await Promise.all(ids.map((id) => engine.start('sequence', input, { id })));
  const times = await Promise.all(ends);
  await worker[Symbol.asyncDispose]();
  return times;
};

interface Load {
  readonly runs: number;
  readonly slots: number;
  readonly drive: Drive;
  readonly synchronous?: Synchronous;
}

function durableRuns(path: string, { runs, slots, drive, synchronous = 'full' }: Load): Promise<Sample> {
  return withEngine({ path, synchronous, definitions: [sequence], limits: { slots } }, async (engine, store) => {
    const ids = Array.from({ length: runs }, (_, index) => `run-${index}`);
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const started = performance.now();
    const ends = await drive(engine, store, ids);
    delay.disable();
    return sampleOf(started, ends, delay.percentile(99) / 1e6);
  });
}

const scenario = 'concurrent-runs';

export const concurrentRuns: Scenario = {
  name: scenario,
  about: '1,000 runs of 5 steps that come at once, FULL; floor: the same rows, one transaction per step',
  async run(bench: Bench) {
    const runs = bench.count(1_000);
    // A thousand runs are some six thousand commits.
    for (let round = 0; round < bench.warmUp; round += 4) {
      bench.signal.throwIfAborted();
      rawRuns(bench.newPath(), runs, 'normal');
      await durableRuns(bench.newPath(), { runs, slots: 128, drive: byWorker, synchronous: 'normal' });
    }
    const {
      floor,
      'run(), 16 slots': waited,
      ...byWorkers
    } = await alternate(bench, {
      floor: () => rawRuns(bench.newPath(), runs),
      'worker, 16 slots': () => durableRuns(bench.newPath(), { runs, slots: 16, drive: byWorker }),
      'worker, 128 slots': () => durableRuns(bench.newPath(), { runs, slots: 128, drive: byWorker }),
      'run(), 16 slots': () => durableRuns(bench.newPath(), { runs, slots: 16, drive: inline }),
    });
    const of = (samples: readonly Sample[], what: keyof Sample): readonly number[] => samples.map((s) => s[what]);
    const throughput = (subject: string, samples: readonly Sample[]) => ({
      row: toRow({ scenario, subject, unit: 'runs/s' }, of(samples, 'runsPerSecond'), of(floor, 'runsPerSecond')),
      goal: atLeastTimes(2),
    });
    const rows = Object.entries(byWorkers).flatMap(([subject, samples]) => [
      throughput(`${runs} by a ${subject}`, samples),
      {
        row: toRow(
          { scenario, subject: `${runs} by a ${subject}, p99`, unit: 'ms' },
          of(samples, 'p99'),
          of(floor, 'p99'),
        ),
        goal: atMostTimes(1),
      },
      {
        row: toRow(
          { scenario, subject: `${runs} by a ${subject}, loop delay p99`, unit: 'ms' },
          of(samples, 'loopDelay'),
        ),
      },
    ]);
    return [...rows, throughput(`${runs} by run(), 16 slots`, waited)];
  },
};
