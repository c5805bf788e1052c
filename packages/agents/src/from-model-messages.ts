import {
  PrusikError,
  toJson,
  type FileData,
  type FilePart,
  type JsonObject,
  type Message,
  type MessagePart,
  type NewId,
  type ProviderData,
  type TextPart,
  type ToolOutput,
  type ToolOutputPart,
  type ToolResultPart,
} from '@prusik/core';
import { isObject } from './is-object.ts';
import type { FilePart as ModelFilePart, ModelMessage, ToolResultPart as ModelToolResultPart } from 'ai';

/** How messages of the AI SDK become ours. */
export interface FromModelOptions {
  /** Whose model the messages come from and go back to: what it attached is kept for it alone. */
  readonly provider: string;
  readonly newId: NewId;
}

/**
 * The AI SDK's messages as Prusik stores them. Attachments of a whole message move to its last part, where providers read them too. Bytes come as
 * base64; {@link putMessageFiles} makes blobs of them.
 *
 * @throws {PrusikError} `MESSAGE_UNSUPPORTED` for what a stored history cannot hold: a system message (give it as instructions), a part or file of a
 * kind that this version does not know.
 */
export function fromModelMessages(messages: readonly ModelMessage[], options: FromModelOptions): readonly Message[] {
  return messages.map((message) => fromModelMessage(message, options));
}

function fromModelMessage(message: ModelMessage, { provider, newId }: FromModelOptions): Message {
  const { role } = message;
  if (role === 'system') throw unsupported('A system message is not history: give it as the instructions of the agent');
  const parts: readonly unknown[] =
    typeof message.content === 'string' ? [{ type: 'text', text: message.content }] : message.content;
  const content = parts.map((part) => fromPart(part as ModelPart, provider));
  const whole = providerData(message.providerOptions, provider);
  const last = content.findLastIndex(takesData);
  if (whole !== undefined && last >= 0) content[last] = withData(content[last] as TextPart, whole);
  return { v: 1, id: newId(), role, kind: role, content };
}

const takesData = ({ type }: MessagePart): boolean => type !== 'approval-request' && type !== 'approval-response';

const withData = (part: TextPart, { provider, data }: ProviderData): MessagePart => ({
  ...part,
  provider: { provider, data: { ...data, ...part.provider?.data } },
});

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
    case 'reasoning-file':
      return {
        type: 'reasoning-file',
        mediaType: part.mediaType,
        data: fileData(part.data),
        ...attached(part.providerOptions, provider),
      };
    case 'custom':
      return { type: 'custom', kind: part.kind, ...attached(part.providerOptions, provider) };
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
    case 'tool-approval-request':
      return {
        type: 'approval-request',
        approvalId: part.approvalId,
        callId: part.toolCallId,
        ...(part.reason === undefined ? {} : { reason: part.reason }),
        ...(part.isAutomatic === undefined ? {} : { automatic: part.isAutomatic }),
        ...(part.signature === undefined ? {} : { signature: part.signature }),
        ...(part.inputSchemaInput === undefined ? {} : { input: toJson(part.inputSchemaInput) }),
      };
    case 'tool-approval-response':
      return {
        type: 'approval-response',
        approvalId: part.approvalId,
        approved: part.approved,
        ...(part.reason === undefined ? {} : { reason: part.reason }),
        ...(part.providerExecuted === undefined ? {} : { providerExecuted: part.providerExecuted }),
      };
    default:
      throw unsupported(`A part of type ${String((part satisfies never as { type?: unknown }).type)} cannot be stored`);
  }
}

function resultPart(part: ModelToolResultPart, provider: string): ToolResultPart {
  return {
    type: 'tool-result',
    callId: part.toolCallId,
    tool: part.toolName,
    output: {
      ...fromOutput(part.output, provider),
      ...('providerOptions' in part.output ? attached(part.output.providerOptions, provider) : {}),
    },
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
      return { type: 'content', parts: output.value.map((part) => fromOutputPart(part, provider)) };
    default:
      throw unsupported('A result of this type cannot be stored');
  }
}

/** What a provider says of a failure is kept as it is, since that provider reads it again; our own is told by its two fields. */
export function fromErrorJson(value: unknown): ToolOutput {
  const json = toJson(value ?? null);
  const { code, message, ...more } = (isObject(json) ? json : {}) as JsonObject;
  if (typeof code === 'string' && typeof message === 'string' && Object.keys(more).length === 0)
    return { type: 'error', code, text: message };
  return {
    type: 'error',
    code: 'TOOL_FAILED',
    text: typeof json === 'string' ? json : JSON.stringify(json),
    value: json,
  };
}

type ModelOutputPart = Extract<ModelToolResultPart['output'], { type: 'content' }>['value'][number];

/** Older names of the same file parts are read too. */
function fromOutputPart(part: ModelOutputPart, provider: string): ToolOutputPart {
  const { providerOptions } = part;
  const file = (data: FileData, mediaType: string, name?: string): FilePart => ({
    type: 'file',
    mediaType,
    data,
    ...(name === undefined ? {} : { name }),
    ...attached(providerOptions, provider),
  });
  const named = (fileId: string | Record<string, string>): FileData => ({
    reference: typeof fileId === 'string' ? { [provider]: fileId } : fileId,
  });
  switch (part.type) {
    case 'text':
    case 'file':
      return textOrFile(part, provider);
    case 'custom':
      return { type: 'custom', ...attached(providerOptions, provider) };
    case 'file-data':
    case 'image-data':
      return file({ base64: part.data }, part.mediaType, 'filename' in part ? part.filename : undefined);
    case 'file-url':
      return file({ url: part.url }, part.mediaType ?? 'application/octet-stream');
    case 'image-url':
      return file({ url: part.url }, 'image');
    case 'file-id':
      return file(named(part.fileId), 'application');
    case 'image-file-id':
      return file(named(part.fileId), 'image');
    case 'file-reference':
      return file({ reference: part.providerReference }, 'application');
    case 'image-file-reference':
      return file({ reference: part.providerReference }, 'image');
    default:
      throw unsupported('A part of a result of this type cannot be stored');
  }
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

function fileData(given: ModelFilePart['data']): FileData {
  if (typeof given === 'string' || given instanceof URL) return fromBare(given);
  if (given instanceof Uint8Array || given instanceof ArrayBuffer) return { base64: toBase64(given) };
  // Without a type it is a provider's own name for a file.
  if (!isTagged(given)) return { reference: { ...given } };
  switch (given.type) {
    case 'data':
      return typeof given.data === 'string' ? fromBare(given.data) : { base64: toBase64(given.data) };
    case 'url':
      return { url: given.url.href };
    case 'reference':
      return { reference: { ...given.reference } };
    case 'text':
      return { text: given.text };
    default:
      throw unsupported('A file of this kind cannot be stored');
  }
}

type TaggedData = Extract<ModelFilePart['data'], { readonly type: 'data' | 'url' | 'reference' | 'text' }>;

const isTagged = (data: Exclude<ModelFilePart['data'], string>): data is TaggedData => 'type' in data;

/** A bare string is a URL where it looks like one, as the AI SDK reads it. */
function fromBare(data: string | URL): FileData {
  if (data instanceof URL) return { url: data.href };
  return /^(https?|data):/.test(data) ? { url: data } : { base64: data };
}

const toBase64 = (bytes: Uint8Array | ArrayBuffer): string =>
  (bytes instanceof Uint8Array
    ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : Buffer.from(bytes)
  ).toString('base64');

const attached = (options: unknown, provider: string): { provider?: ProviderData } => {
  const data = providerData(options, provider);
  return data === undefined ? {} : { provider: data };
};

/** What a provider attached, whole: it may be more than one entry (a gateway's beside the model's). */
export function providerData(options: unknown, provider: string): ProviderData | undefined {
  if (options === undefined || options === null) return undefined;
  return { provider, data: toJson(options) as JsonObject };
}

const unsupported = (message: string): PrusikError => new PrusikError('MESSAGE_UNSUPPORTED', message);
