import { withChildren, type AnyDefinition, type Clock, type Entry, type RunSummary, type Store } from '@prusik/core';
import { createEngine, type Engine, type EngineLimits } from '@prusik/durable';
import { memoryStore } from '@prusik/store-memory';
import { onTestFinished } from 'vitest';

/** An engine on a store of its own, or on the store of one that was stopped; a clock is the store's too. */
export function engineFor(
  definitions: readonly AnyDefinition[],
  {
    store = memoryStore(),
    clock,
    ...limits
  }: { readonly store?: Store; readonly clock?: Clock } & Partial<EngineLimits> = {},
): Engine {
  const engine = createEngine({
    store,
    ...(clock === undefined ? {} : { clock }),
    definitions: withChildren(...definitions),
    limits: { parkAfterMs: 0, ...limits },
  });
  onTestFinished(() => engine[Symbol.asyncDispose]());
  return engine;
}

export async function childrenOf(store: Store, parent: string): Promise<readonly RunSummary[]> {
  const { items } = await store.listRuns({ tenant: 'default', parent, limit: 1_000 });
  return items.toReversed();
}

export function journalOf(store: Store, run: string): Promise<readonly Entry[]> {
  return store.entries({ tenant: 'default', run }, { after: 0, limit: 1_000 });
}
