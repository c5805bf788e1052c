import { SUPERSEDED, type Decision, type Denial, type Json } from '@prusik/core';

/** A person's yes, bound to a call. */
export interface Approval {
  readonly request: string;
  /** The input to run with: the model's, or what a person put in its place. */
  readonly input: Json;
  readonly edited: boolean;
}

/** A decision that lets the call run; anything else is how the model is told no. */
export function approvalOf(
  decision: Decision & { readonly request: string },
  input: Json,
): Approval | { readonly denied: string; readonly by: Denial['by'] } {
  const { request } = decision;
  switch (decision.status) {
    case 'approved':
      return { request, input, edited: false };
    case 'edited':
      // An edit that says nothing is not the model's input again: nobody approved that.
      return { request, input: decision.value ?? null, edited: true };
    case 'expired':
      return { denied: 'Nobody approved this call in time.', by: 'expired' };
    case 'withdrawn':
      return { denied: withdrawn(decision.reason), by: 'withdrawn' };
    case 'rejected':
    case 'answered':
      return { denied: decision.reason ?? 'A person rejected this call.', by: 'person' };
    default:
      return decision.status satisfies never;
  }
}

/** A new message in the session is the one reason that helps the model to go on. */
const withdrawn = (reason: string | undefined): string =>
  reason === SUPERSEDED
    ? 'The request for approval was withdrawn, because the user has said something else since.'
    : 'The request for approval was withdrawn.';
