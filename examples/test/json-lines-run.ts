import type { CommitResult, NewRun, RunKey, Store } from '@prusik/core';

export const KEY: RunKey = { tenant: 'acme', run: 'r' };

export const newRun: NewRun = {
  key: KEY,
  kind: 'function',
  definition: 'order',
  version: '1',
  input: null,
  inputHash: 'h',
  context: null,
  priority: 0,
  messages: [],
  root: 'r',
  depth: 0,
};

/** Takes the run, and tells its epoch. */
export async function claim(store: Store): Promise<number> {
  const { claims } = await store.claim({
    worker: 'w',
    leaseMs: 600_000,
    limit: 1,
    suspects: { room: 1, alone: 9 },
    definitions: [{ name: 'order', versions: ['1'] }],
  });
  return claims[0]?.run.epoch ?? 0;
}

/** Puts a blob, and commits an entry that names it. */
export async function noteWithBlob(store: Store, epoch: number, text: string): Promise<CommitResult> {
  const { hash } = await store.putBlob(KEY.tenant, Buffer.from(text.repeat(1_000)));
  const entries = [{ type: 'note', name: 'blob', data: hash }] as const;
  return store.commit({ run: KEY, epoch, entries, progress: true, blobs: [hash] });
}

/** Commits one entry with so many characters. */
export function note(store: Store, epoch: number, length = 10): Promise<CommitResult> {
  const entries = [{ type: 'note', name: 'n', data: 'x'.repeat(length) }] as const;
  return store.commit({ run: KEY, epoch, entries, progress: true });
}
