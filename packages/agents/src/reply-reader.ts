import { toJson, type Json, type MessagePart, type ProviderData, type ToolOutput, type Usage } from '@prusik/core';
import type { FinishReason, LanguageModelStreamPart, LanguageModelUsage } from 'ai';
import { providerData } from './from-model-messages.ts';
import { createLiveBlocks, type OnDelta } from './live-blocks.ts';
import { toToolOutput } from './tool-output.ts';

/** How a reply ended, as the provider says it. */
export type Finish = 'stop' | 'length' | 'content-filter' | 'tool-calls' | 'other';

/** Puts a reply together from its stream. */
export interface ReplyReader {
  /** @throws the provider's error where the stream reports one. */
  take(chunk: LanguageModelStreamPart): void;
  /** `undefined` until the reply has ended. */
  readonly finish: Finish | undefined;
  reply(): { parts: readonly MessagePart[]; malformed: ReadonlySet<number>; usage: Usage };
}

type Block = { type: 'text' | 'reasoning'; text: string; provider?: ProviderData };

export function createReplyReader(provider: string, onDelta: OnDelta): ReplyReader {
  const parts: (MessagePart | Block)[] = [];
  const blocks = new Map<string, Block>();
  const malformed = new Set<number>();
  const live = createLiveBlocks(onDelta);
  let usage: Usage = {};
  let finish: Finish | undefined;

  /** Ids are unique per kind only: some providers count text and reasoning apart. */
  function blockOf(type: Block['type'], id: string): Block {
    const key = `${type}:${id}`;
    let block = blocks.get(key);
    if (block === undefined) {
      // Reasoning is marked with where it came from even when nothing is attached: no other provider gets it back.
      block = type === 'reasoning' ? { type, text: '', provider: { provider, data: {} } } : { type, text: '' };
      blocks.set(key, block);
      parts.push(block);
    }
    return block;
  }

  function addTo(type: Block['type'], chunk: { id: string; text?: string; providerMetadata?: unknown }): void {
    const block = blockOf(type, chunk.id);
    if (chunk.text !== undefined) block.text += chunk.text;
    const attached = providerData(chunk.providerMetadata, provider);
    // The last metadata of a block is the whole of it: a signature comes with the end.
    if (attached !== undefined) block.provider = attached;
  }

  const attachedTo = (chunk: { providerMetadata?: unknown }): { provider?: ProviderData } => {
    const data = providerData(chunk.providerMetadata, provider);
    return data === undefined ? {} : { provider: data };
  };

  return {
    get finish() {
      return finish;
    },
    reply: () => ({ parts: parts.map((part) => ({ ...part })), malformed, usage }),
    take(chunk) {
      switch (chunk.type) {
        case 'text-start':
        case 'text-end':
        case 'reasoning-start':
        case 'reasoning-end':
          return addTo(chunk.type.startsWith('text') ? 'text' : 'reasoning', chunk);
        case 'text-delta':
          live.say('text', chunk.id, chunk.text);
          return addTo('text', chunk);
        case 'reasoning-delta':
          live.say('reasoning', chunk.id, chunk.text);
          return addTo('reasoning', chunk);
        case 'tool-input-start':
          return live.beginInput(chunk.id, chunk.toolName);
        case 'tool-input-delta':
          return live.say('tool-input', chunk.id, chunk.delta);
        case 'tool-call':
          if ('invalid' in chunk && chunk.invalid === true && typeof chunk.input === 'string')
            malformed.add(parts.length);
          parts.push({
            type: 'tool-call',
            callId: chunk.toolCallId,
            tool: chunk.toolName,
            input: jsonOr(chunk.input, null),
            ...(chunk.providerExecuted === true ? { providerExecuted: true } : {}),
            ...attachedTo(chunk),
          });
          return;
        case 'tool-result':
        case 'tool-error': {
          // Our own tools have no result in a stream; what the SDK says of an invalid call is decided elsewhere.
          if (chunk.providerExecuted !== true) return;
          const output: ToolOutput =
            chunk.type === 'tool-result'
              ? toToolOutput(jsonOr(chunk.output, null), NO_CAP)
              : { type: 'error', code: 'TOOL_FAILED', text: textOf(chunk.error) };
          parts.push({
            type: 'tool-result',
            callId: chunk.toolCallId,
            tool: chunk.toolName,
            output,
            ...attachedTo(chunk),
          });
          return;
        }
        case 'file':
          parts.push({
            type: 'file',
            mediaType: chunk.file.mediaType,
            data: { base64: chunk.file.base64 },
            ...attachedTo(chunk),
          });
          return;
        case 'source':
          parts.push({
            type: 'source',
            id: chunk.id,
            ...(chunk.sourceType === 'url' ? { url: chunk.url } : {}),
            ...(chunk.title === undefined ? {} : { title: chunk.title }),
            ...attachedTo(chunk),
          });
          return;
        case 'model-call-end':
          usage = usageOf(chunk.usage);
          finish = finishOf(chunk.finishReason);
          return;
        case 'error':
          throw chunk.error;
        default:
          // Pings, metadata and raw chunks are not part of the reply.
          return;
      }
    },
  };
}

/** The provider executed it and bounded it; what came is part of its reply. */
const NO_CAP = { maxOutputBytes: Number.POSITIVE_INFINITY, maxOutputLines: Number.POSITIVE_INFINITY };

function jsonOr(value: unknown, fallback: Json): Json {
  try {
    return toJson(value);
  } catch {
    return fallback;
  }
}

const textOf = (error: unknown): string => (typeof error === 'string' ? error : JSON.stringify(jsonOr(error, null)));

/** `error` and `interrupted` end a stream that has no end of its own. */
function finishOf(reason: FinishReason): Finish | undefined {
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

/** A number that the provider did not give stays out: unknown is not zero. */
function usageOf({ inputTokens, inputTokenDetails, outputTokens, outputTokenDetails }: LanguageModelUsage): Usage {
  const cached = inputTokenDetails?.cacheReadTokens;
  const reasoning = outputTokenDetails?.reasoningTokens;
  return {
    ...(inputTokens === undefined ? {} : { inputTokens }),
    ...(cached === undefined ? {} : { cachedInputTokens: cached }),
    ...(outputTokens === undefined ? {} : { outputTokens }),
    ...(reasoning === undefined ? {} : { reasoningTokens: reasoning }),
  };
}
