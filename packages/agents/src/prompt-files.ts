import { loadFiles, type Message } from '@prusik/core';
import type { LoadedFiles } from './to-model-messages.ts';

/** Loads the files that these messages of a prompt name: the same object as long as they are the same messages. */
export type PromptFiles = (
  naming: readonly Message[],
  read: (hash: string) => AsyncIterable<Uint8Array>,
) => Promise<LoadedFiles>;

/** For one drive: what the last prompt held is kept, so that a file is read once and no longer than it is shown. */
export function createPromptFiles(): PromptFiles {
  let have: LoadedFiles = new Map();
  let shown: readonly Message[] = [];
  return async (naming, read) => {
    if (naming.length === shown.length && naming.every((message, index) => message === shown[index])) return have;
    have = await loadFiles(naming, read, { have });
    shown = [...naming];
    return have;
  };
}
