import { checkMessage } from '../check-message.ts';
import type { Message } from '../message.ts';
import type { SessionLife } from '../session.ts';
import { checkCount } from './argument-values.ts';
import { copied } from './copied.ts';
import { checkMessages } from './message-arguments.ts';

export function checkedMove(to: SessionLife): SessionLife {
  if (to !== 'closing' && to !== 'closed')
    throw new TypeError(`A session moves to closing or closed, not ${JSON.stringify(to)}`);
  return to;
}

export function checkedMessages(messages: readonly Message[], expectedHead: number): readonly Message[] {
  checkCount('expected head', expectedHead);
  const copy = copied(messages);
  checkMessages(copy);
  for (const message of copy) checkMessage(message);
  return copy;
}
