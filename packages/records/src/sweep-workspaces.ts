import { isPrusikError, workspaceOf, type RunKey, type SessionKey, type Store, type Workspaces } from '@prusik/core';
import { eachOf } from './pages.ts';

/** Whose workspace it is by its name, as {@link workspaceOf} makes names; a name that does not tell is nobody's. */
export function ownerOfWorkspace(workspace: string): RunKey | SessionKey | undefined {
  const [, tenant, kind, id] = /^([^:]+):(run|session):(.+)$/su.exec(workspace) ?? [];
  if (tenant === undefined || id === undefined) return undefined;
  const owner = kind === 'run' ? { tenant, run: id } : { tenant, session: id };
  return workspaceOf(owner) === workspace ? owner : undefined;
}

interface WorkspaceSweep {
  readonly ownerOf: (workspace: string) => RunKey | SessionKey | undefined;
  /** What ended before this time is needed no more. */
  readonly endedBefore: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Removes the workspaces whose owners are gone or have ended long enough ago. They are listed first and their owners looked up after that: a run is stored before its workspace is made, so what is
 * there and has no owner is nobody's, and what is made meanwhile is not looked at. One that is in use stays.
 */
export async function sweepWorkspaces(
  store: Store,
  workspaces: Pick<Workspaces, 'list' | 'remove' | 'sweep'>,
  { ownerOf, endedBefore, signal }: WorkspaceSweep,
): Promise<readonly string[]> {
  const gone: string[] = [];
  for (const { id } of await workspaces.list()) {
    signal?.throwIfAborted();
    const owner = ownerOf(id);
    if (owner === undefined || (await isNeeded(store, owner, endedBefore))) continue;
    try {
      await workspaces.remove(id);
      gone.push(id);
    } catch (error) {
      if (!isPrusikError(error, 'WORKSPACE_BUSY')) throw error;
    }
  }
  // What killed processes left half made.
  await workspaces.sweep();
  return gone;
}

async function isNeeded(store: Store, owner: RunKey | SessionKey, endedBefore: number): Promise<boolean> {
  if ('run' in owner) {
    const run = await store.run(owner);
    return run !== undefined && isTreeNeeded(store, { tenant: owner.tenant, run: run.root }, endedBefore);
  }
  const session = await store.session(owner);
  if (session === undefined) return false;
  if (session.state !== 'closed' || session.createdAt >= endedBefore) return true;
  const { tenant } = owner;
  for await (const run of eachOf((page) => store.listRuns({ tenant, session: owner.session, ...page })))
    if (await isTreeNeeded(store, { tenant, run: run.root }, endedBefore)) return true;
  return false;
}

/** A child that has ended has handed its files to its parent, who may not be through with them. */
async function isTreeNeeded(store: Store, key: RunKey, endedBefore: number): Promise<boolean> {
  const root = await store.run(key);
  if (root === undefined) return false;
  if (root.endedAt === undefined || root.endedAt >= endedBefore) return true;
  const { items } = await store.listRuns({ tenant: key.tenant, root: key.run, status: LIVE_STATUSES, limit: 1 });
  return items.length > 0;
}

export const LIVE_STATUSES = ['queued', 'running', 'waiting', 'blocked'] as const;
