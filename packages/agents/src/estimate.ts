import { CHARS_PER_TOKEN, charsOf, type Message, type Usage } from '@prusik/core';

/** What a call used where its provider says it, else what its length says. */
export function tokensOf(usage: Usage, prompt: readonly Message[], fixedChars: number, reply: Message): number {
  const { inputTokens, outputTokens } = usage;
  return (inputTokens ?? estimateTokens(prompt, fixedChars)) + (outputTokens ?? estimateTokens([reply], 0));
}

/** A rough count by length; good to a factor of two for most languages. */
export function estimateTokens(prompt: readonly Message[], fixedChars: number): number {
  return Math.ceil(charsOf(prompt, fixedChars) / CHARS_PER_TOKEN);
}
