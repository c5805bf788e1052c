import { isPromise } from 'node:util/types';

/**
 * Code that is to answer at once may still be `async`. Nobody waits for what it gave then, and a rejection of it is nobody's surprise: `rejected` is told,
 * and the process is not. True when it was a promise; one of another realm (a worker, a test runner's sandbox) is one as well.
 */
export function unawaited(
  given: unknown,
  rejected: (cause: unknown) => void = () => undefined,
): given is Promise<unknown> {
  if (!isPromise(given)) return false;
  given.catch(rejected);
  return true;
}
