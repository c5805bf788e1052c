/** What has to be undone at the end, in reverse order of {@link Disposals.add}. */
export interface Disposals {
  add(what: string, dispose: () => PromiseLike<void> | void): void;
  /** Undoes everything, whatever fails; the first failure alone, or all of them in an AggregateError. */
  run(): Promise<void>;
}

export function createDisposals(): Disposals {
  const steps: { readonly what: string; readonly dispose: () => PromiseLike<void> | void }[] = [];
  return {
    add(what, dispose) {
      steps.push({ what, dispose });
    },
    async run() {
      const errors: unknown[] = [];
      const failed: string[] = [];
      for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
        try {
          await step.dispose();
        } catch (error) {
          errors.push(error);
          failed.push(step.what);
        }
      }
      if (errors.length === 1) throw errors[0];
      if (errors.length > 1) throw new AggregateError(errors, `These could not be disposed: ${failed.join(', ')}`);
    },
  };
}
