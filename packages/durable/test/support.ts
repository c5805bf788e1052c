import type { Clock, DurableContext, DurableDefinition, Entry, Json, Observer, RunKey, Store } from '@prusik/core';
import type { FakeClock } from '@prusik/testing-contracts';
import { createEngine, type Engine, type EngineLimits, type EngineOptions, type EngineWarning } from '../src/index.ts';

export const key = (run: string): RunKey => ({ tenant: 'default', run });

/** A durable function under a name. */
export function durable(
  name: string,
  run: (ctx: DurableContext, input: Json) => unknown,
  more: Partial<DurableDefinition> = {},
): DurableDefinition<Json, unknown> {
  return { name, kind: 'function', version: '1', run: (ctx, input) => run(ctx, input), ...more };
}

/** An engine that parks at once, so that every wait goes through the store. */
export function engineOn(
  store: Store,
  definitions: readonly DurableDefinition<Json, unknown>[],
  more: {
    readonly limits?: Partial<EngineLimits>;
    readonly clock?: Clock;
    readonly warnings?: EngineWarning[];
    readonly deps?: () => unknown;
    readonly newId?: () => string;
    readonly canAnswer?: EngineOptions['canAnswer'];
    readonly observers?: readonly Observer[];
  } = {},
): Engine {
  return createEngine({
    store,
    definitions,
    limits: { parkAfterMs: 0, cancelGraceMs: 0, divergedAfterMs: 20, ...more.limits },
    ...(more.clock ? { clock: more.clock } : {}),
    ...(more.deps ? { deps: more.deps } : {}),
    ...(more.newId ? { newId: more.newId } : {}),
    ...(more.canAnswer ? { canAnswer: more.canAnswer } : {}),
    ...(more.observers ? { observers: more.observers } : {}),
    onWarning: (warning) => more.warnings?.push(warning),
  });
}

export async function entriesOf(store: Store, run: RunKey): Promise<readonly Entry[]> {
  return store.entries(run, { after: 0, limit: 1_000 });
}

/** A promise and its handles, for steps that a test lets go by hand. */
export function gate<T = void>(): { readonly opened: Promise<T>; readonly open: (value: T) => void } {
  const { promise, resolve } = Promise.withResolvers<T>();
  return { opened: promise, open: resolve };
}

/** Whatever comes first; for effects that say when they have begun. */
export function untilCalled(): { readonly called: Promise<void>; readonly call: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { called: promise, call: () => resolve() };
}

/** Lets go on what waits for nothing but its turn in the event loop. */
export async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** What `running` comes to while time runs, a second at a time. */
export async function hurried<T>(clock: FakeClock, running: Promise<T>): Promise<T> {
  let over = false;
  void running.finally(() => (over = true)).catch(() => {});
  while (!over) {
    await turns(4);
    clock.advance(1_000);
  }
  return running;
}
