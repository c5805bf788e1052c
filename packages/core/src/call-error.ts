import type { DelegationRefusal } from './delegation-policy.ts';
import { PrusikError } from './errors.ts';

/** Which call it is: the key is for programs, so it is in the meta alone. People and models are told the agent. */
export interface CallPlace {
  readonly agent: string;
  readonly key: string;
}

/** For people, and for models that read why a call of theirs did not start. */
const WHY: { readonly [Reason in DelegationRefusal]: string } = {
  delegation_disabled: 'nothing may be called before a delegation policy is declared, {} for the defaults',
  agent_not_allowed: 'the agents of the policy do not name it',
  max_depth: 'no level is left for children of this run',
  max_calls: 'all calls that the policy or a budget allows are made',
  max_parallel: 'as many children run as may run at once',
  model_not_allowed: 'the policy does not list that model for it',
  max_tokens: 'the tokens that it would need are used up',
  max_cost: 'the money that it would need is spent',
  deadline: 'the time in which calls are accepted is over',
};

/** A refused call: it started nothing and counts for nothing. */
export function refusedCall(reason: DelegationRefusal, { agent, key }: CallPlace): PrusikError {
  return new PrusikError('DELEGATION_REFUSED', `The call of ${agent} was refused (${reason}): ${WHY[reason]}`, {
    meta: { reason, agent, key },
  });
}

/** A call that its caller gave up before it started anything. */
export function abortedCall({ agent, key }: CallPlace, cause: unknown): PrusikError {
  return new PrusikError('CALL_ABORTED', `The call of ${agent} was aborted before it started`, {
    cause,
    meta: { agent, key },
  });
}

/** A child's error as its caller gets it: the child's own code, and which call it was. */
export function failedCall(error: PrusikError, { agent, key }: CallPlace): PrusikError {
  return new PrusikError(error.code, `${agent}: ${error.message}`, {
    cause: error,
    retryable: error.retryable,
    meta: { ...error.meta, agent, key },
  });
}
