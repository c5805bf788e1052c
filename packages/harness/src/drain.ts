import { DEFAULT_TENANT, type Clock, type Run, type Store } from '@prusik/core';
import type { DrainOptions } from './harness-types.ts';

export interface Drained {
  readonly store: Store;
  readonly clock: Clock;
  /** Names of what is driven here; runs of others are not waited for. */
  readonly definitions: ReadonlySet<string>;
}

/** Resolves when no run of the tenant can go on by itself, or the time is up. Only watches: somebody else drives. */
export async function untilDrained(
  { store, clock, definitions }: Drained,
  { until, tenant = DEFAULT_TENANT, pollMs = 50 }: DrainOptions,
): Promise<'drained' | 'time-up'> {
  const end = typeof until === 'number' ? until : until.getTime();
  if (!Number.isFinite(end)) throw new TypeError('drain: until is not a time');

  async function canMove(run: Run): Promise<boolean> {
    if (!definitions.has(run.definition)) return false;
    if (run.status === 'running' || run.session === undefined) return true;
    // Behind another run of its session: that one decides.
    const session = await store.session({ tenant, session: run.session });
    return session?.activeRun === run.key.run;
  }

  async function anyCanMove(): Promise<boolean> {
    let after: string | undefined;
    do {
      const cursor = after === undefined ? {} : { after };
      const page = await store.listRuns({ tenant, status: ['queued', 'running'], limit: 200, ...cursor });
      for (const run of page.items) if (await canMove(run)) return true;
      after = page.next;
    } while (after !== undefined);
    return false;
  }

  while (await anyCanMove()) {
    const left = end - clock.now();
    if (left <= 0) return 'time-up';
    await new Promise<void>((resolve) => void clock.after(Math.min(left, pollMs), resolve));
  }
  return 'drained';
}
