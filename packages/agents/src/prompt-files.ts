import { blobsOf, loadFiles, type Message } from '@prusik/core';
import type { LoadedFiles } from './to-model-messages.ts';

/** Loads the files that the messages of a prompt name. */
export type PromptFiles = (
  messages: readonly Message[],
  read: (hash: string) => AsyncIterable<Uint8Array>,
) => Promise<LoadedFiles>;

/** Messages never change, and hardly any has a file: each is looked at once. */
const plain = new WeakSet<Message>();

function hasFiles(message: Message): boolean {
  if (plain.has(message)) return false;
  if (blobsOf(message).length > 0) return true;
  plain.add(message);
  return false;
}

/** For one drive: what the last prompt held is kept, so that a file is read once and no longer than it is shown. */
export function createPromptFiles(): PromptFiles {
  let have: LoadedFiles = new Map();
  return async (messages, read) => {
    const naming = messages.filter(hasFiles);
    if (naming.length > 0 || have.size > 0) have = await loadFiles(naming, read, { have });
    return have;
  };
}
