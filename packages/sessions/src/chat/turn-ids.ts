import { hashJson, type Run, type SessionKey, type Store } from '@prusik/core';
import { messagesOf } from './turn-stream.ts';

/** Id of the message that a client shows as the answer to this message of a user; the same while it streams and when it is loaded later. */
export function replyIdOf(userMessage: string): string {
  return `reply:${userMessage}`;
}

/**
 * The run that answers this message: the same whoever delivers it, and however often. Two chats may use one id for their messages, since it is the
 * client who names them.
 */
export function runIdOf({ tenant, session }: SessionKey, message: string): string {
  return `turn-${hashJson([tenant, session, message]).slice('sha256:'.length, 'sha256:'.length + 32)}`;
}

/** Id of the message that this run’s stream makes. */
export async function replyOf(store: Store, run: Run): Promise<string> {
  const [start] = await store.entries(run.key, { after: 0, limit: 1 });
  // Of a run that had to stand in a queue entry 1 does not tell.
  const opening =
    start?.type === 'run-start' && start.messages !== undefined ? await messagesOf(store, run, start.messages) : [];
  return replyIdOf(opening.findLast(({ kind }) => kind === 'user')?.id ?? run.key.run);
}
