import type { Observer } from '@prusik/core';
import { createEngine } from '@prusik/durable';
import { memoryStore } from '@prusik/store-memory';
import { telemetry } from '@prusik/telemetry';
import { adder, withoutReader } from '../adder.ts';
import { alternate, atMostTimes, quantile, timed, toRow, type Result } from '../measure.ts';
import type { Synchronous } from '../raw-sqlite.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { watched } from '../watched.ts';
import { checkCompleted, sequence, withEngine } from '../workload.ts';

/** Work with these observers, in microseconds a unit of it. */
type Work = (observers: readonly Observer[]) => Promise<number>;

/** Work is measured in so many slices a round, in turn, and a sample is the median of its slices: a machine that does something else meanwhile hits all of them. */
const SLICES = 5;

/**
 * `on`: spans and metrics of all that happens. `off`: the package is loaded and no engine has an observer, which is what the floor is, too; so that row says how well this machine repeats
 * itself. `no SDK`: an observer, and nobody who collects.
 */
async function measured(
  bench: Bench,
  scenario: string,
  unit: string,
  work: Work,
  spans: number,
): Promise<readonly Result[]> {
  const on = async (): Promise<number> => {
    const { observer, exported } = watched();
    const took = await work([observer]);
    const count = await exported();
    if (count !== spans) throw new Error(`${count} spans were exported, not ${spans}`);
    return took;
  };
  const subjects = { floor: () => work([]), off: () => work([]), idle: () => work([telemetry()]), on };
  const sliced = await alternate({ ...bench, rounds: bench.rounds * SLICES }, subjects);
  const perRound = (samples: readonly number[]): readonly number[] =>
    Array.from({ length: bench.rounds }, (_, round) =>
      quantile(samples.slice(round * SLICES, (round + 1) * SLICES), 0.5),
    );
  const floor = perRound(sliced.floor);
  const row = (subject: string, samples: readonly number[]) =>
    toRow({ scenario, subject, unit }, perRound(samples), floor);
  return [
    { row: row('off', sliced.off), goal: atMostTimes(1.02) },
    { row: row('observer, no SDK', sliced.idle) },
    { row: row('on', sliced.on), goal: atMostTimes(1.15) },
  ];
}

export const telemetrySteps: Scenario = {
  name: 'telemetry-steps',
  about: 'spans and metrics of durable-step, with the real SDK and its batches; floor: the same without',
  async run(bench: Bench) {
    const steps = bench.count(500);
    const run =
      (synchronous: Synchronous): Work =>
      (observers) =>
        withEngine({ path: bench.newPath(), synchronous, definitions: [sequence], observers }, async (engine) => {
          const ms = await timed(async () =>
            checkCompleted(await engine.run('sequence', { steps, effect: 'repeatable' })),
          );
          return (ms * 1_000) / steps;
        });
    for (let round = 0; round < bench.warmUp; round += 1) {
      bench.signal.throwIfAborted();
      const { observer, exported } = watched();
      await run('normal')([]);
      await run('normal')([observer]);
      await exported();
    }
    return measured(bench, 'telemetry-steps', 'µs/step', run('full'), steps + 1);
  },
};

export const telemetryAgents: Scenario = {
  name: 'telemetry-agents',
  about: 'the same for turns of agent-loop, on store-memory',
  async run(bench: Bench) {
    const turns = bench.count(50);
    const work: Work = async (observers) => {
      const store = memoryStore();
      const engine = createEngine({ store, definitions: [adder('repeatable')], observers });
      try {
        const ms = await timed(async () => {
          for (let n = 0; n < turns; n += 1) await withoutReader(engine, `turn-${n}`);
        });
        return (ms * 1_000) / turns;
      } finally {
        await engine[Symbol.asyncDispose]();
        await store[Symbol.asyncDispose]();
      }
    };
    for (let round = 0; round < bench.warmUp; round += 1) {
      bench.signal.throwIfAborted();
      const { observer, exported } = watched();
      await work([]);
      await work([observer]);
      await exported();
    }
    // A drive, eleven model calls and ten tool calls.
    return measured(bench, 'telemetry-agents', 'µs/turn', work, turns * 22);
  },
};
