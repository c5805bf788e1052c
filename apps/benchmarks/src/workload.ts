import type { DurableContext, DurableDefinition, Effect, Observer, RunKey, Store } from '@prusik/core';
import { createEngine, type Engine, type EngineLimits, type RunResult } from '@prusik/durable';
import { sqliteStore } from '@prusik/store-sqlite';
import type { Synchronous } from './raw-sqlite.ts';

/** A text of 1 KiB, another one for every number. */
export const kilobyte = (number: number): string => `${number} `.padEnd(1_024, 'outcome ');

/** A run of `steps` steps, one after the other. */
export const sequence = {
  name: 'sequence',
  kind: 'function',
  version: '1',
  async run(ctx: DurableContext, { steps, effect }: { steps: number; effect: Effect }): Promise<number> {
    for (let step = 0; step < steps; step += 1) await ctx.step(`step-${step}`, () => kilobyte(step), { effect });
    return steps;
  },
} as const;

export interface Workbench {
  readonly path: string;
  readonly synchronous?: Synchronous;
  readonly definitions: readonly DurableDefinition<never, unknown, never>[];
  readonly limits?: Partial<EngineLimits>;
  readonly observers?: readonly Observer[];
  /** Puts something between the engine and its store. */
  readonly wrap?: (store: Store) => Store;
}

/** An engine on a file of its own, open for as long as `work` takes. */
export async function withEngine<T>(
  { path, synchronous = 'full', definitions, limits = {}, observers = [], wrap = (store) => store }: Workbench,
  work: (engine: Engine, store: Store) => Promise<T>,
): Promise<T> {
  const store = sqliteStore({ path, synchronous });
  const engine = createEngine({ store: wrap(store), definitions: definitions as never, limits, observers });
  try {
    return await work(engine, store);
  } finally {
    await engine[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  }
}

export const keyOf = (run: string): RunKey => ({ tenant: 'default', run });

/** What did not do its work must not count as fast. */
export function checkCompleted(result: RunResult<unknown>): void {
  if (result.status !== 'completed') throw new Error(`The run is ${JSON.stringify(result)}, not completed`);
}

/** Resolves when the run ends, with the time of `performance.now()` at which it was told. Asked before it ends. */
export function endOf(store: Store, run: RunKey): Promise<number> {
  return new Promise((resolve) => {
    const watch = store.watchRun(run, (why) => {
      if (why !== 'end') return;
      watch[Symbol.dispose]();
      resolve(performance.now());
    });
  });
}
