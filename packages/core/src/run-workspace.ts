import type { RunInfo } from './durable-function.ts';
import { isPrusikError, PrusikError } from './errors.ts';
import { ownsWorkspace, RUN_WORKSPACE } from './run-workspace-state.ts';
import type { OpenSandboxOptions, Sandbox, SandboxSession } from './sandbox.ts';
import type { StepScope } from './step-scope.ts';
import type { WorkspaceForks, Workspaces } from './workspace.ts';

/** What a step's body, or a tool's, has of its run. */
export interface RunWorkspaceScope extends Pick<StepScope, 'slots' | 'signal'> {
  /** The object that the drive has: `ctx.run`, `scope.run` of a tool. */
  readonly run: RunInfo;
}

/** How the session on the workspace of a run is opened. */
export interface OpenRunWorkspaceOptions extends Omit<OpenSandboxOptions, 'workspace' | 'signal'> {
  /** Nothing will be changed, so that the next step need not look whether something was. @default false */
  readonly readOnly?: boolean;
}

/** The workspace of a run, open in one of its steps. */
export interface RunWorkspace extends AsyncDisposable {
  /** Disposed with this. */
  readonly session: SandboxSession;
  /**
   * Keeps what it holds now, and names it in the commit of the step: the last thing that a step does with it. What no step has committed is thrown away by the
   * next one.
   */
  commit(): Promise<void>;
}

/** What one drive of a run has done with its workspace so far. */
interface Driven {
  /** The snapshot that its files are, as far as this drive knows. */
  at: string | undefined;
  /** Sessions that it has open. */
  users: number;
  /** The last of its snapshots. */
  taken: number;
  /** One after the other: who opens must not have its files changed by another's restore, and what is taken later holds what was taken earlier. */
  turn: Promise<unknown>;
}

/** By the object that a drive has of its run: another drive, in this process too, knows nothing of what this one left. */
const driven = new WeakMap<RunInfo, Driven>();

/** How long an engine waits before it asks again for a workspace that another process still has. */
const BUSY_RETRY_MS = 500;

/**
 * Opens the workspace of a run, for one step of it, and brings it to what it held after the last committed step: whatever a step that was killed, failed or never
 * committed has left is thrown away. Made, empty, where the run has none yet. Beside another step of the run that has it open, it is opened as it is.
 *
 * @throws {PrusikError} `WORKSPACE_NONE` where the run's caller gave it none.
 * @throws {PrusikError} `WORKSPACE_NOT_FOUND` where a fork is gone, or was never made.
 * @throws {PrusikError} `WORKSPACE_BUSY` (retryable, with `retryAfterMs`) while another process has it open; nothing was done.
 * @throws {PrusikError} what {@link Sandbox.open} and {@link Workspaces.restore} reject with.
 */
export async function openRunWorkspace(
  sandbox: Sandbox,
  scope: RunWorkspaceScope,
  { readOnly = false, ...options }: OpenRunWorkspaceOptions = {},
): Promise<RunWorkspace> {
  const { run, signal } = scope;
  const { workspace } = run;
  if (workspace === undefined)
    throw new PrusikError(
      'WORKSPACE_NONE',
      `The run ${run.key.run} was called without a workspace; call it with workspace: 'fork' or 'share'`,
    );
  const drive = driveOf(run);
  const session = await inTurn(drive, async () => {
    try {
      if (ownsWorkspace(run) && drive.users === 0) await bringBack(sandbox.workspaces, workspace, scope, drive);
      const opened = await sandbox.open({ ...options, workspace, signal });
      drive.users += 1;
      return opened;
    } catch (error) {
      throw isPrusikError(error, 'WORKSPACE_BUSY') ? busyForNow(error) : error;
    }
  });
  let committed = readOnly;
  let ended: Promise<void> | undefined;

  return {
    session,
    async commit() {
      await commitRunWorkspace(sandbox.workspaces, scope);
      committed = true;
    },
    [Symbol.asyncDispose]() {
      ended ??= (async () => {
        try {
          await session[Symbol.asyncDispose]();
        } finally {
          drive.users -= 1;
          if (!committed) drive.at = undefined;
        }
      })();
      return ended;
    },
  };
}

/**
 * Keeps what the run's workspace holds now, and names it in the commit of the step. One that is shared is its caller's to keep: nothing is done.
 * `leaving`: a child that shared it has ended.
 */
export async function commitRunWorkspace(
  workspaces: Pick<Workspaces, 'snapshot'>,
  { run, slots, signal }: RunWorkspaceScope,
  leaving?: string,
): Promise<void> {
  const { workspace } = run;
  if (workspace === undefined || !ownsWorkspace(run)) return;
  const drive = driveOf(run);
  await inTurn(drive, async () => {
    const { snapshot } = await workspaces.snapshot(workspace, { signal });
    const mine = Math.max(drive.taken, (await slots.get(RUN_WORKSPACE)).taken) + 1;
    await slots.update(RUN_WORKSPACE, (state) => {
      const sharers = state.sharers.filter(({ run: caller, child }) => caller === run.key.run && child !== leaving);
      return state.taken > mine ? { ...state, sharers } : { snapshot, taken: mine, sharers };
    });
    drive.taken = mine;
    drive.at = snapshot;
  });
}

/** Brings the run's workspace to what it held after the last committed step, unless a step of this drive has it open, or it is not the run's own. */
export async function readyRunWorkspace(workspaces: WorkspaceForks, scope: RunWorkspaceScope): Promise<void> {
  const { run } = scope;
  const { workspace } = run;
  if (workspace === undefined || !ownsWorkspace(run)) return;
  const drive = driveOf(run);
  await inTurn(drive, async () => {
    if (drive.users === 0) await bringBack(workspaces, workspace, scope, drive);
  });
}

async function bringBack(
  workspaces: WorkspaceForks,
  workspace: string,
  { run, slots, signal }: RunWorkspaceScope,
  drive: Driven,
): Promise<void> {
  const { snapshot, sharers } = await slots.get(RUN_WORKSPACE);
  if (snapshot !== null && snapshot === drive.at) return;
  // A fork is made by the caller, with what it is to hold; an empty one in its place would look like work that was lost.
  if (run.parent === undefined) await workspaces.create({ id: workspace, signal });
  // Until a step has changed something, what it held when it was first opened.
  const target = snapshot ?? (await workspaces.snapshot(workspace, { name: 'base', signal })).snapshot;
  if (target === drive.at) return;
  // Children of this run work in it, or did when this drive's predecessor died: theirs is not to be undone.
  if (sharers.some(({ run: caller }) => caller === run.key.run)) return;
  await workspaces.restore(workspace, target, { signal });
  drive.at = target;
}

function driveOf(run: RunInfo): Driven {
  const known = driven.get(run);
  if (known !== undefined) return known;
  const drive: Driven = { at: undefined, users: 0, taken: 0, turn: Promise.resolve() };
  driven.set(run, drive);
  return drive;
}

async function inTurn<T>(drive: Driven, work: () => Promise<T>): Promise<T> {
  const result = drive.turn.then(work);
  drive.turn = result.catch(() => {});
  return result;
}

/** Whoever did nothing and says when to come again is asked again by the engine, of a step of any effect. */
function busyForNow(error: PrusikError): PrusikError {
  const meta = { ...error.meta, retryAfterMs: BUSY_RETRY_MS };
  return new PrusikError('WORKSPACE_BUSY', error.message, { retryable: true, meta, cause: error });
}
