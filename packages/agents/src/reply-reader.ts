import {
  PrusikError,
  toJson,
  type Citation,
  type FileData,
  type Json,
  type MessagePart,
  type ProviderData,
  type Source,
  type ToolOutput,
  type Usage,
} from '@prusik/core';
import { callInput } from './call-input.ts';
import { fromErrorJson, providerData } from './from-model-messages.ts';
import type { ModelChunk } from './language-model.ts';
import { createLiveBlocks, type OnDelta } from './live-blocks.ts';
import { streamError } from './stream-error.ts';
import { toToolOutput } from './tool-output.ts';

/** How a reply ended, as the provider says it. */
export type Finish = 'stop' | 'length' | 'content-filter' | 'tool-calls' | 'other';

/** What came of a reply so far. */
export interface ReplySoFar {
  readonly parts: readonly MessagePart[];
  /** Places in `parts` of calls whose input is not JSON; they hold it as a string. */
  readonly malformed: ReadonlySet<number>;
  readonly usage: Usage;
  /** What the provider says that it did not do as it was asked to: settings that it does not know. */
  readonly warnings: readonly Json[];
  /** What the provider says of the reply: its id there, and the model that answered. */
  readonly response: { readonly id?: string; readonly modelId?: string };
}

/** Puts a reply together from its stream. */
export interface ReplyReader {
  /**
   * @throws the provider's error where the stream reports one.
   * @throws {PrusikError} `PROVIDER_APPROVAL_UNSUPPORTED` where the provider wants to ask a person about a tool that it runs itself.
   */
  take(chunk: ModelChunk): void;
  /** `undefined` until the reply has ended. A function: V8 gives every object literal with a getter a shape of its own, which holds all that the getter sees until a full collection. */
  finish(): Finish | undefined;
  reply(): ReplySoFar;
}

type Block = { type: 'text' | 'reasoning'; text: string; citations?: readonly Citation[]; provider?: ProviderData };

export function createReplyReader(provider: string, onDelta: OnDelta): ReplyReader {
  const parts: (MessagePart | Block)[] = [];
  const blocks = new Map<string, Block>();
  /** Where the last result of a call stands that the provider executed. */
  const results = new Map<string, number>();
  const malformed = new Set<number>();
  const live = createLiveBlocks(onDelta);
  let usage: Usage = {};
  let warnings: readonly Json[] = [];
  let response: ReplySoFar['response'] = {};
  let finish: Finish | undefined;

  /** Ids are unique per kind only, and only among the blocks that are open: some providers have one id for all their texts. */
  function blockOf(type: Block['type'], id: string): Block {
    const key = `${type}:${id}`;
    let block = blocks.get(key);
    if (block === undefined) {
      // Reasoning is marked with where it came from even when nothing is attached: no other provider gets it back.
      block = type === 'reasoning' ? { type, text: '', provider: own } : { type, text: '' };
      blocks.set(key, block);
      parts.push(block);
    }
    return block;
  }

  function close(type: Block['type'], id: string): void {
    blocks.delete(`${type}:${id}`);
    live.end(type, id);
  }

  function addTo(type: Block['type'], chunk: { id: string; providerMetadata?: unknown }, text = ''): Block {
    const block = blockOf(type, chunk.id);
    block.text += text;
    const attached = providerData(chunk.providerMetadata, provider);
    // The last metadata of a block is the whole of it: a signature comes with the end.
    if (attached !== undefined) block.provider = attached;
    return block;
  }

  const own: ProviderData = { provider, data: {} };
  const attachedTo = (chunk: { providerMetadata?: unknown }): { provider?: ProviderData } => {
    const data = providerData(chunk.providerMetadata, provider);
    return data === undefined ? {} : { provider: data };
  };
  /** What only this provider understands is marked as its own. */
  const ownedBy = (chunk: { providerMetadata?: unknown }) => ({ provider: own, ...attachedTo(chunk) });

  function addResult(callId: string, result: MessagePart): void {
    const at = results.get(callId);
    // A preliminary result is replaced by the next one of its call.
    if (at !== undefined) parts[at] = result;
    else results.set(callId, parts.push(result) - 1);
  }

  return {
    finish: () => finish,
    reply: () => ({ parts: parts.map((part) => ({ ...part })), malformed, usage, warnings, response }),
    take(chunk) {
      switch (chunk.type) {
        case 'stream-start':
          warnings = Array.isArray(chunk.warnings) ? (jsonOr(chunk.warnings, []) as readonly Json[]) : [];
          return;
        case 'response-metadata':
          response = {
            ...response,
            ...(chunk.id === undefined ? {} : { id: chunk.id }),
            ...(chunk.modelId === undefined ? {} : { modelId: chunk.modelId }),
          };
          return;
        case 'text-start':
          close('text', chunk.id);
          return void addTo('text', chunk);
        case 'text-delta':
          live.say('text', chunk.id, chunk.delta);
          return void addTo('text', chunk, chunk.delta);
        case 'text-end': {
          const block = addTo('text', chunk);
          if (chunk.citations?.length) block.citations = chunk.citations.map((cited) => citationOf(cited, attachedTo));
          return close('text', chunk.id);
        }
        case 'reasoning-delta':
          live.say('reasoning', chunk.id, chunk.delta);
          return void addTo('reasoning', chunk, chunk.delta);
        case 'reasoning-start':
          close('reasoning', chunk.id);
          return void addTo('reasoning', chunk);
        case 'reasoning-end':
          addTo('reasoning', chunk);
          return close('reasoning', chunk.id);
        case 'tool-input-start':
          return live.beginInput(chunk.id, chunk.toolName);
        case 'tool-input-delta':
          return live.say('tool-input', chunk.id, chunk.delta);
        case 'tool-call': {
          const executed = chunk.providerExecuted === true;
          const { input, malformed: unread } = callInput(chunk.input);
          if (!executed && unread) malformed.add(parts.length);
          results.delete(chunk.toolCallId);
          parts.push({
            type: 'tool-call',
            callId: chunk.toolCallId,
            tool: chunk.toolName,
            input,
            ...(executed ? { providerExecuted: true, ...ownedBy(chunk) } : attachedTo(chunk)),
          });
          return;
        }
        case 'tool-result': {
          // Of a call that the provider has executed: ours have no result in a stream.
          const result = jsonOr(chunk.result, null);
          const output: ToolOutput = chunk.isError === true ? fromErrorJson(result) : toToolOutput(result, NO_CAP);
          return addResult(chunk.toolCallId, {
            type: 'tool-result',
            callId: chunk.toolCallId,
            tool: chunk.toolName,
            output,
            ...ownedBy(chunk),
          });
        }
        case 'tool-approval-request': {
          const call = parts.find((part) => part.type === 'tool-call' && part.callId === chunk.toolCallId);
          const tool = call?.type === 'tool-call' ? call.tool : chunk.toolCallId;
          throw new PrusikError(
            'PROVIDER_APPROVAL_UNSUPPORTED',
            `The provider asks for an approval of ${tool}, which it runs itself: define it so that the provider does not ask`,
            { meta: { tool } },
          );
        }
        case 'file':
          parts.push({ type: 'file', ...fileOf(chunk), ...attachedTo(chunk) });
          return;
        case 'reasoning-file':
          parts.push({ type: 'reasoning-file', ...fileOf(chunk), ...ownedBy(chunk) });
          return;
        case 'custom':
          parts.push({ type: 'custom', kind: chunk.kind, ...ownedBy(chunk) });
          return;
        case 'source':
          parts.push({ type: 'source', ...sourceOf(chunk, attachedTo) });
          return;
        case 'finish':
          usage = usageOf(chunk.usage ?? {});
          finish = finishOf(chunk.finishReason?.unified);
          return;
        case 'error':
          throw streamError(chunk.error);
        default:
          // The beginnings and ends of inputs, pings and raw chunks are not part of the reply.
          return;
      }
    },
  };
}

/** The provider executed it and bounded it; what came is part of its reply. */
const NO_CAP = { maxOutputBytes: Number.POSITIVE_INFINITY, maxOutputLines: Number.POSITIVE_INFINITY };

type ModelFile = Extract<ModelChunk, { type: 'file' | 'reasoning-file' }>;

/** An address stays one: whoever may fetch it does so once the reply is whole. */
function fileOf({ mediaType, data }: ModelFile): { readonly mediaType: string; readonly data: FileData } {
  if (data.type === 'url') return { mediaType, data: { url: data.url.href } };
  const base64 = typeof data.data === 'string' ? data.data : Buffer.from(data.data).toString('base64');
  return { mediaType, data: { base64 } };
}

type ModelSource = Extract<ModelChunk, { type: 'source' }>;
type Attached = (chunk: { providerMetadata?: unknown }) => { provider?: ProviderData };

function sourceOf(source: ModelSource, attachedTo: Attached): Source {
  const { id, title } = source;
  return {
    id,
    ...(title === undefined ? {} : { title }),
    ...(source.sourceType === 'url'
      ? { url: source.url }
      : {
          mediaType: source.mediaType,
          ...(source.filename === undefined ? {} : { name: source.filename }),
        }),
    ...attachedTo(source),
  };
}

type ModelCitation = NonNullable<Extract<ModelChunk, { type: 'text-end' }>['citations']>[number];

const citationOf = ({ source, startIndex, endIndex, citedText }: ModelCitation, attachedTo: Attached): Citation => ({
  source: sourceOf(source, attachedTo),
  ...(startIndex === undefined ? {} : { start: startIndex }),
  ...(endIndex === undefined ? {} : { end: endIndex }),
  ...(citedText === undefined ? {} : { quote: citedText }),
});

function jsonOr(value: unknown, fallback: Json): Json {
  try {
    return toJson(value);
  } catch {
    return fallback;
  }
}

type ModelFinish = Extract<ModelChunk, { type: 'finish' }>;

/** `error` and `interrupted` end a stream that has no end of its own. */
function finishOf(reason: ModelFinish['finishReason']['unified'] | undefined): Finish | undefined {
  switch (reason) {
    case 'stop':
    case 'length':
    case 'content-filter':
    case 'tool-calls':
    case 'other':
      return reason;
    default:
      return undefined;
  }
}

/** A number that the provider did not give, or that is no count, stays out: unknown is not zero. */
function usageOf({ inputTokens, outputTokens }: Partial<ModelFinish['usage']>): Usage {
  const usage: { -readonly [Name in keyof Usage]: Usage[Name] } = {};
  if (isCount(inputTokens?.total)) usage.inputTokens = inputTokens.total;
  if (isCount(inputTokens?.cacheRead)) usage.cachedInputTokens = inputTokens.cacheRead;
  if (isCount(inputTokens?.cacheWrite)) usage.cacheWriteInputTokens = inputTokens.cacheWrite;
  if (isCount(outputTokens?.total)) usage.outputTokens = outputTokens.total;
  if (isCount(outputTokens?.reasoning)) usage.reasoningTokens = outputTokens.reasoning;
  return usage;
}

const isCount = (given: number | undefined): given is number => Number.isSafeInteger(given) && Number(given) >= 0;
