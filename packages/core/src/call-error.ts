import type { DelegationRefusal } from './delegation-policy.ts';
import { PrusikError } from './errors.ts';

/** Which call it is. */
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

/** A call that its caller gave up before it started anything. */
export function abortedCall({ agent, key }: CallPlace, cause: unknown): PrusikError {
  return new PrusikError('CALL_ABORTED', `The call ${key} of ${agent} was aborted before it started`, {
    cause,
    meta: { agent, key },
  });
}

/** A child's error as its caller gets it: the child's own code, and which call it was. */
export function failedCall(error: PrusikError, { agent, key }: CallPlace): PrusikError {
  return new PrusikError(error.code, `${agent} (${key}): ${error.message}`, {
    cause: error,
    retryable: error.retryable,
    meta: { ...error.meta, agent, key },
  });
}
