import type { ModelChunk, ModelContent, ModelFinishReason, ModelMetadata, ModelUsage } from './model-chunk.ts';
import type { ScriptedCall, ScriptedFinish, ScriptedPart, ScriptedUsage } from './script-types.ts';

/** What happens in a stream besides its chunks. */
export type Interlude = Extract<
  ScriptedPart,
  { readonly stallMs: number } | { readonly until: unknown } | { readonly drop: unknown }
>;

export type Played = ModelChunk | Interlude;

export const isChunk = (played: ScriptedPart): played is ModelChunk => typeof played === 'object' && 'type' in played;

/** A reply as the stream of a provider: pieces that follow each other are one block. */
export function chunksOf(parts: readonly ScriptedPart[]): readonly Played[] {
  const chunks: Played[] = [];
  let block: { readonly of: 'text' | 'reasoning'; readonly id: string; attached?: ModelMetadata } | undefined;
  const close = (): void => {
    if (block === undefined) return;
    chunks.push({ type: `${block.of}-end`, id: block.id, ...metadata(block.attached) });
    block = undefined;
  };
  const say = (of: 'text' | 'reasoning', delta: string, index: number, attached?: ModelMetadata): void => {
    if (block?.of !== of) {
      close();
      block = { of, id: String(index) };
      chunks.push({ type: `${of}-start`, id: block.id });
    }
    chunks.push({ type: `${of}-delta`, id: block.id, delta });
    if (attached === undefined) return;
    block.attached = attached;
    close();
  };
  for (const [index, part] of parts.entries()) {
    if (typeof part === 'string') say('text', part, index);
    else if (isChunk(part)) {
      close();
      chunks.push(part);
    } else if ('text' in part) say('text', part.text, index, part.providerMetadata);
    else if ('reasoning' in part) say('reasoning', part.reasoning, index, part.providerMetadata);
    else if ('call' in part) {
      close();
      chunks.push(...callChunks(part));
    } else if ('result' in part) {
      close();
      const { of: toolCallId, tool: toolName, ...more } = part;
      chunks.push({ type: 'tool-result', toolCallId, toolName, ...more });
    } else if ('error' in part) chunks.push({ type: 'error', error: part.error });
    else if ('stallMs' in part || 'until' in part || 'drop' in part) chunks.push(part);
    // A part that nobody knows would be a reply without it, and a test that passes by mistake.
    else if (!isOutside(part)) throw new TypeError(`A script has no part with the members ${membersOf(part)}`);
  }
  const started: readonly Played[] = has(parts, 'stream-start') ? [] : [{ type: 'stream-start', warnings: [] }];
  const end = endOf(parts);
  if (end === undefined) return [...started, ...chunks];
  close();
  return [...started, ...chunks, end];
}

/** What says how the reply ends, or that there is none. */
const isOutside = (part: object): boolean =>
  ['finish', 'inputTokens', 'outputTokens', 'reject'].some((member) => member in part);
const membersOf = (part: object): string => Object.keys(part).join(', ');

/** A reply as a whole, put together from its chunks. */
export interface WholeReply {
  content: ModelContent[];
  finishReason: ModelFinishReason;
  usage: ModelUsage;
  warnings: Extract<ModelChunk, { readonly type: 'stream-start' }>['warnings'][number][];
  response?: { readonly id?: string; readonly modelId?: string; readonly timestamp?: Date };
}

/** @throws what the stream reports or breaks with; {TypeError} where it has no end. */
export function wholeReply(chunks: readonly ModelChunk[]): WholeReply {
  const content: ModelContent[] = [];
  const blocks = new Map<string, number>();
  let end: Extract<ModelChunk, { readonly type: 'finish' }> | undefined;
  const whole: Pick<WholeReply, 'warnings' | 'response'> = { warnings: [] };
  for (const chunk of chunks) {
    switch (chunk.type) {
      case 'text-start':
      case 'reasoning-start':
        blocks.set(keyOf(chunk), content.push({ type: ofBlock(chunk.type), text: '' }) - 1);
        break;
      case 'text-delta':
      case 'reasoning-delta':
      case 'text-end':
      case 'reasoning-end': {
        const at = blocks.get(keyOf(chunk)) ?? -1;
        const block = content[at] as { readonly text: string };
        const { providerMetadata } = chunk;
        const citations = chunk.type === 'text-end' ? chunk.citations : undefined;
        content[at] = {
          ...block,
          type: ofBlock(chunk.type),
          text: block.text + ('delta' in chunk ? chunk.delta : ''),
          ...metadata(providerMetadata),
          ...(citations === undefined ? {} : { citations }),
        };
        break;
      }
      case 'tool-call':
      case 'tool-result':
      case 'tool-approval-request':
      case 'custom':
      case 'file':
      case 'reasoning-file':
      case 'source':
        content.push(chunk);
        break;
      case 'stream-start':
        whole.warnings.push(...chunk.warnings);
        break;
      case 'response-metadata': {
        const { type: _, ...response } = chunk;
        whole.response = { ...whole.response, ...response };
        break;
      }
      case 'error':
        throw chunk.error;
      case 'finish':
        end = chunk;
        break;
      default:
      // What comes while an input is written, pings and raw events are not part of a whole reply.
    }
  }
  if (end === undefined) throw new TypeError('A whole reply cannot break off; only a stream can');
  return { content, finishReason: end.finishReason, usage: end.usage, ...whole };
}

const ofBlock = (type: string): 'text' | 'reasoning' => (type.startsWith('text') ? 'text' : 'reasoning');
const keyOf = ({ type, id }: { readonly type: string; readonly id: string }): string => `${ofBlock(type)}:${id}`;
const metadata = (providerMetadata: ModelMetadata | undefined) =>
  providerMetadata === undefined ? {} : { providerMetadata };
const has = (parts: readonly ScriptedPart[], type: ModelChunk['type']): boolean =>
  parts.some((part) => isChunk(part) && part.type === type);

/** How a reply ends; `undefined` where its stream breaks off, or has an end of its own. */
function endOf(parts: readonly ScriptedPart[]): ModelChunk | undefined {
  if (has(parts, 'finish')) return undefined;
  const callsUs = parts.some((part) => {
    if (typeof part === 'string') return false;
    const call = 'call' in part || (isChunk(part) && part.type === 'tool-call') ? part : undefined;
    return call !== undefined && (call as { readonly providerExecuted?: boolean }).providerExecuted !== true;
  });
  let unified: ScriptedFinish = callsUs ? 'tool-calls' : 'stop';
  let usage: Partial<ScriptedUsage> = {};
  for (const part of parts) {
    if (typeof part === 'string' || isChunk(part)) continue;
    if ('finish' in part) unified = part.finish;
    if ('inputTokens' in part || 'outputTokens' in part || 'finish' in part) usage = { ...usage, ...part };
    // Nothing comes after a broken connection.
    if ('drop' in part) return undefined;
  }
  if (unified === 'none') return undefined;
  return {
    type: 'finish',
    finishReason: { unified, raw: undefined },
    usage: {
      inputTokens: {
        total: usage.inputTokens,
        noCache: undefined,
        cacheRead: usage.cacheReadTokens,
        cacheWrite: usage.cacheWriteTokens,
      },
      outputTokens: { total: usage.outputTokens, text: undefined, reasoning: usage.reasoningTokens },
    },
  };
}

function callChunks(scripted: ScriptedCall): readonly ModelChunk[] {
  const {
    call: toolName,
    callId: id = '',
    input,
    rawInput,
    inputDeltas,
    providerExecuted,
    dynamic,
    providerMetadata,
  } = scripted;
  const more = {
    ...(providerExecuted === undefined ? {} : { providerExecuted }),
    ...(dynamic === undefined ? {} : { dynamic }),
  };
  return [
    ...(inputDeltas === undefined
      ? []
      : [
          { type: 'tool-input-start' as const, id, toolName, ...more },
          ...inputDeltas.map((delta) => ({ type: 'tool-input-delta' as const, id, delta })),
          { type: 'tool-input-end' as const, id },
        ]),
    {
      type: 'tool-call',
      toolCallId: id,
      toolName,
      input: rawInput ?? JSON.stringify(input ?? {}),
      ...more,
      ...metadata(providerMetadata),
    },
  ];
}
