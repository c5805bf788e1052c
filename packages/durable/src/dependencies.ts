import { within, type RunInfo } from '@prusik/core';
import type { DriveEnv } from './drive-env.ts';

/** The live objects of one drive, with their end. */
export interface Dependencies {
  readonly value: unknown;
  /** Disposes them where they can be; never rejects. */
  dispose(): Promise<void>;
}

/** Whoever drives and whoever closes waits for it, so it is not for the author's code to say how long. */
const DEPS_TIMEOUT_MS = 30_000;

export async function resolveDependencies(env: DriveEnv, run: RunInfo): Promise<Dependencies> {
  const value = await within(env.clock, DEPS_TIMEOUT_MS, () => env.deps(run));
  return {
    value,
    async dispose() {
      const disposable = (value ?? {}) as Partial<AsyncDisposable & Disposable>;
      try {
        if (disposable[Symbol.asyncDispose] === undefined) disposable[Symbol.dispose]?.();
        else await within(env.clock, DEPS_TIMEOUT_MS, () => disposable[Symbol.asyncDispose]?.());
      } catch (cause) {
        env.warn({
          code: 'DEPS_FAILED',
          message: 'The dependencies of a run could not be disposed',
          run: run.key,
          cause,
        });
      }
    },
  };
}
