import { loadFiles, type Message } from '@prusik/core';
import type { LoadedFiles } from './to-model-messages.ts';

/** Loads the files that these messages of a prompt name: the same object as long as they are the same messages. */
export type PromptFiles = (
  naming: readonly Message[],
  read: (hash: string) => AsyncIterable<Uint8Array>,
) => LoadedFiles | Promise<LoadedFiles>;

/** For one drive: what the last prompt held is kept, so that a file is read once and no longer than it is shown. */
export function createPromptFiles(): PromptFiles {
  let have: LoadedFiles = new Map();
  let shown: readonly Message[] = [];
  async function load(naming: readonly Message[], read: Parameters<PromptFiles>[1]): Promise<LoadedFiles> {
    have = await loadFiles(naming, read, { have });
    shown = [...naming];
    return have;
  }

  return (naming, read) =>
    naming.length === shown.length && naming.every((message, index) => message === shown[index])
      ? have
      : load(naming, read);
}
