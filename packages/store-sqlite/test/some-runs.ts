import type { Commit, CommitResult, NewRun, RunKey, Store } from '@prusik/core';

export const runKey = (run: string): RunKey => ({ tenant: 'acme', run });

export function newRun(id: string, more: Partial<NewRun> = {}): NewRun {
  return {
    key: runKey(id),
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

/** Starts a run and claims it; tells its epoch. */
export async function startAndClaim(store: Store, id: string, more: Partial<NewRun> = {}): Promise<number> {
  await store.start(newRun(id, more));
  return claimRun(store, id);
}

export async function claimRun(store: Store, id: string): Promise<number> {
  const { claims } = await store.claim({
    worker: 'w',
    leaseMs: 600_000,
    limit: 1,
    suspects: { room: 1, alone: 9 },
    definitions: [{ name: 'order', versions: ['1'] }],
    only: { run: runKey(id) },
  });
  const [claim] = claims;
  if (claim === undefined) throw new Error(`Run ${id} could not be claimed`);
  return claim.run.epoch;
}

/** Commits one note under the epoch. */
export function note(store: Store, id: string, epoch: number, more: Partial<Commit> = {}): Promise<CommitResult> {
  return store.commit({
    run: runKey(id),
    epoch,
    entries: [{ type: 'note', name: 'n', data: 'x'.repeat(500) }],
    progress: true,
    ...more,
  });
}

export function park(store: Store, id: string, epoch: number): Promise<CommitResult> {
  return note(store, id, epoch, { seen: 0, transition: { type: 'park', wakeAt: null } });
}

export function end(store: Store, id: string, epoch: number): Promise<CommitResult> {
  return note(store, id, epoch, {
    entries: [{ type: 'run-end', status: 'completed' }],
    transition: { type: 'end', status: 'completed' },
  });
}

/** Everything that is wrong, as sentences. */
export async function problemsOf(problems: AsyncIterable<{ readonly message: string }>): Promise<readonly string[]> {
  const messages: string[] = [];
  for await (const { message } of problems) messages.push(message);
  return messages;
}
