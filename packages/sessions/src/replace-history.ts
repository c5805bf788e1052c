import {
  checkMessage,
  PrusikError,
  putMessageFiles,
  threadOfSession,
  type Message,
  type SessionKey,
  type Store,
} from '@prusik/core';
import { sessionBusy, sessionClosed, sessionUnknown, threadMoved } from './refusals.ts';

/** On what condition a history is replaced. */
export interface ReplaceHistoryOptions {
  /** Number of the last message that the caller has seen: another one since then is `THREAD_MOVED`. @default whatever is there */
  readonly expectedHead?: number;
}

/** Puts `messages` in the place of a conversation's, and returns the number of the last one. */
export async function replaceHistory(
  store: Store,
  key: SessionKey,
  messages: readonly Message[],
  { expectedHead }: ReplaceHistoryOptions,
): Promise<number> {
  for (const message of messages) checkMessage(message);
  const stored = await putMessageFiles(messages, (body) => store.putBlob(key.tenant, body));
  const head = expectedHead ?? (await store.threadHead(threadOfSession(key)));
  const answer = await store.replaceMessages(key, stored, head);
  switch (answer.outcome) {
    case 'replaced':
      return answer.head;
    case 'moved':
      throw threadMoved(key, answer.head);
    case 'busy':
      throw await sessionBusy(store, answer.run);
    case 'closed':
      throw sessionClosed(key);
    case 'unknown':
      throw sessionUnknown(key);
    case 'blob-unknown':
      throw new PrusikError('BLOB_UNKNOWN', `There is no blob ${answer.blob}`, { meta: { hash: answer.blob } });
    default:
      return answer satisfies never;
  }
}
