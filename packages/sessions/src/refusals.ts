import { OPEN_REQUEST_LIMIT, PrusikError, type Run, type SessionKey, type Store } from '@prusik/core';

/** The same as a start meets: who holds the session, and what that run asks. */
export async function sessionBusy(store: Store, run: Run): Promise<PrusikError> {
  const { key, status, session = '' } = run;
  const requests = await store.listRequests({
    tenant: key.tenant,
    run: key.run,
    status: ['open'],
    limit: OPEN_REQUEST_LIMIT,
  });
  return new PrusikError('SESSION_BUSY', `The session ${session} is held by run ${key.run}, which is ${status}`, {
    retryable: true,
    meta: { runId: key.run, status, requestIds: requests.items.map(({ id }) => id) },
  });
}

export function sessionClosed({ session }: SessionKey): PrusikError {
  return new PrusikError('SESSION_CLOSED', `The session ${session} is closing or closed`, { meta: { session } });
}

export function sessionUnknown({ session }: SessionKey): PrusikError {
  return new PrusikError('SESSION_UNKNOWN', `There is no session ${session}`, { meta: { session } });
}

export function threadMoved({ session }: SessionKey, head: number): PrusikError {
  return new PrusikError('THREAD_MOVED', `The last message of session ${session} is number ${head}`, {
    meta: { session, head },
  });
}

export function messageUnknown({ session }: SessionKey, id: string): PrusikError {
  return new PrusikError('MESSAGE_UNKNOWN', `The conversation of session ${session} has no message ${id}`, {
    meta: { session, message: id },
  });
}

export function cutsFull({ session }: SessionKey): PrusikError {
  return new PrusikError('SESSION_CUTS_FULL', `The session ${session} hides messages in too many places`, {
    meta: { session },
  });
}
