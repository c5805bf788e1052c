import { hashJson, PAGE_LIMIT, threadOfSession, type Json, type Run, type SessionKey, type Store } from '@prusik/core';
import { messagesOf } from './turn-stream.ts';

const REPLY = 'reply:';

/** Id of the message that a client shows as the answer to this message of a user; the same while it streams and when it is loaded later. */
export function replyIdOf(userMessage: string): string {
  return `${REPLY}${userMessage}`;
}

/** The message that it answers. */
export function answeredBy(replyId: string): string | undefined {
  return replyId.startsWith(REPLY) ? replyId.slice(REPLY.length) : undefined;
}

/**
 * Id of the run that answers: the same whoever delivers a message, and however often. Two chats may use one id for their messages, since it is the
 * client who names them.
 */
export function runIdOf({ tenant, session }: SessionKey, ...what: readonly Json[]): string {
  const [, digits = ''] = hashJson([tenant, session, ...what]).split(':');
  return `turn-${digits.slice(0, 32)}`;
}

/** Id of the message that the stream of this run makes, which is not in a queue. */
export async function replyOf(store: Store, run: Run): Promise<string> {
  const [start, ...rest] = await store.entries(run.key, { after: 0, limit: PAGE_LIMIT });
  if (start?.type === 'run-start' && start.messages !== undefined) {
    const opening = await messagesOf(store, run, start.messages);
    const said = opening.findLast(({ kind }) => kind === 'user');
    if (said !== undefined) return replyIdOf(said.id);
  }
  // One that answers again has no message of its own, and of one that had to queue entry 1 does not tell: it is the last before the first step.
  const first = rest.find((entry) => entry.type === 'step-end' && entry.messages !== undefined);
  const before = first?.type === 'step-end' ? first.messages?.from : undefined;
  if (run.session !== undefined) {
    const thread = threadOfSession({ tenant: run.key.tenant, session: run.session });
    const page = await store.messages(thread, { before: before ?? (await store.threadHead(thread)) + 1, limit: 100 });
    const said = page.findLast(({ message }) => message.role === 'user' && message.kind === 'user');
    if (said !== undefined) return replyIdOf(said.message.id);
  }
  return replyIdOf(run.key.run);
}
