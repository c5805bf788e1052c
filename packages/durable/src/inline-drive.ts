import { isFinal, PrusikError, type Json, type Run, type RunKey } from '@prusik/core';
import { startClaimLoop } from './claim-loop.ts';
import type { DriveEnv } from './drive-env.ts';
import type { Driver } from './driver.ts';
import type { DriveOptions, RunResult } from './engine-types.ts';
import { createWakeUp } from './wake-up.ts';

/**
 * Drives a run's whole tree in this process until the run has ended or nothing but outside events can move it. The same loop as a
 * worker's, narrowed to one tree. What another process is driving is followed.
 */
export async function driveInline(
  env: DriveEnv,
  driver: Driver,
  key: RunKey,
  { signal }: DriveOptions = {},
): Promise<RunResult> {
  signal?.throwIfAborted();
  const first = await getRun(env, key);
  if (isFinal(first.status)) return resultOf(env, first, null);
  if (!canDrive(env, first)) {
    const message = `Run ${key.run} is of ${first.definition}, version ${first.version}, which is not defined here`;
    throw new PrusikError('NO_DEFINITION', message, { meta: { definition: first.definition, version: first.version } });
  }
  const root: RunKey = { tenant: key.tenant, run: first.root };
  const wakeUp = createWakeUp(env.clock);
  let idle = false;
  let failure: unknown;
  const claims = startClaimLoop({
    env,
    driver,
    root,
    onIdle() {
      idle = true;
      wakeUp.set();
    },
    onError(cause) {
      failure = cause;
      wakeUp.set();
    },
  });
  const news = env.store.watchRun(key, (why) => {
    if (why !== 'commit') wakeUp.set();
  });
  const drives = driver.watch((over) => {
    if (over?.root !== first.root || over.key.tenant !== key.tenant) return;
    idle = false;
    wakeUp.set();
  });
  const abort = wakeUp.set;
  signal?.addEventListener('abort', abort);
  // Timers of the engine do not keep the process alive; somebody who awaits a drive wants it to.
  const keepAlive = setInterval(() => {}, 2 ** 30);
  try {
    for (;;) {
      await wakeUp.wait();
      if (signal?.aborted) {
        // The loop first, or it would claim again what is given back.
        await claims[Symbol.asyncDispose]();
        await claims.release();
        throw signal.reason;
      }
      if (driver.closed)
        throw new PrusikError('ENGINE_CLOSED', 'The engine was disposed; the run can be driven by another one');
      if (failure !== undefined) throw failure;
      const run = await getRun(env, key);
      if (isFinal(run.status)) return await resultOf(env, run, null);
      if (driver.active(root) > 0 || !idle) continue;
      idle = false;
      if (!(await mayStillMove(env, driver, run))) return await resultOf(env, await getRun(env, key), claims.wakeAt);
    }
  } finally {
    clearInterval(keepAlive);
    signal?.removeEventListener('abort', abort);
    drives[Symbol.dispose]();
    news[Symbol.dispose]();
    await claims[Symbol.asyncDispose]();
  }
}

/** Whether some process drives the tree, or will as soon as it can: then this one follows. */
async function mayStillMove(env: DriveEnv, driver: Driver, run: Run): Promise<boolean> {
  const { tenant } = run.key;
  // One that is asked to cancel does not wait for its turn.
  if (run.session !== undefined && run.status === 'queued' && !run.cancelRequested) {
    const session = await env.store.session({ tenant, session: run.session });
    const ahead =
      session?.activeRun === undefined ? undefined : await env.store.run({ tenant, run: session.activeRun });
    if (ahead !== undefined && ahead.key.run !== run.key.run)
      return ahead.status === 'running' || driver.isDriving(ahead.key);
  }
  const { items } = await env.store.listRuns({ tenant, root: run.root, status: ['queued', 'running'], limit: 1_000 });
  return items.some((one) => one.status === 'running' || canDrive(env, one));
}

/** A run that is asked to cancel needs no definition. */
function canDrive(env: DriveEnv, run: Run): boolean {
  const definition = env.definitions.get(run.definition);
  if (run.cancelRequested || isFinal(run.status)) return true;
  return (
    definition !== undefined &&
    (definition.version === run.version || definition.continues?.includes(run.version) === true)
  );
}

async function getRun(env: DriveEnv, key: RunKey): Promise<Run> {
  const run = await env.store.run(key);
  if (run === undefined) throw new PrusikError('RUN_UNKNOWN', `There is no run ${key.run}`, { meta: { run: key.run } });
  return run;
}

async function resultOf(env: DriveEnv, run: Run, wakeAt: number | null): Promise<RunResult> {
  const { key, status } = run;
  switch (status) {
    case 'completed':
      return { run: key, status, output: run.output as Json };
    case 'failed':
    case 'cancelled':
      return {
        run: key,
        status,
        error: run.error ?? { code: `RUN_${status.toUpperCase()}`, message: `The run was ${status}` },
      };
    case 'blocked':
      return { run: key, status, code: run.blocked?.code ?? '', request: run.blocked?.request ?? '' };
    case 'queued':
    case 'running':
    case 'waiting': {
      const open = await env.store.listRequests({ tenant: key.tenant, root: run.root, status: ['open'], limit: 64 });
      return {
        run: key,
        status: 'waiting',
        requests: open.items.map(({ run: asking, id }) => ({ run: asking, request: id })),
        wakeAt: run.wakeAt ?? wakeAt,
      };
    }
    default:
      return status satisfies never;
  }
}
