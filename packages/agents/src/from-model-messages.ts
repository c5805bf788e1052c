import {
  toJson,
  type FilePart,
  type JsonObject,
  type Message,
  type MessagePart,
  type NewId,
  type ProviderData,
  type TextPart,
  type ToolOutput,
  type ToolResultPart,
} from '@prusik/core';
import type { FilePart as ModelFilePart, ModelMessage, ToolResultPart as ModelToolResultPart } from 'ai';

export interface FromModelOptions {
  /** Whose model the messages come from and go back to: what it attached is kept for it alone. */
  readonly provider: string;
  readonly newId: NewId;
}

/**
 * The AI SDK's messages as Prusik stores them. Attachments of a whole message move to its last part, where providers read them too.
 *
 * @throws {TypeError} for what a stored history cannot hold: a system message (give it as instructions), an SDK approval
 * exchange, a file that is neither data nor a URL.
 */
export function fromModelMessages(messages: readonly ModelMessage[], options: FromModelOptions): readonly Message[] {
  return messages.map((message) => fromModelMessage(message, options));
}

function fromModelMessage(message: ModelMessage, { provider, newId }: FromModelOptions): Message {
  const { role } = message;
  if (role === 'system')
    throw new TypeError('A system message is not history: give it as the instructions of the agent');
  const parts: readonly unknown[] =
    typeof message.content === 'string' ? [{ type: 'text', text: message.content }] : message.content;
  const content = parts.map((part) => fromPart(part as ModelPart, provider));
  const attached = providerData(message.providerOptions, provider);
  const last = content.at(-1);
  if (attached !== undefined && last !== undefined) {
    content[content.length - 1] = {
      ...last,
      provider: { provider, data: { ...attached.data, ...last.provider?.data } },
    };
  }
  return { v: 1, id: newId(), role, kind: role, content };
}

type ModelPart = Exclude<Extract<ModelMessage, { role: 'user' | 'assistant' | 'tool' }>['content'], string>[number];

function fromPart(part: ModelPart, provider: string): MessagePart {
  switch (part.type) {
    case 'text':
    case 'file':
      return textOrFile(part, provider);
    case 'image':
      return textOrFile({ ...part, type: 'file', data: part.image, mediaType: part.mediaType ?? 'image' }, provider);
    case 'reasoning':
      return { type: 'reasoning', text: part.text, ...attached(part.providerOptions, provider) };
    case 'tool-call':
      return {
        type: 'tool-call',
        callId: part.toolCallId,
        tool: part.toolName,
        input: toJson(part.input ?? null),
        ...(part.providerExecuted === undefined ? {} : { providerExecuted: part.providerExecuted }),
        ...attached(part.providerOptions, provider),
      };
    case 'tool-result':
      return resultPart(part, provider);
    default:
      throw new TypeError(`A part of type ${part.type} cannot be stored`);
  }
}

function resultPart(part: ModelToolResultPart, provider: string): ToolResultPart {
  return {
    type: 'tool-result',
    callId: part.toolCallId,
    tool: part.toolName,
    output: fromOutput(part.output, provider),
    ...attached(part.providerOptions, provider),
  };
}

function fromOutput(output: ModelToolResultPart['output'], provider: string): ToolOutput {
  switch (output.type) {
    case 'text':
      return { type: 'text', text: output.value };
    case 'json':
      return { type: 'json', value: toJson(output.value) };
    case 'error-text':
      return { type: 'error', code: 'TOOL_FAILED', text: output.value };
    case 'error-json':
      return fromErrorJson(output.value);
    case 'execution-denied':
      return { type: 'denied', ...(output.reason === undefined ? {} : { reason: output.reason }) };
    case 'content':
      return {
        type: 'content',
        parts: output.value.map((part) => {
          if (part.type === 'text' || part.type === 'file') return textOrFile(part, provider);
          throw new TypeError(`A result part of type ${part.type} cannot be stored`);
        }),
      };
    default:
      throw new TypeError('A result of this type cannot be stored');
  }
}

function fromErrorJson(value: unknown): ToolOutput {
  const { code, message } = (value ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  if (typeof code === 'string' && typeof message === 'string') return { type: 'error', code, text: message };
  return { type: 'error', code: 'TOOL_FAILED', text: JSON.stringify(value) };
}

type TextOrFile =
  | { readonly type: 'text'; readonly text: string; readonly providerOptions?: unknown }
  | {
      readonly type: 'file';
      readonly data: ModelFilePart['data'];
      readonly mediaType: string;
      readonly filename?: string | undefined;
      readonly providerOptions?: unknown;
    };

function textOrFile(part: TextOrFile, provider: string): TextPart | FilePart {
  if (part.type === 'text') return { type: 'text', text: part.text, ...attached(part.providerOptions, provider) };
  return {
    type: 'file',
    mediaType: part.mediaType,
    data: fileData(part.data),
    ...(part.filename === undefined ? {} : { name: part.filename }),
    ...attached(part.providerOptions, provider),
  };
}

function fileData(given: ModelFilePart['data']): FilePart['data'] {
  const data = typeof given === 'object' && 'type' in given ? given : { type: 'data' as const, data: given };
  const bare = data.type === 'url' ? data.url : data.type === 'data' ? data.data : undefined;
  if (bare instanceof URL) return { url: bare.href };
  // A bare string is a URL where it looks like one, as the AI SDK reads it.
  if (typeof bare === 'string') return /^(https?|data):/.test(bare) ? { url: bare } : { base64: bare };
  if (bare instanceof Uint8Array) return { base64: Buffer.from(bare).toString('base64') };
  if (bare instanceof ArrayBuffer) return { base64: Buffer.from(new Uint8Array(bare)).toString('base64') };
  throw new TypeError('A file that is neither data nor a URL cannot be stored');
}

const attached = (options: unknown, provider: string): { provider?: ProviderData } => {
  const data = providerData(options, provider);
  return data === undefined ? {} : { provider: data };
};

/** What a provider attached, whole: it may be more than one entry (a gateway's beside the model's). */
export function providerData(options: unknown, provider: string): ProviderData | undefined {
  if (options === undefined || options === null) return undefined;
  return { provider, data: toJson(options) as JsonObject };
}
