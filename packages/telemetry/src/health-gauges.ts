import type { BatchObservableResult, Meter, Observable } from '@opentelemetry/api';
import { disposable, within, type Clock } from '@prusik/core';
import { OWN, type GaugeName } from './conventions.ts';
import type { Instruments } from './instruments.ts';

/** How a store stands, as far as it is measured: `health()` of a store gives it, and more. */
export interface HealthFigures {
  /** Runs by status; one that is not told is not shown. */
  readonly runs: Readonly<Partial<Record<(typeof STATUSES)[number], number>>>;
  readonly queue: {
    /** How long the first of the runs that may be claimed has been waiting for it; `null` where there are none. */
    readonly oldestMs: number | null;
  };
}

/** Asked whenever metrics are collected. One that hangs is given up after five seconds, and not asked again before it has answered. */
export type ReadHealth = () => HealthFigures | Promise<HealthFigures>;

const PATIENCE_MS = 5_000;
const STATUSES = ['queued', 'running', 'waiting', 'blocked'] as const;

/** Shows a store's health as gauges. A store that does not answer, or not in time, is not shown. */
export function observeHealth(
  clock: Clock,
  meter: Meter,
  { runs, oldestQueued }: Pick<Instruments, GaugeName>,
  read: ReadHealth,
): Disposable {
  const observables: Observable[] = [runs, oldestQueued];
  let asking = false;

  /** A second question behind one that hangs would hang, too, and every collection would leave one more. */
  async function ask(): Promise<HealthFigures> {
    asking = true;
    try {
      return await read();
    } finally {
      asking = false;
    }
  }

  async function observe(result: BatchObservableResult): Promise<void> {
    if (asking) return;
    let health: HealthFigures;
    try {
      health = await within(clock, PATIENCE_MS, ask);
    } catch {
      return;
    }
    for (const status of STATUSES) {
      const count = health.runs[status];
      if (count !== undefined) result.observe(runs, count, { [OWN.runStatus]: status });
    }
    result.observe(oldestQueued, (health.queue.oldestMs ?? 0) / 1_000);
  }

  meter.addBatchObservableCallback(observe, observables);
  return disposable(() => meter.removeBatchObservableCallback(observe, observables));
}
