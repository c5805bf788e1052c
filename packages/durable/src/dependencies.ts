import type { RunInfo } from '@prusik/core';
import type { DriveEnv } from './drive-env.ts';

/** The live objects of one drive, with their end. */
export interface Dependencies {
  readonly value: unknown;
  /** Disposes them where they can be; never rejects. */
  dispose(): Promise<void>;
}

export async function resolveDependencies(env: DriveEnv, run: RunInfo): Promise<Dependencies> {
  const value = await env.deps(run);
  return {
    value,
    async dispose() {
      const disposable = (value ?? {}) as Partial<AsyncDisposable & Disposable>;
      try {
        if (disposable[Symbol.asyncDispose] !== undefined) await disposable[Symbol.asyncDispose]?.();
        else disposable[Symbol.dispose]?.();
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
