import type { Message, MessageKind, MessagePart, ToolOutput, ToolResultPart } from '@prusik/core';

export const resultOf = (
  { callId, tool, source }: { readonly callId: string; readonly tool: string; readonly source?: string },
  output: ToolOutput,
): ToolResultPart => ({
  type: 'tool-result',
  callId,
  tool,
  output,
  ...(source === undefined ? {} : { toolSource: source }),
});

export const toolMessage = (
  id: string,
  result: ToolResultPart,
  kind: Extract<MessageKind, 'tool' | 'child-result'> = 'tool',
): Message => ({
  v: 1,
  id,
  role: 'tool',
  kind,
  content: [result],
});

/** Something that the harness says to the model in the user's place; the kind says that it was not the user. */
export const userNote = (
  id: string,
  text: string,
  kind: Extract<MessageKind, 'continuation' | 'context'>,
): Message => ({
  v: 1,
  id,
  role: 'user',
  kind,
  content: [{ type: 'text', text }],
});

export const assistantMessage = (id: string, content: readonly MessagePart[]): Message => ({
  v: 1,
  id,
  role: 'assistant',
  kind: 'assistant',
  content,
});
