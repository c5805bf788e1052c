import { setTimeout as delay } from 'node:timers/promises';
import type { RunKey, Store } from '@prusik/core';
import { prune as pruneStore } from '@prusik/records';
import { sqliteStore } from '@prusik/store-sqlite';
import { alternate, atMostMore, quantile, toRow } from '../measure.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { kilobyte } from '../workload.ts';

const TENANT = 'default';
/** A worker that is at work commits about so often. */
const EVERY_MS = 2;
/** A store of that many runs costs some seconds to be made. */
const MOST_ROUNDS = 3;
const definitions = [{ name: 'order', versions: ['1'] }] as const;

const keyOf = (run: string): RunKey => ({ tenant: TENANT, run });

async function startRun(store: Store, id: string): Promise<void> {
  await store.start({
    key: keyOf(id),
    kind: 'function',
    definition: 'order',
    version: '1',
    input: kilobyte(1),
    inputHash: 'h',
    context: null,
    priority: 0,
    messages: [],
    root: id,
    depth: 0,
  });
}

/** So many runs that have ended, with the three entries that a run of one step has. */
async function fill(store: Store, runs: number): Promise<void> {
  for (let from = 0; from < runs; from += 500) {
    const ids = Array.from({ length: Math.min(500, runs - from) }, (_, n) => `r${from + n}`);
    await Promise.all(ids.map((id) => startRun(store, id)));
    const { claims } = await store.claim({
      worker: 'w',
      leaseMs: 600_000,
      limit: ids.length,
      suspects: { room: 0, alone: 1 },
      definitions,
    });
    const end = { status: 'completed' } as const;
    await Promise.all(
      claims.map(({ run: { key, epoch } }) =>
        store.commit({
          run: key,
          epoch,
          progress: true,
          entries: [
            { type: 'note', name: 'n', data: kilobyte(2) },
            { type: 'run-end', ...end },
          ],
          transition: { type: 'end', ...end },
        }),
      ),
    );
  }
}

/** Commits of one run, one after the other, until `until` says so, and how long each took. */
async function commitTimes(store: Store, until: () => boolean): Promise<readonly number[]> {
  const times: number[] = [];
  await startRun(store, 'writer');
  const { claims } = await store.claim({
    worker: 'w',
    leaseMs: 600_000,
    limit: 1,
    suspects: { room: 0, alone: 1 },
    definitions,
    only: { run: keyOf('writer') },
  });
  const [claim] = claims;
  if (claim === undefined) throw new Error('The writer could not be claimed');
  const { key: run, epoch } = claim.run;
  while (!until()) {
    const start = performance.now();
    await store.commit({ run, epoch, progress: true, entries: [{ type: 'note', name: 'n', data: kilobyte(3) }] });
    times.push(performance.now() - start);
    await delay(EVERY_MS);
  }
  return times;
}

interface Sample {
  readonly longest: number;
  readonly p99: number;
  readonly tookMs: number;
}

const sampleOf = (times: readonly number[], tookMs: number): Sample => ({
  longest: Math.max(...times),
  p99: quantile(times, 0.99),
  tookMs,
});

const scenario = 'prune';

export const prune: Scenario = {
  name: scenario,
  about:
    'how long a commit waits while 10,000 ended runs are pruned; floor: the same writer, for as long, in a file as large',
  async run(bench: Bench) {
    const runs = bench.count(10_000);
    async function round(): Promise<{ readonly floor: Sample; readonly beside: Sample }> {
      const path = bench.newPath();
      const store = sqliteStore({ path });
      const other = sqliteStore({ path: bench.newPath() });
      try {
        await fill(store, runs);
        let isOver = false;
        const start = performance.now();
        const pruning = pruneStore(store, { records: [{ tenant: TENANT, maxCount: 0 }] }).finally(
          () => (isOver = true),
        );
        const beside = await commitTimes(store, () => isOver);
        const { removed } = await pruning;
        if (removed.runs !== runs) throw new Error(`${removed.runs} runs were pruned, of ${runs}`);
        const tookMs = performance.now() - start;
        // As large as the first was, so that the floor has the same pages to write.
        await fill(other, runs);
        const until = performance.now() + tookMs;
        const floor = await commitTimes(other, () => performance.now() > until);
        return { floor: sampleOf(floor, tookMs), beside: sampleOf(beside, tookMs) };
      } finally {
        await store[Symbol.asyncDispose]();
        await other[Symbol.asyncDispose]();
      }
    }
    const { rounds } = await alternate({ ...bench, rounds: Math.min(bench.rounds, MOST_ROUNDS) }, { rounds: round });
    const of = (side: 'floor' | 'beside', what: keyof Sample): number[] => rounds.map((one) => one[side][what]);
    return [
      {
        row: toRow(
          { scenario, subject: 'longest commit', unit: 'ms' },
          of('beside', 'longest'),
          of('floor', 'longest'),
        ),
        goal: atMostMore(20, 'ms'),
      },
      { row: toRow({ scenario, subject: 'commit, p99', unit: 'ms' }, of('beside', 'p99'), of('floor', 'p99')) },
      { row: toRow({ scenario, subject: 'total', unit: 'ms' }, of('beside', 'tookMs')) },
    ];
  },
};
