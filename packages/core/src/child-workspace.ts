import type { CallOptions } from './call-options.ts';
import type { ChildResult, ForkedWorkspace } from './child-result.ts';
import type { DurableContext } from './durable-function.ts';
import { isPrusikError, PrusikError } from './errors.ts';
import { childRunId, derivedUuid, ID_LIMITS } from './ids.ts';
import { commitRunWorkspace, readyRunWorkspace } from './run-workspace.ts';
import { ownsWorkspace, RUN_WORKSPACE, workspaceOf } from './run-workspace-state.ts';
import type { StepOptions } from './step-options.ts';
import type { StepScope } from './step-scope.ts';
import type { WorkspaceForks, WorkspaceSource } from './workspace.ts';

/** What a call does about the workspace of its child, in steps of the caller. */
export interface ChildWorkspace {
  /** Makes it what the child is to find. Before the child is started. */
  prepare(): Promise<void>;
  /** What became of it, when the child has handed its output back. */
  completed(): Promise<Pick<ChildResult, 'workspace'>>;
  /** The child failed, or was not started after all. */
  failed(): Promise<void>;
}

/** Paths that the caller is told of. */
const TOLD_PATHS = 100;
/** Each can be taken again after a crash, and is asked for again while another process has the workspace. */
const STEP: StepOptions = { retry: { attempts: 5 } };

/** Nothing, where no workspace is asked for or there is no sandbox: it costs no step then. */
export function childWorkspace(
  ctx: DurableContext,
  key: string,
  mode: CallOptions['workspace'] = 'none',
): ChildWorkspace | undefined {
  const { forks, run } = ctx;
  if (forks === undefined || mode === 'none') return undefined;
  const { tenant, run: caller } = run.key;
  const child = childRunId(tenant, caller, key);
  if (mode === 'share') return ownsWorkspace(run) ? shared(ctx, forks, key, child) : undefined;
  const id = workspaceOf({ tenant, run: child });
  let from: string | undefined;

  return {
    async prepare() {
      from = await ctx.step(
        stepKey('workspace-fork', key),
        async (step) => {
          await forks.create({ id, from: await sourceOf(ctx, forks, step), signal: step.signal });
          // By name, so that a fork which a killed attempt has made tells what it really began with.
          return (await forks.snapshot(id, { name: 'base', signal: step.signal })).snapshot;
        },
        { ...STEP, name: 'workspace-fork' },
      );
    },
    async completed() {
      const began = from;
      if (began === undefined) return {};
      const told = await ctx.step(
        stepKey('workspace-diff', key),
        async ({ signal }): Promise<ForkedWorkspace> => {
          const { snapshot: to } = await forks.snapshot(id, { signal });
          const diff = await forks.diff({ snapshot: began }, { snapshot: to }, { limit: TOLD_PATHS, signal });
          return { id, from: began, to, diff };
        },
        { ...STEP, name: 'workspace-diff' },
      );
      return { workspace: told };
    },
    failed: () => Promise.resolve(),
  };
}

/** What the caller's holds after its last committed step; nothing where it has none. */
async function sourceOf({ run }: DurableContext, forks: WorkspaceForks, step: StepScope): Promise<WorkspaceSource> {
  const { workspace } = run;
  if (workspace === undefined || (await forks.open(workspace)) === undefined) return { empty: true };
  if (!ownsWorkspace(run)) return { workspace };
  const { snapshot, sharers } = await step.slots.get(RUN_WORKSPACE);
  // What children that share it have done since is in no snapshot of this run yet.
  if (sharers.some(({ run: caller }) => caller === run.key.run)) return { workspace };
  return { snapshot: snapshot ?? (await forks.snapshot(workspace, { name: 'base', signal: step.signal })).snapshot };
}

function shared(ctx: DurableContext, forks: WorkspaceForks, key: string, child: string): ChildWorkspace {
  const { run } = ctx;
  const own = run.key.run;
  let prepared = false;

  async function takeBack(): Promise<void> {
    await ctx.step(stepKey('workspace-shared', key), (step) => commitRunWorkspace(forks, { run, ...step }, child), {
      ...STEP,
      name: 'workspace-shared',
    });
  }

  return {
    async prepare() {
      prepared = true;
      await ctx.step(
        stepKey('workspace-share', key),
        async (step) => {
          await readyRunWorkspace(forks, { run, ...step });
          await step.slots.update(RUN_WORKSPACE, (state) => ({
            ...state,
            sharers: [
              ...state.sharers.filter((sharer) => sharer.run === own && sharer.child !== child),
              { run: own, child },
            ],
          }));
        },
        { ...STEP, name: 'workspace-share' },
      );
    },
    async completed() {
      await takeBack();
      return {};
    },
    // A call that was refused costs no step.
    failed: () => (prepared ? takeBack() : Promise.resolve()),
  };
}

/** Runs `call` with the workspace of its child around it. */
export async function withChildWorkspace(
  workspace: ChildWorkspace | undefined,
  call: () => Promise<ChildResult<unknown>>,
): Promise<ChildResult<unknown>> {
  if (workspace === undefined) return call();
  let result: ChildResult<unknown>;
  try {
    result = await call();
  } catch (error) {
    // Why the call failed is what its caller has to know.
    await workspace.failed().catch(() => {});
    throw error;
  }
  try {
    return { ...result, ...(await workspace.completed()) };
  } catch (error) {
    if (!isPrusikError(error)) throw error;
    // The child has ended well, and its output is kept with it.
    const { code, message, retryable, meta } = error;
    throw new PrusikError(code, message, { retryable, meta: { ...meta, child: result.run }, cause: error });
  }
}

function stepKey(what: string, key: string): string {
  const plain = `${what}:${key}`;
  return plain.length <= ID_LIMITS['step key'] ? plain : `${what}:${derivedUuid('step', key)}`;
}
