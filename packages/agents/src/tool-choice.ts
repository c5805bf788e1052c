import type { MessagePart } from '@prusik/core';
import type { ModelRequest } from './language-model.ts';
import type { ModelSettings } from './model-settings.ts';
import type { Finish } from './reply-reader.ts';

type ToolChoice = ModelSettings['toolChoice'];

const AUTO: ModelRequest['toolChoice'] = { type: 'auto' };

/** The choice as the provider specification has it. */
export function toolChoiceOf(choice: ToolChoice): ModelRequest['toolChoice'] {
  if (choice === undefined) return AUTO;
  return typeof choice === 'string' ? { type: choice } : { type: 'tool', toolName: choice.toolName };
}

/**
 * A provider that does not heed a choice may not act against it: what was to be answered without tools makes no call, and what was to call one does.
 *
 * @throws {Error} for a reply that is not as it was asked for.
 */
export function checkToolChoice(choice: ToolChoice, finish: Finish, parts: readonly MessagePart[]): void {
  if (choice === undefined || choice === 'auto') return;
  const called = parts.flatMap((part) => (part.type === 'tool-call' ? [part.tool] : []));
  if (choice === 'none' && called.length > 0)
    throw new Error(`It was to answer without tools, and calls ${called.join(', ')}`);
  // What was cut or withheld says so by its end.
  if (finish !== 'stop' && finish !== 'tool-calls') return;
  if (choice === 'required' && called.length === 0) throw new Error('It was to call a tool, and calls none');
  if (typeof choice === 'object' && !called.includes(choice.toolName))
    throw new Error(`It was to call the tool ${choice.toolName}, and does not`);
}
