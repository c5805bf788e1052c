import type { LanguageModelV4Prompt, LanguageModelV4ToolResultPart } from '@ai-sdk/provider';

/** One tool call of the conversation so far, with its result once there is one. */
export interface PastCall {
  readonly tool: string;
  readonly input: unknown;
  readonly result?: { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly reason: string };
}

/** All that a rule-based model knows: the same prompt gives the same answer. */
export interface Conversation {
  /** The JSON of the last user message that holds any: the task. */
  readonly task: unknown;
  /** In the order in which they were made. */
  readonly calls: readonly PastCall[];
}

export function readConversation(prompt: LanguageModelV4Prompt): Conversation {
  let task: unknown;
  const calls: { id: string; tool: string; input: unknown }[] = [];
  const results = new Map<string, NonNullable<PastCall['result']>>();
  for (const message of prompt) {
    if (message.role === 'user') {
      const text = message.content.map((part) => (part.type === 'text' ? part.text : '')).join('\n');
      task = embeddedJson(text) ?? task;
    }
    if (message.role !== 'assistant' && message.role !== 'tool') continue;
    for (const part of message.content) {
      if (part.type === 'tool-call') calls.push({ id: part.toolCallId, tool: part.toolName, input: part.input });
      if (part.type === 'tool-result') results.set(part.toolCallId, readResult(part.output));
    }
  }
  return {
    task,
    calls: calls.map(({ id, tool, input }) => {
      const result = results.get(id);
      return { tool, input, ...(result === undefined ? {} : { result }) };
    }),
  };
}

/** The values of one tool's successful calls, in order. */
export function resultsOf(conversation: Conversation, tool: string): readonly unknown[] {
  return conversation.calls.flatMap((call) =>
    call.tool === tool && call.result?.ok === true ? [call.result.value] : [],
  );
}

function readResult(output: LanguageModelV4ToolResultPart['output']): NonNullable<PastCall['result']> {
  switch (output.type) {
    case 'json':
      return { ok: true, value: output.value };
    case 'text':
      return { ok: true, value: parse(output.value) ?? output.value };
    case 'content':
      return { ok: true, value: parse(output.value.map((part) => (part.type === 'text' ? part.text : '')).join('')) };
    case 'execution-denied':
      return { ok: false, reason: output.reason ?? 'denied' };
    case 'error-text':
      return { ok: false, reason: output.value };
    case 'error-json':
      return { ok: false, reason: JSON.stringify(output.value) };
    default:
      return output satisfies never;
  }
}

/** A whole text of JSON, or the part from its first line that starts with a brace. */
function embeddedJson(text: string): unknown {
  const start = /^\{/m.exec(text)?.index;
  return start === undefined ? undefined : parse(text.slice(start));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
