import type { DelegationRefusal } from './delegation-policy.ts';
import { isPrusikError, PrusikError } from './errors.ts';

export interface CallPlace {
  readonly agent: string;
  readonly key: string;
}

/** A refused call: it started nothing and counts for nothing. */
export function refusedCall(reason: DelegationRefusal, { agent, key }: CallPlace): PrusikError {
  return new PrusikError('DELEGATION_REFUSED', `The call ${key} of ${agent} was refused: ${reason}`, {
    meta: { reason, agent, key },
  });
}

/**
 * A child's error as its caller gets it: the child's own code, and which call it was. A child that somebody cancelled is
 * `CHILD_CANCELLED`, since `RUN_CANCELLED` tells a function that it is cancelled itself.
 */
export function failedCall(error: unknown, place: CallPlace, callerIsCancelled: boolean): unknown {
  if (callerIsCancelled || !isPrusikError(error)) return error;
  const code = error.code === 'RUN_CANCELLED' ? 'CHILD_CANCELLED' : error.code;
  return new PrusikError(code, `${place.agent} (${place.key}): ${error.message}`, {
    cause: error,
    retryable: error.retryable,
    meta: { ...error.meta, agent: place.agent, key: place.key },
  });
}
