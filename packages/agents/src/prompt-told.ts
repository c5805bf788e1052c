import type { Message } from '@prusik/core';
import type { ModelMessage } from 'ai';
import { toPromptMessages, type LoadedFiles } from './to-model-messages.ts';

/** The messages of a prompt as a model of `provider` is told them. */
export type PromptTold = (
  messages: readonly Message[],
  provider: string,
  files: LoadedFiles,
) => readonly ModelMessage[];

/** For one drive: a prompt nearly always begins with the whole of the one before, so only what came since is put into other words. */
export function createPromptTold(): PromptTold {
  let before: readonly Message[] = [];
  let told: readonly ModelMessage[] = [];
  let whose: string | undefined;
  let shown: LoadedFiles | undefined;
  return (messages, provider, files) => {
    const goesOn =
      whose === provider && shown === files && before.every((message, index) => message === messages[index]);
    const known = goesOn ? before.length : 0;
    const more = toPromptMessages(known === 0 ? messages : messages.slice(known), provider, files);
    told = known === 0 ? more : [...told, ...more];
    before = messages;
    whose = provider;
    shown = files;
    return told;
  };
}
