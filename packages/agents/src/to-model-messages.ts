import {
  PrusikError,
  type FileData,
  type FilePart,
  type Message,
  type ProviderData,
  type ReasoningFilePart,
  type TextPart,
  type ToolOutput,
  type ToolOutputPart,
} from '@prusik/core';
import { imageType } from './image-type.ts';
import type { AssistantContent, ModelMessage, ToolContent, ToolResultPart, UserModelMessage } from 'ai';

type ProviderOptions = NonNullable<ToolResultPart['providerOptions']>;
type AssistantPart = Exclude<AssistantContent, string>[number];
type UserPart = Exclude<UserModelMessage['content'], string>[number];
type ToolPart = ToolContent[number];
type Part = Message['content'][number];

/** Bytes of blobs by hash, as {@link loadFiles} gives them. */
export type LoadedFiles = ReadonlyMap<string, Uint8Array>;

interface Target {
  readonly provider: string;
  readonly files: LoadedFiles;
  /** What was attached to the calls so far, by their ids, where their results get it too. */
  readonly attached?: Map<string, ProviderData>;
}

const NO_FILES: LoadedFiles = new Map();

/**
 * Prusik's messages as the AI SDK's, for a model of `provider`. What another provider attached (signatures, cache marks) is left out, and so is what
 * only that provider understands: its reasoning, its own content, the calls that it executed itself. A file that only another provider
 * holds becomes a line of text that says so. Sources and citations have no place in a prompt. A message of which nothing is left is left out.
 *
 * @throws {PrusikError} `FILE_NOT_LOADED` for a file that is named by a blob which is not among `files`.
 */
export function toModelMessages(
  messages: readonly Message[],
  provider: string,
  files: LoadedFiles = NO_FILES,
): ModelMessage[] {
  return told(messages, { provider, files });
}

/**
 * The same as a prompt has it: what a provider attached to a call stands at its result, too, if nothing else does. Providers of the AI SDK look for it
 * there (whose call that was, or that several calls were one), since the SDK puts it there.
 */
export function toPromptMessages(messages: readonly Message[], provider: string, files: LoadedFiles): ModelMessage[] {
  return told(messages, { provider, files, attached: new Map() });
}

const told = (messages: readonly Message[], target: Target): ModelMessage[] =>
  messages.map((message) => toModelMessage(message, target)).filter(({ content }) => content.length > 0);

function toModelMessage({ role, content }: Message, target: Target): ModelMessage {
  switch (role) {
    case 'user':
      return { role, content: content.flatMap((part) => userPart(part, target)) };
    case 'assistant': {
      const foreign = callsOfOthers(content, target.provider);
      return { role, content: content.flatMap((part) => assistantPart(part, target, foreign)) };
    }
    case 'tool':
      return { role, content: content.flatMap((part) => toolPart(part, target)) };
    default:
      return role satisfies never;
  }
}

function userPart(part: Part, target: Target): readonly UserPart[] {
  return part.type === 'text' || part.type === 'file' ? [textOrFile(part, target)] : [];
}

function assistantPart(part: Part, target: Target, foreign: ReadonlySet<string>): readonly AssistantPart[] {
  const { provider } = target;
  switch (part.type) {
    case 'text':
    case 'file':
      return [textOrFile(part, target)];
    case 'reasoning':
      return isOfOther(part, provider)
        ? []
        : [{ type: 'reasoning', text: part.text, ...options(part.provider, provider) }];
    case 'reasoning-file':
      return isOfOther(part, provider) ? [] : [reasoningFile(part, target)];
    case 'custom':
      return isOfOther(part, provider)
        ? []
        : [{ type: 'custom', kind: part.kind as `${string}.${string}`, ...options(part.provider, provider) }];
    case 'tool-call':
      if (foreign.has(part.callId)) return [];
      if (part.provider !== undefined) target.attached?.set(part.callId, part.provider);
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
      return foreign.has(part.callId) || isOfOther(part, provider) ? [] : [resultPart(part, target)];
    case 'approval-request':
      if (foreign.has(part.callId)) return [];
      return [
        {
          type: 'tool-approval-request',
          approvalId: part.approvalId,
          toolCallId: part.callId,
          ...(part.reason === undefined ? {} : { reason: part.reason }),
          ...(part.automatic === undefined ? {} : { isAutomatic: part.automatic }),
          ...(part.signature === undefined ? {} : { signature: part.signature }),
          ...(part.input === undefined ? {} : { inputSchemaInput: part.input }),
        },
      ];
    case 'source':
    case 'approval-response':
      return [];
    default:
      return part satisfies never;
  }
}

/** Calls that another provider executed: nobody else knows what they are. */
function callsOfOthers(content: Message['content'], provider: string): ReadonlySet<string> {
  let foreign: Set<string> | undefined;
  for (const part of content)
    if (part.type === 'tool-call' && part.providerExecuted === true && isOfOther(part, provider))
      (foreign ??= new Set()).add(part.callId);
  return foreign ?? NONE;
}

const NONE: ReadonlySet<string> = new Set();

const isOfOther = ({ provider: data }: { readonly provider?: ProviderData }, provider: string): boolean =>
  data !== undefined && data.provider !== provider;

function toolPart(part: Part, target: Target): readonly ToolPart[] {
  if (part.type === 'tool-result') return [resultPart(part, target, target.attached?.get(part.callId))];
  if (part.type !== 'approval-response') return [];
  const { approvalId, approved, reason, providerExecuted } = part;
  return [
    {
      type: 'tool-approval-response',
      approvalId,
      approved,
      ...(reason === undefined ? {} : { reason }),
      ...(providerExecuted === undefined ? {} : { providerExecuted }),
    },
  ];
}

function resultPart(
  part: Extract<Part, { type: 'tool-result' }>,
  target: Target,
  ofCall?: ProviderData,
): ToolResultPart {
  return {
    type: 'tool-result',
    toolCallId: part.callId,
    toolName: part.tool,
    output: { ...output(part.output, target), ...options(part.output.provider, target.provider) },
    ...options(part.provider ?? ofCall, target.provider),
  };
}

function output(value: ToolOutput, target: Target): ToolResultPart['output'] {
  switch (value.type) {
    case 'text':
      return { type: 'text', value: value.text };
    case 'json':
      return { type: 'json', value: value.value as never };
    case 'error':
      return { type: 'error-json', value: (value.value ?? { code: value.code, message: value.text }) as never };
    case 'denied':
      return { type: 'execution-denied', ...(value.reason === undefined ? {} : { reason: value.reason }) };
    case 'content':
      return { type: 'content', value: value.parts.flatMap((part) => contentPart(part, target)) };
    default:
      return value satisfies never;
  }
}

type ContentPart = Extract<ToolResultPart['output'], { type: 'content' }>['value'][number];

function contentPart(part: ToolOutputPart, target: Target): readonly ContentPart[] {
  if (part.type !== 'custom') return [textOrFile(part, target)];
  return isOfOther(part, target.provider) ? [] : [{ type: 'custom', ...options(part.provider, target.provider) }];
}

function textOrFile(part: TextPart | FilePart, target: Target) {
  const { provider } = target;
  if (part.type === 'text') return { type: 'text' as const, text: part.text, ...options(part.provider, provider) };
  const { data, mediaType, name } = part;
  if ('reference' in data && !Object.hasOwn(data.reference, provider)) {
    const holders = Object.keys(data.reference).join(', ');
    return {
      type: 'text' as const,
      text: `[The file ${name ?? mediaType} is held by ${holders} and cannot be shown.]`,
    };
  }
  const given = fileData(data, name, target);
  return {
    type: 'file' as const,
    data: given,
    mediaType: (given.type === 'data' ? imageType(given.data) : undefined) ?? mediaType,
    ...(name === undefined ? {} : { filename: name }),
    ...options(part.provider, provider),
  };
}

function reasoningFile({ data, mediaType, provider }: ReasoningFilePart, target: Target): AssistantPart {
  const given = fileData(data, undefined, target);
  if (given.type !== 'data' && given.type !== 'url')
    throw new PrusikError('MESSAGE_INVALID', `A file of a model's reasoning is bytes or a URL, not ${given.type}`);
  return { type: 'reasoning-file', data: given, mediaType, ...options(provider, target.provider) };
}

function fileData(data: FileData, name: string | undefined, { files }: Target) {
  if ('base64' in data) return { type: 'data' as const, data: data.base64 };
  if ('url' in data) return inlined(data.url) ?? { type: 'url' as const, url: new URL(data.url) };
  if ('text' in data) return { type: 'text' as const, text: data.text };
  if ('reference' in data) return { type: 'reference' as const, reference: { ...data.reference } };
  const bytes = files.get(data.blob);
  if (bytes !== undefined) return { type: 'data' as const, data: bytes };
  throw new PrusikError('FILE_NOT_LOADED', `The file ${name ?? data.blob} is only named by its blob; load it first`, {
    meta: { hash: data.blob },
  });
}

/** An address that holds the bytes itself: no provider looks it up. */
function inlined(url: string) {
  const [, base64] = /^data:[^,]*;base64,([^]*)$/i.exec(url) ?? [];
  return base64 === undefined ? undefined : { type: 'data' as const, data: base64 };
}

function options(data: ProviderData | undefined, provider: string): { providerOptions?: ProviderOptions } {
  if (data === undefined || data.provider !== provider || Object.keys(data.data).length === 0) return {};
  return { providerOptions: data.data as ProviderOptions };
}
