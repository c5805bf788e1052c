import type { FilePart, Message, MessagePart, ToolOutput, ToolOutputPart } from './message.ts';

const copies = new WeakMap<Message, Map<number, Message>>();

/**
 * The message with each text of its tool results cut to `chars` characters, head and tail kept, and their files named in place of sent.
 * The same object each time, and the message itself where there is nothing to cut. What a provider executed is its own and stays whole.
 */
export function trimmed(message: Message, chars: number): Message {
  if (message.role !== 'tool') return message;
  const known = copies.get(message);
  const before = known?.get(chars);
  if (before !== undefined) return before;
  const content = message.content.map((part) => trimPart(part, chars));
  const cut = content.some((part, index) => part !== message.content[index]) ? { ...message, content } : message;
  if (known === undefined) copies.set(message, new Map([[chars, cut]]));
  else known.set(chars, cut);
  return cut;
}

function trimPart(part: MessagePart, chars: number): MessagePart {
  if (part.type !== 'tool-result') return part;
  const output = trimOutput(part.output, chars);
  return output === part.output ? part : { ...part, output };
}

function trimOutput(output: ToolOutput, chars: number): ToolOutput {
  switch (output.type) {
    case 'text': {
      const text = cutText(output.text, chars);
      return text === output.text ? output : { ...output, text };
    }
    case 'error': {
      const text = cutText(output.text, chars);
      // What a provider said would otherwise be sent whole all the same.
      return text === output.text ? output : { type: 'error', code: output.code, text };
    }
    case 'json': {
      const json = JSON.stringify(output.value);
      const text = cutText(json, chars);
      return text === json ? output : { type: 'text', text };
    }
    case 'content': {
      const parts = output.parts.map((part) => trimContent(part, chars));
      return parts.every((part, index) => part === output.parts[index]) ? output : { ...output, parts };
    }
    case 'denied':
      return output;
    default:
      return output satisfies never;
  }
}

function trimContent(part: ToolOutputPart, chars: number): ToolOutputPart {
  if (part.type === 'custom') return part;
  if (part.type === 'file') return { type: 'text', text: `[a file was here: ${nameOf(part)}]` };
  const text = cutText(part.text, chars);
  return text === part.text ? part : { ...part, text };
}

const nameOf = ({ name, mediaType, data }: FilePart): string =>
  [name, mediaType, 'blob' in data ? data.blob : 'url' in data ? data.url : undefined]
    .filter((word) => word !== undefined)
    .join(', ');

/** Head and tail of a text that is longer than `chars`, with a line between them that says how much is missing. */
export function cutText(text: string, chars: number): string {
  const head = Math.ceil(chars / 2);
  const cut = `${text.slice(0, head)}\n[… ${text.length - chars} characters left out …]\n${text.slice(text.length - chars + head)}`;
  // A cut may part a surrogate pair, which no provider takes.
  return cut.length < text.length ? cut.toWellFormed() : text;
}
