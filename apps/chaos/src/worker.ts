// One worker process: `worker.ts FILE OPTIONS`, OPTIONS as JSON. Its effects and acknowledgements go to descriptor 3.
import { createEngine } from '@prusik/durable';
import { sqliteStore } from '@prusik/store-sqlite';
import { acknowledgingStore, endWithParent, killingStore, writeLinesTo } from '@prusik/testing-contracts';
import { sabotaged, type Sabotage } from './sabotage.ts';
import { INLINE_BYTES, workload } from './workload.ts';

export interface WorkerOptions {
  readonly leaseMs: number;
  readonly synchronous: 'full' | 'normal';
  /** @see killingStore */
  readonly point?: string;
  readonly sabotage?: Sabotage;
}

const [path = '', json = '{}'] = process.argv.slice(2);
const { leaseMs, synchronous, point, sabotage } = JSON.parse(json) as WorkerOptions;

endWithParent();
const write = writeLinesTo(3);
const file = sqliteStore({ path, synchronous, pollMs: 20 });
const store = acknowledgingStore(killingStore(sabotaged(file, sabotage), point), write);
const engine = createEngine({
  store,
  definitions: workload(write),
  limits: {
    leaseMs,
    heartbeatMs: Math.floor(leaseMs / 4),
    parkAfterMs: 20,
    slots: 8,
    cancelGraceMs: 1_000,
    maxInlineOutcomeBytes: INLINE_BYTES,
    // Every life here may be cut short; who is poison is tested elsewhere.
    maxLostLeases: 1_000,
  },
  onWarning: ({ code, message }) => process.stderr.write(`${code}: ${message}\n`),
});
process.once('SIGTERM', () => {
  void (async () => {
    await engine[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    process.exit(0);
  })();
});
engine.worker();
