import { CHARS_PER_TOKEN, charsOf, type Message, type Usage } from '@prusik/core';

/** What a call used where its provider says it, else what its length says. */
export function tokensOf(
  { inputTokens, outputTokens, estimated }: Usage,
  promptTokens: () => number,
  reply: Message,
): { readonly tokens: number; readonly estimated?: true } {
  const tokens = (inputTokens ?? promptTokens()) + (outputTokens ?? estimateTokens([reply]));
  const told = inputTokens !== undefined && outputTokens !== undefined && estimated !== true;
  return told ? { tokens } : { tokens, estimated: true };
}

/** A rough count by length; good to a factor of two for most languages. */
export function estimateTokens(messages: readonly Message[], moreChars = 0): number {
  return Math.ceil(charsOf(messages, moreChars) / CHARS_PER_TOKEN);
}
