import type { ModelMessage } from 'ai';
import type { ModelPrompt } from './language-model.ts';

type PromptMessage = ModelPrompt[number];
type Told = Exclude<ModelMessage, { readonly role: 'system' }>;
type Part = Exclude<Told['content'], string>[number];

/**
 * What {@link toModelMessages} gives as the prompt of the provider specification. The parts are of one shape in both, so a prompt of many messages is
 * made without copying them: what a prompt has no place for is left out, and the results of one round, a message each, become one.
 */
export function toPrompt(instructions: string, messages: readonly ModelMessage[]): ModelPrompt {
  const prompt: PromptMessage[] = instructions === '' ? [] : [{ role: 'system', content: instructions }];
  let results: Extract<PromptMessage, { readonly role: 'tool' }> | undefined;
  for (const message of messages) {
    if (message.role === 'system') continue;
    const said = promptMessage(message);
    if (said === undefined) continue;
    if (said.role === 'tool') {
      if (results === undefined) {
        prompt.push((results = said));
      } else {
        // A message of its own from the second one on: the first is everybody's.
        prompt.pop();
        prompt.push((results = { role: 'tool', content: [...results.content, ...said.content] }));
      }
      continue;
    }
    results = undefined;
    prompt.push(said);
  }
  return prompt;
}

function promptMessage(message: Told): PromptMessage | undefined {
  const { role, content } = message;
  // Only a caller of one's own gives a text: what is stored has parts.
  if (typeof content === 'string') return { role, content: [{ type: 'text', text: content }] } as PromptMessage;
  const parts: readonly Part[] = content;
  const kept = parts.every(hasPlace) ? parts : parts.filter(hasPlace);
  if (kept.length === 0) return undefined;
  return (kept === parts ? message : { role, content: kept }) as PromptMessage;
}

/** Requests for an approval are between the provider and us, and a blank text is refused by some; one that carries something stays. */
function hasPlace(part: Part): boolean {
  switch (part.type) {
    case 'text':
      return part.text !== '' || part.providerOptions !== undefined;
    case 'tool-approval-request':
      return false;
    case 'tool-approval-response':
      return part.providerExecuted === true;
    default:
      return true;
  }
}
