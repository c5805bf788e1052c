import type { CallAnswer, CallNeed, JsonObject, SampleMessage, ToolContentPart } from '@prusik/core';
import { contentParts } from './call-content.ts';
import { isObject, listOf, oneOrMore, textOf } from './plain.ts';
import { visibleText } from './visible-text.ts';

/** What a server may have of a model. */
export interface McpSampling {
  /** Alias in the registry of the agent whose tool asks; the run pays. */
  readonly model: string;
  /** Of one reply; a server that asks for more gets that. */
  readonly maxTokens: number;
}

const MOST_MESSAGES = 100;

/** The prompt of a server as a need, or why it is none. Which model replies is ours to say; what a server prefers, and tools of its own, are not heeded. */
export function sampleNeed(params: JsonObject, options: McpSampling): CallNeed | { readonly refused: string } {
  const given = listOf(params['messages']);
  if (given.length === 0 || given.length > MOST_MESSAGES)
    return { refused: `a prompt has 1 to ${MOST_MESSAGES} messages` };
  if (params['tools'] !== undefined) return { refused: 'a reply with tools is not on offer' };
  const messages: SampleMessage[] = [];
  for (const one of given) {
    const role = isObject(one) ? one['role'] : undefined;
    if (!isObject(one) || (role !== 'user' && role !== 'assistant')) return { refused: 'a message has no known role' };
    messages.push({ role, content: inRecord(contentParts(oneOrMore(one['content']))) });
  }
  const asked = params['maxTokens'];
  const maxTokens = typeof asked === 'number' && asked >= 1 ? Math.floor(asked) : options.maxTokens;
  const system = textOf(params['systemPrompt']);
  return {
    kind: 'sample',
    model: options.model,
    maxTokens: Math.min(maxTokens, options.maxTokens),
    messages,
    ...(system === undefined ? {} : { system: visibleText(system) }),
  };
}

/** Bytes of files in a prompt, as they are recorded. */
export const base64Of = (messages: readonly SampleMessage[]): number =>
  messages
    .flatMap(({ content }) => content)
    .reduce(
      (sum, part) =>
        sum + (typeof part !== 'string' && part.type === 'file' && 'base64' in part.data ? part.data.base64.length : 0),
      0,
    );

/** The reply as the server is told it; `undefined` where there is none. */
export function sampleResult(answer: CallAnswer): JsonObject | undefined {
  if (answer.status !== 'sampled') return undefined;
  const stopReason = { stop: 'endTurn', length: 'maxTokens', other: 'other' }[answer.finish];
  return { role: 'assistant', content: { type: 'text', text: answer.text }, model: answer.model, stopReason };
}

/** A need is recorded, and bytes are no JSON. */
const inRecord = (parts: readonly ToolContentPart[]): readonly ToolContentPart[] =>
  parts.map((part) =>
    typeof part !== 'string' && part.type === 'file' && part.data instanceof Uint8Array
      ? { ...part, data: { base64: Buffer.from(part.data).toString('base64') } }
      : part,
  );
