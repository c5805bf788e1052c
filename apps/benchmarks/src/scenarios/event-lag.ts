import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { DurableContext, Store } from '@prusik/core';
import { createEngine } from '@prusik/durable';
import { sqliteStore } from '@prusik/store-sqlite';
import { alternate, atMost, quantile, toRow } from '../measure.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { checkCompleted, keyOf, kilobyte } from '../workload.ts';

/** Commits that do not come in step with the reader's looks. */
const ticker = {
  name: 'ticker',
  kind: 'function',
  version: '1',
  async run(ctx: DurableContext, { steps, everyMs }: { steps: number; everyMs: number }): Promise<null> {
    for (let step = 0; step < steps; step += 1) {
      await ctx.step(`tick-${step}`, async () => {
        await delay(everyMs);
        return kilobyte(step);
      });
    }
    return null;
  },
} as const;

/** Nanoseconds of the machine's monotonic clock, which its processes share, by `seq`. */
type Times = Map<number, bigint>;

/** Notes when each commit was answered. */
function stamped(store: Store, times: Times): Store {
  return {
    ...store,
    async commit(commit) {
      const result = await store.commit(commit);
      if (result.outcome === 'committed') times.set(result.seq, process.hrtime.bigint());
      return result;
    },
  };
}

/** Follows a run until its end; `ready` once it follows. */
interface Reader {
  readonly ready: Promise<unknown>;
  readonly seen: Promise<Times>;
}

type StartReader = (store: Store, path: string, run: string) => Reader;

const here: StartReader = (store, _path, run) => {
  const engine = createEngine({ store, definitions: [] });
  const read = async (): Promise<Times> => {
    const seen: Times = new Map();
    for await (const event of engine.events(keyOf(run)))
      if (!event.live) seen.set(event.entry.seq, process.hrtime.bigint());
    await engine[Symbol.asyncDispose]();
    return seen;
  };
  return { ready: Promise.resolve(), seen: read() };
};

const elsewhere =
  ({ execArgv, signal }: Bench): StartReader =>
  (_store, path, run) => {
    const file = fileURLToPath(new URL('../children/event-reader.ts', import.meta.url));
    const child = fork(file, [path, run], { execArgv: [...execArgv], signal });
    const seen: Times = new Map();
    child.on('message', ({ seq, at }: { seq: number; at: string }) => seen.set(seq, BigInt(at)));
    const over = once(child, 'exit').then(([code]: unknown[]) => {
      if (code !== 0) throw new Error(`The reader ended with ${String(code)}`);
      return seen;
    });
    // The first that it says is the run's start, which was there before it.
    return { ready: Promise.race([once(child, 'message'), over]), seen: over };
  };

/** p99 of the time from a commit's answer to its reader, in milliseconds. */
async function lag(path: string, startReader: StartReader, input: { steps: number; everyMs: number }): Promise<number> {
  const committed: Times = new Map();
  const store = stamped(sqliteStore({ path }), committed);
  const engine = createEngine({ store, definitions: [ticker] });
  try {
    const { key } = await engine.start('ticker', input, { id: 'ticker' });
    const reader = startReader(store, path, key.run);
    reader.seen.catch(() => {});
    await reader.ready;
    checkCompleted(await engine.drive(key));
    const seen = await reader.seen;
    const lags = [...committed].map(([seq, at]) => Number((seen.get(seq) ?? Number.NaN) as bigint) - Number(at));
    if (lags.some(Number.isNaN)) throw new Error('The reader missed an entry');
    return quantile(lags, 0.99) / 1e6;
  } finally {
    await engine[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  }
}

const scenario = 'event-lag';

export const eventLag: Scenario = {
  name: scenario,
  about: 'p99 of the time from a commit to a reader of events, in this process and in another one',
  async run(bench: Bench) {
    const samples = await alternate(bench, {
      here: () => lag(bench.newPath(), here, { steps: bench.count(500), everyMs: 1 }),
      elsewhere: () => lag(bench.newPath(), elsewhere(bench), { steps: bench.count(200), everyMs: 13 }),
    });
    return [
      { row: toRow({ scenario, subject: 'same process, p99', unit: 'ms' }, samples.here), goal: atMost(2, 'ms') },
      {
        row: toRow({ scenario, subject: 'another process, p99', unit: 'ms' }, samples.elsewhere),
        goal: atMost(300, 'ms'),
      },
    ];
  },
};
