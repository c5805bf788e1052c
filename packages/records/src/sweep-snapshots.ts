import { RUN_WORKSPACE, threadOfSession, type Store, type Workspaces } from '@prusik/core';
import { eachOf } from './pages.ts';
import { LIVE_STATUSES } from './sweep-workspaces.ts';

interface SnapshotSweep {
  /** All of the store. */
  readonly tenants: readonly string[];
  readonly takenBefore: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Removes snapshots that are old and that nobody goes back to. A journal names snapshots in places of its own, so of a live tree all are kept that were taken since it began; of an
 * open session the one that it stands at.
 */
export async function sweepSnapshots(
  store: Store,
  workspaces: Pick<Workspaces, 'sweep'>,
  { tenants, takenBefore, signal }: SnapshotSweep,
): Promise<number> {
  const kept = new Set<string>();
  let before = takenBefore;
  for (const tenant of tenants) {
    signal?.throwIfAborted();
    const sessions = eachOf((page) => store.listSessions({ tenant, state: ['open', 'closing'], ...page }));
    for await (const { key } of sessions)
      for (const { name, value } of await store.slots(threadOfSession(key)))
        if (name === RUN_WORKSPACE.name) for (const snapshot of textsIn(value)) kept.add(snapshot);
    const live = eachOf((page) => store.listRuns({ tenant, status: LIVE_STATUSES, ...page }));
    for await (const { root } of live) {
      const begun = (await store.run({ tenant, run: root }))?.createdAt;
      if (begun !== undefined) before = Math.min(before, begun);
    }
  }
  const { snapshots } = await workspaces.sweep({
    snapshot: (snapshot, takenAt) => takenAt >= before || kept.has(snapshot),
  });
  return snapshots.length;
}

/** Whatever text a slot holds may be the name of a snapshot: of another form than this release's, too. */
function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
