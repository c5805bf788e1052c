import type { RunInfo } from './durable-function.ts';
import { derivedUuid, type RunKey, type SessionKey } from './ids.ts';
import type { StandardSchema } from './schema.ts';
import { defineSlot, type Slot } from './slot.ts';

/** What a run knows of its workspace, as of its last committed step. */
export interface RunWorkspaceState {
  /** What it held then; `null` until a step has changed it. */
  readonly snapshot: string | null;
  /** Which of the run's snapshots it is: of steps at once the one that was taken last stands, whichever is recorded last. */
  readonly taken: number;
  /** Children that work in it now, by the run that called them: what they change is not undone. */
  readonly sharers: readonly { readonly run: string; readonly child: string }[];
}

/** Where it is kept: in the session of a conversation, else in the run. */
export const RUN_WORKSPACE: Slot<RunWorkspaceState> = defineSlot({
  name: 'workspace',
  schema: stateSchema(),
  initial: { snapshot: null, taken: 0, sharers: [] },
});

/**
 * Id of the workspace of a session, or of a run that is in none: for whoever makes it before the first run does, and for whoever sweeps. It begins with the tenant, so that two tenants
 * never meet in one.
 */
export function workspaceOf(key: SessionKey | RunKey): string {
  const [kind, id] = 'session' in key ? ['session', key.session] : ['run', key.run];
  const plain = `${key.tenant}:${kind}:${id}`;
  // A colon in a tenant's name could make two keys one text; the rest cannot name a workspace.
  if (key.tenant.includes(':') || plain.length > 200 || /[/\\]|\.\./.test(plain))
    return derivedUuid('workspace', key.tenant, kind, id);
  return plain;
}

/** Whether the workspace is the run's own: a session's, a root's, a fork. A shared one is its caller's to bring back. */
export function ownsWorkspace({ key, parent, workspace }: RunInfo): boolean {
  return parent === undefined || workspace === workspaceOf(key);
}

function stateSchema(): StandardSchema<unknown, RunWorkspaceState> {
  return {
    '~standard': {
      version: 1,
      vendor: 'prusik',
      validate: (value) =>
        isState(value) ? { value } : { issues: [{ message: 'It names no snapshot and nobody who shares' }] },
    },
  };
}

function isState(value: unknown): value is RunWorkspaceState {
  if (typeof value !== 'object' || value === null) return false;
  const { snapshot, taken, sharers } = value as Partial<RunWorkspaceState>;
  return (snapshot === null || typeof snapshot === 'string') && typeof taken === 'number' && Array.isArray(sharers);
}
