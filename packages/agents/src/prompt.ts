import {
  checkMessage,
  describeIssues,
  PrusikError,
  unawaited,
  type Json,
  type MessagePart,
  type SchemaResult,
} from '@prusik/core';
import type { AgentPrompt, PromptSchema } from './agent-types.ts';
import { describeError } from './redact.ts';

const standard = {
  version: 1,
  vendor: 'prusik',
  validate: checkPrompt,
  // What a model may ask such an agent: it holds no files that it could name.
  jsonSchema: { input: () => ({ type: 'string', minLength: 1 }) },
} as const;

/** What agents without an input schema take: a text that says something, or texts and files. */
export const promptSchema: PromptSchema = { '~standard': standard };

function checkPrompt(value: unknown): SchemaResult<AgentPrompt> {
  if (typeof value === 'string') return value.trim() === '' ? refuse('the text is blank') : { value };
  if (!Array.isArray(value) || value.length === 0) return refuse('expected a text, or texts and files');
  return problemOf(value) ?? { value };
}

const refuse = (message: string, at?: string) => ({
  issues: [{ message, ...(at === undefined ? {} : { path: [at] }) }],
});

function problemOf(parts: readonly unknown[]): ReturnType<typeof refuse> | undefined {
  if (parts.every(isBlank)) return refuse('the text is blank');
  const wrong = parts.findIndex((part) => !isTextOrFile(part));
  if (wrong >= 0) return refuse('expected a text or a file', `[${wrong}]`);
  try {
    checkMessage({ v: 1, id: 'input', role: 'user', kind: 'user', content: parts });
    return undefined;
  } catch (error) {
    return refuse('this is no text or file', String((error as PrusikError).meta['path']).replace(/^content/, ''));
  }
}

const isBlank = (part: unknown): boolean => {
  const { type, text } = (part ?? {}) as Readonly<Record<string, unknown>>;
  return type === 'text' && typeof text === 'string' && text.trim() === '';
};

const isTextOrFile = (part: unknown): boolean =>
  typeof part === 'object' && part !== null && 'type' in part && (part.type === 'text' || part.type === 'file');

/**
 * How the author's `prompt()` shows an input.
 *
 * @throws {PrusikError} `INPUT_INVALID` where it throws, or gives what a model cannot be shown.
 */
export function madePrompt(agent: string, input: Json, make: (input: Json) => unknown): readonly MessagePart[] {
  const refused = (why: string, cause?: unknown): PrusikError =>
    new PrusikError('INPUT_INVALID', `prompt() of ${agent} cannot show the input: ${why}`, { cause });
  let made: unknown;
  try {
    made = make(input);
  } catch (cause) {
    throw refused(describeError(cause), cause);
  }
  if (unawaited(made)) throw refused('it gave a promise, and has to answer at once');
  const { issues } = checkPrompt(made);
  if (issues !== undefined) throw refused(describeIssues(issues));
  return showPrompt(made as AgentPrompt, true);
}

/** A checked input as the user's message shows it. */
export function showPrompt(input: Json | AgentPrompt, isPrompt: boolean): readonly MessagePart[] {
  if (typeof input === 'string') return [{ type: 'text', text: input }];
  if (isPrompt) return input as unknown as readonly MessagePart[]; // `promptSchema` has seen that it is one
  return [{ type: 'text', text: JSON.stringify(input, null, 2) }];
}
