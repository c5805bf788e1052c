import { checkMessage, type Json, type MessagePart, type PrusikError } from '@prusik/core';
import type { AgentPrompt, PromptSchema } from './agent-types.ts';

/** What agents without an input schema take: a text that says something, or texts and files. */
export const promptSchema: PromptSchema = {
  '~standard': {
    version: 1,
    vendor: 'prusik',
    validate: (value) => {
      if (typeof value === 'string') return value.trim() === '' ? refuse('the text is blank') : { value };
      if (!Array.isArray(value) || value.length === 0) return refuse('expected a text, or texts and files');
      return problemOf(value) ?? { value };
    },
  },
};

const refuse = (message: string, at?: string) => ({
  issues: [{ message, ...(at === undefined ? {} : { path: [at] }) }],
});

function problemOf(parts: readonly unknown[]): ReturnType<typeof refuse> | undefined {
  const wrong = parts.findIndex((part) => !isTextOrFile(part));
  if (wrong >= 0) return refuse('expected a text or a file', `[${wrong}]`);
  try {
    checkMessage({ v: 1, id: 'input', role: 'user', kind: 'user', content: parts });
    return undefined;
  } catch (error) {
    return refuse('this is no text or file', String((error as PrusikError).meta['path']).replace(/^content/, ''));
  }
}

const isTextOrFile = (part: unknown): boolean =>
  typeof part === 'object' && part !== null && 'type' in part && (part.type === 'text' || part.type === 'file');

/** A checked input as the user's message shows it. */
export function showPrompt(input: Json | AgentPrompt, isPrompt: boolean): readonly MessagePart[] {
  if (typeof input === 'string') return [{ type: 'text', text: input }];
  if (isPrompt) return input as unknown as readonly MessagePart[]; // `promptSchema` has seen that it is one
  return [{ type: 'text', text: JSON.stringify(input, null, 2) }];
}
