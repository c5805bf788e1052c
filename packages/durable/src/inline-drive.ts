import { isFinal, PrusikError, type Json, type Run, type RunKey, type RunSummary } from '@prusik/core';
import { definitionFor } from './definition-for.ts';
import type { DriveEnv } from './drive-env.ts';
import type { DrivenTrees, JoinedTree } from './driven-trees.ts';
import type { Driver } from './driver.ts';
import type { DriveOptions, RunResult } from './engine-types.ts';
import { createWakeUp } from './wake-up.ts';

/**
 * Drives a run's whole tree in this process until the run has ended or nothing but outside events can move it. The same loop as a
 * worker's, narrowed to the trees that somebody waits for. What another process is driving is followed.
 */
export async function driveInline(
  env: DriveEnv,
  driver: Driver,
  trees: DrivenTrees,
  key: RunKey,
  { signal }: DriveOptions = {},
): Promise<RunResult> {
  signal?.throwIfAborted();
  const first = await getRun(env, key);
  if (isFinal(first.status)) return answerOf(env, driver, trees, first, signal);
  if (!canDrive(env, first)) {
    const message = `Run ${key.run} is of ${first.definition}, version ${first.version}, which is not defined here`;
    throw new PrusikError('NO_DEFINITION', message, { meta: { definition: first.definition, version: first.version } });
  }
  const root: RunKey = { tenant: key.tenant, run: first.root };
  const wakeUp = createWakeUp(env.clock);
  let idle = false;
  /** Something may have become of the run itself, which only a look at it can tell. */
  let moved = true;
  let failure: unknown;
  const look = (whetherIdle: boolean): void => {
    idle = whetherIdle;
    wakeUp.set();
  };
  const onError = (cause: unknown): void => {
    failure = cause;
    wakeUp.set();
  };
  const tree = trees.join(root, { onMoved: () => look(false), onIdle: () => look(true), onError });
  const news = env.store.watchRun(key, (why) => {
    if (why === 'commit') return;
    moved = true;
    wakeUp.set();
  });
  let ahead: { readonly run: RunKey; readonly tree: JoinedTree; readonly watch: Disposable } | undefined;
  /** Drives the run that holds the session too: it is of another tree, and its turn is first. Says whether that is another one than before. */
  const follow = async (run: RunKey | undefined): Promise<boolean> => {
    if (run?.run === ahead?.run.run) return false;
    await leaveAhead();
    ahead = run && {
      run,
      tree: trees.join(run, { onMoved: () => look(true), onIdle: () => look(true), onError }),
      watch: env.store.watchRun(run, () => look(true)),
    };
    return true;
  };
  const leaveAhead = async (): Promise<void> => {
    const left = ahead;
    ahead = undefined;
    left?.watch[Symbol.dispose]();
    await left?.tree.leave();
    if (signal?.aborted) await left?.tree.release();
  };
  const abort = wakeUp.set;
  signal?.addEventListener('abort', abort);
  // Closed or aborted while the run was read: whoever tells of it has done so.
  if (driver.closed() || signal?.aborted) wakeUp.set();
  // Timers of the engine do not keep the process alive; somebody who awaits a drive wants it to.
  const keepAlive = setInterval(() => {}, 2 ** 30);
  try {
    for (;;) {
      await wakeUp.wait();
      if (signal?.aborted) throw signal.reason;
      if (driver.closed())
        throw new PrusikError('ENGINE_CLOSED', 'The engine was disposed; the run can be driven by another one');
      if (failure !== undefined) throw failure;
      // Of a thousand children that end here one by one, none is a reason to read the run.
      if (!moved && driver.active(root) > 0) continue;
      moved = false;
      const run = await getRun(env, key);
      if (isFinal(run.status)) return await answerOf(env, driver, trees, run, signal);
      if (driver.active(root) > 0) continue;
      if (!idle) {
        tree.ask();
        continue;
      }
      idle = false;
      const standing = await standingOf(env, run);
      // It may have moved between the look and the watch.
      if (await follow(standing.heldBy)) look(true);
      else if (!standing.mayMove) return await resultOf(env, await getRun(env, key), standing);
    }
  } finally {
    clearInterval(keepAlive);
    signal?.removeEventListener('abort', abort);
    news[Symbol.dispose]();
    // First, or what is given back would be claimed again.
    await leaveAhead();
    await tree.leave();
    if (signal?.aborted) await tree.release();
  }
}

/** Of a run that has ended. One that another run has absorbed is answered by that one. */
async function answerOf(
  env: DriveEnv,
  driver: Driver,
  trees: DrivenTrees,
  run: Run,
  signal: AbortSignal | undefined,
): Promise<RunResult> {
  if (run.absorbedBy === undefined) return resultOf(env, run);
  const holder = { tenant: run.key.tenant, run: run.absorbedBy };
  return driveInline(env, driver, trees, holder, signal === undefined ? {} : { signal });
}

/** Where a tree stands of which nothing can be claimed here and now. */
interface Standing {
  /** Some process drives it, or will as soon as it can: then this one follows. */
  readonly mayMove: boolean;
  /** The run that holds its session, while it stands in the queue. */
  readonly heldBy?: RunKey;
  /** When the first of its timers runs out. */
  readonly wakeAt: number | null;
}

async function standingOf(env: DriveEnv, run: Run): Promise<Standing> {
  const { tenant } = run.key;
  // One that is asked to cancel does not wait for its turn.
  if (run.session !== undefined && run.status === 'queued' && !run.cancelRequested) {
    const session = await env.store.session({ tenant, session: run.session });
    const holder =
      session?.activeRun === undefined ? undefined : await env.store.run({ tenant, run: session.activeRun });
    if (holder !== undefined && holder.key.run !== run.key.run)
      return { ...(await standingOf(env, holder)), heldBy: holder.key };
  }
  const status = ['queued', 'running', 'waiting'] as const;
  const { items } = await env.store.listRuns({ tenant, root: run.root, status, limit: 1_000 });
  const timers = [run, ...items].flatMap(({ wakeAt }) => wakeAt ?? []);
  return {
    mayMove: items.some((one) => one.status === 'running' || (one.status === 'queued' && canDrive(env, one))),
    wakeAt: timers.length === 0 ? null : Math.min(...timers),
  };
}

/** A run that is asked to cancel needs no definition. */
function canDrive(env: DriveEnv, run: RunSummary): boolean {
  return run.cancelRequested || isFinal(run.status) || definitionFor(env, run) !== undefined;
}

async function getRun(env: DriveEnv, key: RunKey): Promise<Run> {
  const run = await env.store.run(key);
  if (run === undefined) throw new PrusikError('RUN_UNKNOWN', `There is no run ${key.run}`, { meta: { run: key.run } });
  return run;
}

async function resultOf(
  env: DriveEnv,
  run: Run,
  { heldBy, wakeAt }: Omit<Standing, 'mayMove'> = { wakeAt: null },
): Promise<RunResult> {
  const { key, status } = run;
  switch (status) {
    case 'completed':
      return {
        run: key,
        status,
        output: run.output as Json,
        ...(run.partial === undefined ? {} : { partial: run.partial }),
      };
    case 'failed':
      return { run: key, status, error: run.error ?? { code: 'RUN_FAILED', message: 'The run failed' } };
    case 'cancelled':
      return { run: key, status, error: run.error ?? { code: 'RUN_CANCELLED', message: 'The run was cancelled' } };
    case 'blocked':
      return { run: key, status, code: run.blocked?.code ?? '', request: run.blocked?.request ?? '' };
    case 'queued':
    case 'running':
    case 'waiting': {
      // What a run waits for that stands in a queue is what the run waits for that is in its way.
      const root = heldBy?.run ?? run.root;
      const open = await env.store.listRequests({ tenant: key.tenant, root, status: ['open'], limit: 64 });
      return {
        run: key,
        status: 'waiting',
        requests: open.items.map(({ run: asking, id }) => ({ run: asking, request: id })),
        wakeAt,
        ...(heldBy === undefined ? {} : { heldBy }),
      };
    }
    default:
      return status satisfies never;
  }
}
