import type { EffectLine, FakeClock } from '@prusik/testing-contracts';
import { createEngine, type Engine, type EngineOptions, type RunResult } from '@prusik/durable';
import type { DurableDefinition, Entry, Message, RunKey, Store } from '@prusik/core';
import { memoryStore, type MemoryStoreOptions } from '@prusik/store-memory';
import { afterEach } from 'vitest';

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const resource of open.splice(0).toReversed()) await resource[Symbol.asyncDispose]();
});

const owned = <T extends AsyncDisposable>(resource: T): T => {
  open.push(resource);
  return resource;
};

export const newStore = (options?: MemoryStoreOptions): Store => owned(memoryStore(options));

/** An engine of its own on a store that others may share, as another process has it. */
export function newEngine(
  definitions: readonly DurableDefinition<never, unknown, never>[],
  more: Partial<Omit<EngineOptions, 'definitions'>> = {},
): Engine {
  const limits = { parkAfterMs: 0, ...more.limits };
  return owned(createEngine({ store: more.store ?? newStore(), definitions: definitions as never, ...more, limits }));
}

export const keyOf = (run: string): RunKey => ({ tenant: 'default', run });

export async function threadOf(store: Store, run: string): Promise<readonly Message[]> {
  const stored = await store.messages({ tenant: 'default', of: 'run', id: run }, { after: 0, limit: 1_000 });
  return stored.map(({ message }) => message);
}

export const entriesOf = (store: Store, run: string): Promise<readonly Entry[]> =>
  store.entries(keyOf(run), { after: 0, limit: 1_000 });

/** What each tool call of a thread was told, by call id. */
export async function resultsOf(store: Store, run: string): Promise<Record<string, unknown>> {
  const thread = await threadOf(store, run);
  return Object.fromEntries(
    thread.flatMap(({ content }) =>
      content.flatMap((part) => (part.type === 'tool-result' ? [[part.callId, part.output]] : [])),
    ),
  );
}

/** Ids of the open requests that a run waits on. */
export function waitingOn(result: RunResult<unknown>): readonly string[] {
  if (result.status !== 'waiting') throw new Error(`The run is ${JSON.stringify(result)}, not waiting`);
  return result.requests.map(({ request }) => request);
}

/** Resolves when a live event of the run's model says this text. */
export async function untilSaid(engine: Engine, run: string, text: string): Promise<void> {
  let said = '';
  for await (const event of engine.events(keyOf(run))) {
    if (event.live && event.event.type === 'step-delta' && event.event.block.kind === 'text') said += event.event.text;
    if (said.endsWith(text)) return;
  }
}

/** What `running` comes to while time runs away. */
export async function hurried<T>(clock: FakeClock, running: Promise<T>): Promise<T> {
  let over = false;
  void running.finally(() => (over = true)).catch(() => {});
  while (!over) {
    await new Promise(setImmediate);
    clock.advance(1_000);
  }
  return running;
}

/** Idempotency keys of the effects that a step has had. */
export const actsOf = (lines: readonly EffectLine[], step: string): readonly string[] =>
  lines.flatMap((line) => (line.type === 'effect' && line.step === step ? [line.idempotencyKey] : []));
