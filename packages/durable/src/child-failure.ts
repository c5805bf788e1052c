import type { ChildEnd, Outcome, SerializedError } from '@prusik/core';

/** What these codes say, they say of the caller's own call. A child that failed with one of them had it from a call of its own. */
const OF_THE_CALL: ReadonlySet<string> = new Set([
  'CALL_ABORTED',
  'CHILD_CANCELLED',
  'CHILD_RESULT_TOO_LARGE',
  'DELEGATION_REFUSED',
]);

/**
 * The error of a call whose child did not complete, or whose output is too large for the caller. `meta.child` is the child's id: an error without one means that no child was started. A code that
 * would be taken for what became of the call itself becomes `CHILD_FAILED`, and stands in `meta.code`.
 */
export function childFailure(child: string, { status, error, tooLarge }: ChildEnd): SerializedError {
  if (tooLarge !== undefined) {
    const message = `The output of child ${child} has ${tooLarge.bytes} bytes as JSON, and its caller takes ${tooLarge.limit}`;
    return { code: 'CHILD_RESULT_TOO_LARGE', message, meta: { ...tooLarge, child } };
  }
  const meta = { ...error?.meta, child };
  // Not the child's own RUN_CANCELLED: that tells a function that it is cancelled itself.
  if (status === 'cancelled')
    return { code: 'CHILD_CANCELLED', message: error?.message ?? 'The child run was cancelled', meta };
  if (error === undefined) return { code: 'CHILD_FAILED', message: `The child run was ${status}`, meta };
  return OF_THE_CALL.has(error.code)
    ? { ...error, code: 'CHILD_FAILED', meta: { ...meta, code: error.code } }
    : { ...error, meta };
}

/** The outcome of a call whose signal fired when its start was still to be written. */
export function startGivenUp(key: string, reason: string): SerializedError {
  return { code: 'CALL_ABORTED', message: `Child ${key} was given up before it started: ${reason}` };
}

/** No child's own failure has this code for its caller. */
export const isStartGivenUp = (outcome: Outcome): boolean => !outcome.ok && outcome.error.code === 'CALL_ABORTED';
