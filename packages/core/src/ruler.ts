import type { Ruler } from './context.ts';
import type { Message, MessagePart } from './message.ts';

/** Where no provider has said how long its tokens are: good to a factor of two for most languages. */
export const CHARS_PER_TOKEN = 4;

/** A file in a prompt costs by its size in pixels or pages, not in bytes; this is an ordinary picture. */
const FILE_CHARS = 1_500 * CHARS_PER_TOKEN;

const sizes = new WeakMap<Message, number>();

/** A {@link Ruler} by length. `charsPerToken` comes from what a provider has said of an earlier prompt, where one has. */
export function createRuler({
  fixedChars,
  charsPerToken = CHARS_PER_TOKEN,
}: {
  /** Length of what stands in every prompt besides its messages. */
  readonly fixedChars: number;
  readonly charsPerToken?: number;
}): Ruler {
  return { tokens: (messages) => Math.ceil(charsOf(messages, fixedChars) / charsPerToken) };
}

/** Length of a prompt as a ruler sees it. */
export function charsOf(messages: readonly Message[], fixedChars: number): number {
  return messages.reduce((sum, message) => sum + sizeOf(message), fixedChars);
}

/** Messages never change, so each is measured once. */
function sizeOf(message: Message): number {
  let size = sizes.get(message);
  if (size === undefined) {
    size = charsOfNew(message);
    sizes.set(message, size);
  }
  return size;
}

/** The same of a message that is on its way to the thread, which keeps a copy of it: to remember this one would be in vain. */
export function charsOfNew({ content }: Message): number {
  return content.reduce((sum, part) => sum + partSize(part), 0);
}

function partSize(part: MessagePart): number {
  if (part.type === 'file' || part.type === 'reasoning-file') return FILE_CHARS;
  if (part.type !== 'tool-result' || part.output.type !== 'content') return JSON.stringify(part).length;
  return part.output.parts.reduce(
    (sum, one) => sum + (one.type === 'file' ? FILE_CHARS : JSON.stringify(one).length),
    0,
  );
}
