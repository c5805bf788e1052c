import type { FinalStatus, NewRun, RunKey, Store } from '@prusik/core';
import type { FakeClock } from '@prusik/testing-contracts';

export const runKey = (run: string, tenant = 'acme'): RunKey => ({ tenant, run });

export function newRun(
  id: string,
  { tenant = 'acme', ...more }: Partial<NewRun> & { readonly tenant?: string } = {},
): NewRun {
  return {
    key: { tenant, run: id },
    kind: 'function',
    definition: 'order',
    version: '1',
    input: null,
    inputHash: 'h',
    context: null,
    priority: 0,
    messages: [],
    root: id,
    depth: 0,
    ...more,
  };
}

/** Takes a run, and tells its epoch. */
export async function claimRun(store: Store, run: RunKey): Promise<number> {
  const { claims } = await store.claim({
    worker: 'w',
    leaseMs: 600_000,
    limit: 1,
    suspects: { room: 1, alone: 9 },
    definitions: ['order', 'refund'].map((name) => ({ name, versions: ['1'] })),
    only: { run },
  });
  const [claim] = claims;
  if (claim === undefined) throw new Error(`Run ${run.run} could not be claimed`);
  return claim.run.epoch;
}

export async function endRun(store: Store, run: RunKey, status: FinalStatus = 'completed'): Promise<void> {
  await endHeld(store, run, await claimRun(store, run), status);
}

export async function endHeld(
  store: Store,
  run: RunKey,
  epoch: number,
  status: FinalStatus = 'completed',
): Promise<void> {
  const answer = await store.commit({
    run,
    epoch,
    progress: true,
    entries: [
      { type: 'note', name: 'n', data: 'x'.repeat(100) },
      { type: 'run-end', status },
    ],
    transition: { type: 'end', status },
  });
  if (answer.outcome !== 'committed') throw new Error(`Run ${run.run} could not be ended: ${answer.outcome}`);
}

/** A run that has ended, a second after the one before. */
export async function ended(
  store: Store,
  clock: FakeClock,
  id: string,
  { status, ...more }: Parameters<typeof newRun>[1] & { readonly status?: FinalStatus } = {},
): Promise<void> {
  const run = newRun(id, more);
  clock.advance(1_000);
  await store.start(run);
  await endRun(store, run.key, status);
}
