import { AsyncLocalStorage } from 'node:async_hooks';
import { PrusikError } from '@prusik/core';

/** Code of a user that runs because of a drive. */
interface Inside {
  readonly code: 'function' | 'step';
  /** The engine whose place it is in. */
  readonly engine: object;
  /** It has settled. What it left behind (a timer, a connection) still runs in its context, and is in no place any more. */
  over: boolean;
  readonly outer: Inside | undefined;
}

/** What is running: a function, a step's body, or nobody's code. */
const inside: AsyncLocalStorage<Inside> = new AsyncLocalStorage();

/** Runs a user's code, marked as what it is. */
export async function runInside<T>(code: Inside['code'], engine: object, call: () => T): Promise<Awaited<T>> {
  const mark: Inside = { code, engine, over: false, outer: inside.getStore() };
  try {
    return await inside.run(mark, call);
  } finally {
    mark.over = true;
  }
}

export const isInsideStep = (): boolean => inside.getStore()?.code === 'step';

/**
 * A call on the context from a step's body would be recorded before the step that made it, and a replay, which does not run the
 * body, would never ask for it.
 *
 * @throws {PrusikError} `STEP_NESTED`
 */
export function refuseInsideStep(call: string): void {
  if (!isInsideStep()) return;
  const message = `${call} was called inside the body of a step; a step's body has no context, only its scope`;
  throw new PrusikError('STEP_NESTED', message);
}

/**
 * A durable function or step that waits for another run of its engine would hold the place that this run may need.
 *
 * @throws {PrusikError} `RUN_NESTED`
 */
export function refuseInside(engine: object, what: string): void {
  for (let at = inside.getStore(); at !== undefined; at = at.outer) {
    if (at.engine !== engine || at.over) continue;
    const message =
      `${what} was called inside a ${at.code === 'step' ? "step's body" : 'durable function'} of the same engine, and would wait ` +
      'for the place that its caller holds: call the other run as a child (`ctx.child`), or `start` it and do not wait';
    throw new PrusikError('RUN_NESTED', message);
  }
}
