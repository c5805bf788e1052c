import { isFinal, PrusikError, type RemovedRows, type Run, type RunKey, type SessionKey } from '@prusik/core';
import type { Engine } from '@prusik/durable';
import { sessionBusy } from './refusals.ts';

/** How a session is closed. */
export interface CloseSessionOptions {
  /** What the runs that are cancelled are told. */
  readonly reason?: string;
  /**
   * Stops waiting: the call rejects with the signal's reason, the session stays `closing`, and whoever calls again goes on. @default waits
   * for as long as the runs take to end
   */
  readonly signal?: AbortSignal;
}

/**
 * Ends a session in an order in which each step can be done again: it takes no new runs, has none, has no resources in this process, is
 * marked as closed. Whoever calls again after a crash, in whichever process, goes on where it stands.
 */
export async function closeSession(
  engine: Engine,
  key: SessionKey,
  endResources: () => Promise<void>,
  { reason = 'The session is closed', signal }: CloseSessionOptions = {},
): Promise<void> {
  signal?.throwIfAborted();
  const { store } = engine;
  let answer = await store.moveSession(key, 'closing');
  do {
    if (answer.outcome !== 'unknown') {
      const { activeRun, queue } = answer.session;
      // The queue first: else the end of the active run would hand the session to the next.
      const held = [...queue, ...(activeRun === undefined ? [] : [activeRun])];
      await endRuns(
        engine,
        held.map((run) => ({ tenant: key.tenant, run })),
        reason,
        signal,
      );
    }
    await endResources();
    answer = await store.moveSession(key, 'closed');
  } while (answer.outcome === 'busy');
}

/** Closes a session and removes it with all that belongs to it; nothing where there is none. */
export async function deleteSession(
  engine: Engine,
  key: SessionKey,
  endResources: () => Promise<void>,
  options: CloseSessionOptions = {},
): Promise<RemovedRows | undefined> {
  const { reason = 'The session is deleted', signal } = options;
  await closeSession(engine, key, endResources, { ...options, reason });
  for (;;) {
    signal?.throwIfAborted();
    // Also for a session that is not there: what a deletion that died has left of it goes with this one.
    const answer = await engine.store.remove({ tenant: key.tenant, session: key.session });
    if (answer.outcome === 'removed') return answer.removed;
    if (answer.outcome === 'unknown') return undefined;
    if (answer.code === 'SESSION_NOT_CLOSED')
      throw new PrusikError('SESSION_BUSY', `Session ${key.session} was opened again while it was deleted`, {
        retryable: true,
        meta: { session: key.session },
      });
    await endRuns(engine, [answer.run.key], reason, signal);
  }
}

/** Cancels all before it waits for the first. */
async function endRuns(
  engine: Engine,
  runs: readonly RunKey[],
  reason: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const run of runs) await engine.cancel(run, reason);
  await Promise.all(runs.map((run) => driveToEnd(engine, run, signal)));
}

async function driveToEnd(engine: Engine, key: RunKey, signal: AbortSignal | undefined): Promise<void> {
  const { status } = await engine.drive(key, signal === undefined ? {} : { signal });
  if (status !== 'waiting' && status !== 'blocked') return;
  // Asked to cancel and still there: it waits for somebody in its own clean-up, which must not hang whoever closes the session.
  const run: Run | undefined = await engine.store.run(key);
  if (run !== undefined && !isFinal(run.status)) throw await sessionBusy(engine.store, run);
}
