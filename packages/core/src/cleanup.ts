import { PrusikError } from './errors.ts';

/** What has to be undone at the end, in reverse order of {@link Cleanup.add}. */
export interface Cleanup {
  /** `what` is a word for whoever reads the error, such as `store`. */
  add(what: string, dispose: () => PromiseLike<void> | void): void;
  /**
   * Undoes everything, past failures.
   *
   * @throws {PrusikError} `CLEANUP_FAILED` after the last one, when any failed; `meta.failed` says what, its cause is an `AggregateError` of all.
   */
  run(): Promise<void>;
}

/** Names that are told of what failed; its cause has all. */
const TOLD = 100;

/** Collects what is to be closed and closes it in reverse order, past failures. `run()` rejects with `CLEANUP_FAILED` where something could not be closed; its cause has all of it. */
export function createCleanup(): Cleanup {
  const steps: { readonly what: string; readonly dispose: () => PromiseLike<void> | void }[] = [];
  return {
    add(what, dispose) {
      steps.push({ what, dispose });
    },
    async run() {
      const failures: { readonly what: string; readonly error: unknown }[] = [];
      for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
        try {
          await step.dispose();
        } catch (error) {
          failures.push({ what: step.what, error });
        }
      }
      if (failures.length > 0) throw cleanupFailed(failures);
    },
  };
}

/** `CLEANUP_FAILED`, also of one: whoever handles it has one thing to look at. */
export function cleanupFailed(failures: readonly { readonly what: string; readonly error: unknown }[]): PrusikError {
  const failed = failures.map(({ what }) => what);
  const cause = new AggregateError(
    failures.map(({ error }) => error),
    'What failed while it was cleaned up',
  );
  return new PrusikError('CLEANUP_FAILED', `These could not be cleaned up: ${failed.slice(0, TOLD).join(', ')}`, {
    cause,
    meta: { failed: failed.slice(0, TOLD) },
  });
}

/**
 * Does the work, then cleans up, whatever became of it. What came of the work is what the caller gets, its result as its error: a failure of cleaning up replaces
 * neither, since a result that is lost may be an effect that is done again. It is told to `lost`.
 *
 * @param lost By default the process is warned, without the failure's words.
 */
export async function withCleanup<T>(
  what: string,
  work: () => PromiseLike<T>,
  dispose: () => PromiseLike<void>,
  lost: (error: unknown) => void = () => warnOf(what),
): Promise<T> {
  try {
    return await work();
  } finally {
    try {
      await dispose();
    } catch (error) {
      lost(error);
    }
  }
}

const warnOf = (what: string): void =>
  process.emitWarning(`What was left of it could not be cleaned up: ${what}`, {
    type: 'PrusikWarning',
    code: 'CLEANUP_FAILED',
  });
