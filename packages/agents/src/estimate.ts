import type { Message, Usage } from '@prusik/core';

const CHARS_PER_TOKEN = 4;
const sizes = new WeakMap<Message, number>();

/** What a call used where its provider says it, else what its length says. */
export function tokensOf(usage: Usage, prompt: readonly Message[], fixedChars: number, reply: Message): number {
  const { inputTokens, outputTokens } = usage;
  return (
    (inputTokens ?? estimateTokens(prompt, fixedChars)) + (outputTokens ?? Math.ceil(sizeOf(reply) / CHARS_PER_TOKEN))
  );
}

/** A rough count by length; good to a factor of two for most languages. */
export function estimateTokens(prompt: readonly Message[], fixedChars: number): number {
  return Math.ceil(prompt.reduce((sum, message) => sum + sizeOf(message), fixedChars) / CHARS_PER_TOKEN);
}

/** Messages never change, so each is measured once. */
function sizeOf(message: Message): number {
  let size = sizes.get(message);
  if (size === undefined) {
    size = JSON.stringify(message.content).length;
    sizes.set(message, size);
  }
  return size;
}
