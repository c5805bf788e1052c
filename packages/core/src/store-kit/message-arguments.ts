import { checkId } from '../ids.ts';
import type { Message } from '../message.ts';
import { checkJson, checkRecords } from './argument-values.ts';
import { checkItems } from './copied.ts';

export function checkMessages(messages: readonly Message[]): void {
  checkJson('list of messages', messages);
  checkRecords('messages', messages);
  checkItems('messages', messages);
}

/** Its id is what names a message from outside. */
export function checkMessageIds(messages: readonly Message[]): void {
  for (const { id } of messages) checkId('message', id);
}
