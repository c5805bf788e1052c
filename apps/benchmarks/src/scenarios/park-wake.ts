import type { DurableContext, Store } from '@prusik/core';
import { alternate, atMost, heapInUse, toRow } from '../measure.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { endOf, keyOf, withEngine } from '../workload.ts';

const sleeper = {
  name: 'sleeper',
  kind: 'function',
  version: '1',
  run: async (ctx: DurableContext): Promise<boolean> => (await ctx.receive('go')).timedOut,
} as const;

async function untilParked(store: Store, runs: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const { items } = await store.listRuns({ tenant: 'default', status: ['waiting'], limit: runs });
    if (items.length === runs) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

interface Sample {
  readonly wake: number;
  readonly heap: number;
}

function parkAndWake({ newPath, signal }: Bench, runs: number): Promise<Sample> {
  const workbench = { path: newPath(), definitions: [sleeper], limits: { parkAfterMs: 0 } };
  return withEngine(workbench, async (engine, store) => {
    const keys = Array.from({ length: runs }, (_, index) => keyOf(`sleeper-${index}`));
    const worker = engine.worker();
    const before = heapInUse();
    await Promise.all(keys.map((key) => engine.start('sleeper', null, { id: key.run })));
    await untilParked(store, runs, signal);
    const heap = (heapInUse() - before) / runs;

    const ends = keys.map((key) => endOf(store, key));
    const start = performance.now();
    await Promise.all(keys.map((key) => engine.signal(key, 'go', null)));
    const lastEnd = Math.max(...(await Promise.all(ends)));
    await worker[Symbol.asyncDispose]();
    return { wake: (lastEnd - start) / runs, heap };
  });
}

const scenario = 'park-wake';

export const parkWake: Scenario = {
  name: scenario,
  about: '1,000 parked runs that a signal wakes, FULL: time until all have ended, and memory while parked',
  async run(bench: Bench) {
    const runs = bench.count(1_000);
    const { ours } = await alternate(bench, { ours: () => parkAndWake(bench, runs) });
    const wakes = ours.map(({ wake }) => wake);
    const heaps = ours.map(({ heap }) => heap);
    return [
      {
        row: toRow({ scenario, subject: `${runs} runs, signal to end`, unit: 'ms/run' }, wakes),
        goal: atMost(1, 'ms'),
      },
      // Noise of the heap is some ten bytes a run; anything that is kept for a run is more than that.
      {
        row: toRow({ scenario, subject: `${runs} runs, heap while parked`, unit: 'B/run' }, heaps),
        goal: atMost(64, 'B'),
      },
    ];
  },
};
