import type { Json, MessagePart } from '@prusik/core';
import type { PromptSchema } from './agent-types.ts';

/** What agents without an input schema take: a text that says something, or texts and files. */
export const promptSchema: PromptSchema = {
  '~standard': {
    version: 1,
    vendor: 'prusik',
    validate: (value) => {
      if (typeof value === 'string') return value.trim() === '' ? refuse('the text is blank') : { value };
      if (!Array.isArray(value) || value.length === 0) return refuse('expected a text, or texts and files');
      const wrong = value.findIndex((part: unknown) => !isPromptPart(part));
      return wrong < 0 ? { value } : refuse('expected a text or a file', wrong);
    },
  },
};

const refuse = (message: string, at?: number) => ({
  issues: [{ message, ...(at === undefined ? {} : { path: [at] }) }],
});

function isPromptPart(part: unknown): boolean {
  if (typeof part !== 'object' || part === null || !('type' in part)) return false;
  if (part.type === 'text') return 'text' in part && typeof part.text === 'string';
  return part.type === 'file' && 'mediaType' in part && typeof part.mediaType === 'string' && 'data' in part;
}

/** A checked input as the user's message shows it. */
export function showPrompt(input: Json, isPrompt: boolean): readonly MessagePart[] {
  if (typeof input === 'string') return [{ type: 'text', text: input }];
  if (isPrompt) return input as unknown as readonly MessagePart[]; // `promptSchema` has seen that it is one
  return [{ type: 'text', text: JSON.stringify(input, null, 2) }];
}
