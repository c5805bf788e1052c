import { hashJson, type DurableContext, type Json, type Store } from '@prusik/core';
import { createEngine } from './engine.ts';
import type { DriveOptions, RunResult } from './engine-types.ts';

/** A durable function with the run that it is called as. */
export interface RunDurableOptions<Input extends Json, Output> extends DriveOptions {
  readonly store: Store;
  /** The same id again goes on where the run was, or gives its recorded result. */
  readonly id: string;
  readonly input: Input;
  readonly run: (ctx: DurableContext, input: Input) => Promise<Output>;
  /** Name under which the function is recorded. @default 'function' */
  readonly name?: string;
  /** Change it when a run of the old code must not be continued by the new. @default '1' */
  readonly version?: string;
}

/** A durable function alone: a store, an id and the function; no agent, no session, no worker. */
export async function runDurable<Input extends Json, Output>(
  options: RunDurableOptions<Input, Output>,
): Promise<RunResult<Output>> {
  const { store, id, input, run, name = 'function', version = '1', signal } = options;
  const engine = createEngine({
    store,
    definitions: [
      {
        name,
        kind: 'function',
        version,
        hash: hashJson(String(run)),
        run: (ctx: DurableContext, given: Input) => run(ctx, given),
      },
    ],
  });
  try {
    return await engine.run<Output>(name, input, { id, ...(signal ? { signal } : {}) });
  } finally {
    await engine[Symbol.asyncDispose]();
  }
}
