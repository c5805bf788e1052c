import {
  PrusikError,
  type FilePart,
  type Message,
  type ProviderData,
  type TextPart,
  type ToolOutput,
} from '@prusik/core';
import type { AssistantContent, ModelMessage, ToolModelMessage, ToolResultPart, UserModelMessage } from 'ai';

type ProviderOptions = NonNullable<ToolResultPart['providerOptions']>;
type AssistantPart = Exclude<AssistantContent, string>[number];
type UserPart = Exclude<UserModelMessage['content'], string>[number];

/**
 * Prusik's messages as the AI SDK's, for a model of `provider`. What another provider attached (signatures, cache marks) is left
 * out, and so is reasoning that another provider signed; sources have no place in a prompt.
 *
 * @throws {PrusikError} `FILE_NOT_LOADED` for a file that is only named by its blob.
 */
export function toModelMessages(messages: readonly Message[], provider: string): ModelMessage[] {
  return messages.map((message) => toModelMessage(message, provider));
}

function toModelMessage({ role, content }: Message, provider: string): ModelMessage {
  switch (role) {
    case 'user':
      return { role, content: content.flatMap((part) => userPart(part, provider)) };
    case 'assistant':
      return { role, content: content.flatMap((part) => assistantPart(part, provider)) };
    case 'tool':
      return { role, content: content.flatMap((part) => resultPart(part, provider)) as ToolModelMessage['content'] };
    default:
      return role satisfies never;
  }
}

type Part = Message['content'][number];

function userPart(part: Part, provider: string): readonly UserPart[] {
  return part.type === 'text' || part.type === 'file' ? [textOrFile(part, provider)] : [];
}

function assistantPart(part: Part, provider: string): readonly AssistantPart[] {
  switch (part.type) {
    case 'text':
    case 'file':
      return [textOrFile(part, provider)];
    case 'reasoning':
      if (part.provider !== undefined && part.provider.provider !== provider) return [];
      return [{ type: 'reasoning', text: part.text, ...options(part.provider, provider) }];
    case 'tool-call':
      return [
        {
          type: 'tool-call',
          toolCallId: part.callId,
          toolName: part.tool,
          input: part.input,
          ...(part.providerExecuted === undefined ? {} : { providerExecuted: part.providerExecuted }),
          ...options(part.provider, provider),
        },
      ];
    case 'tool-result':
      return resultPart(part, provider);
    case 'source':
      return [];
    default:
      return part satisfies never;
  }
}

function resultPart(part: Part, provider: string): readonly ToolResultPart[] {
  if (part.type !== 'tool-result') return [];
  return [
    {
      type: 'tool-result',
      toolCallId: part.callId,
      toolName: part.tool,
      output: output(part.output, provider),
      ...options(part.provider, provider),
    },
  ];
}

function output(value: ToolOutput, provider: string): ToolResultPart['output'] {
  switch (value.type) {
    case 'text':
      return { type: 'text', value: value.text };
    case 'json':
      return { type: 'json', value: value.value as never };
    case 'error':
      return { type: 'error-json', value: { code: value.code, message: value.text } };
    case 'denied':
      return { type: 'execution-denied', ...(value.reason === undefined ? {} : { reason: value.reason }) };
    case 'content':
      return { type: 'content', value: value.parts.map((part) => contentPart(part, provider)) };
    default:
      return value satisfies never;
  }
}

function contentPart(part: TextPart | FilePart, provider: string) {
  const { type, ...rest } = textOrFile(part, provider);
  return { type, ...rest } as Extract<ToolResultPart['output'], { type: 'content' }>['value'][number];
}

function textOrFile(part: TextPart | FilePart, provider: string) {
  if (part.type === 'text') return { type: 'text' as const, text: part.text, ...options(part.provider, provider) };
  return {
    type: 'file' as const,
    data: fileData(part),
    mediaType: part.mediaType,
    ...(part.name === undefined ? {} : { filename: part.name }),
    ...options(part.provider, provider),
  };
}

function fileData({ data, name }: FilePart) {
  if ('base64' in data) return { type: 'data' as const, data: data.base64 };
  if ('url' in data) return { type: 'url' as const, url: new URL(data.url) };
  throw new PrusikError('FILE_NOT_LOADED', `The file ${name ?? data.blob} is only named by its blob; load it first`);
}

function options(data: ProviderData | undefined, provider: string): { providerOptions?: ProviderOptions } {
  if (data === undefined || data.provider !== provider || Object.keys(data.data).length === 0) return {};
  return { providerOptions: data.data as ProviderOptions };
}
