import type { ScriptedFinish, ScriptedPart } from './script-types.ts';

/** What a scripted stream carries; a part of what the AI SDK's streams may. */
export type ScriptedChunk =
  | { type: 'stream-start'; warnings: [] }
  | { type: 'text-start' | 'text-end' | 'reasoning-start' | 'reasoning-end'; id: string }
  | { type: 'text-delta' | 'reasoning-delta'; id: string; delta: string }
  | ScriptedToolCall
  | { type: 'error'; error: unknown }
  | ({ type: 'finish' } & ScriptedEnd);

export interface ScriptedToolCall {
  type: 'tool-call';
  toolCallId: string;
  toolName: string;
  input: string;
}

export interface ScriptedEnd {
  finishReason: { unified: Exclude<ScriptedFinish, 'none'>; raw: undefined };
  usage: {
    inputTokens: { total: number | undefined; noCache: undefined; cacheRead: undefined; cacheWrite: undefined };
    outputTokens: { total: number | undefined; text: undefined; reasoning: undefined };
  };
}

export type ScriptedContent = { type: 'text' | 'reasoning'; text: string } | ScriptedToolCall;

export interface Stall {
  readonly stallMs: number;
}

/** A reply as the stream of a provider: chunks that follow each other are one block. */
export function chunksOf(parts: readonly ScriptedPart[]): readonly (ScriptedChunk | Stall)[] {
  const chunks: (ScriptedChunk | Stall)[] = [{ type: 'stream-start', warnings: [] }];
  let block: { readonly of: 'text' | 'reasoning'; readonly id: string } | undefined;
  const close = (): void => {
    if (block !== undefined) chunks.push({ type: `${block.of}-end`, id: block.id });
    block = undefined;
  };
  for (const [index, part] of parts.entries()) {
    const delta = typeof part === 'string' ? part : 'reasoning' in part ? part.reasoning : undefined;
    if (delta !== undefined) {
      const of = typeof part === 'string' ? 'text' : 'reasoning';
      if (block?.of !== of) {
        close();
        block = { of, id: String(index) };
        chunks.push({ type: `${of}-start`, id: block.id });
      }
      chunks.push({ type: `${of}-delta`, id: block.id, delta });
    } else if (typeof part === 'object' && 'stallMs' in part) {
      chunks.push(part);
    } else if (typeof part === 'object' && 'error' in part) {
      chunks.push({ type: 'error', error: part.error });
    } else if (typeof part === 'object' && 'call' in part) {
      close();
      chunks.push(toolCallOf(part));
    }
  }
  const end = endOf(parts);
  if (end === undefined) return chunks;
  close();
  return [...chunks, { type: 'finish', ...end }];
}

/** A reply as a whole, without its stalls and errors. */
export function contentOf(parts: readonly ScriptedPart[]): ScriptedContent[] {
  const content: ScriptedContent[] = [];
  for (const part of parts) {
    const type = typeof part === 'string' ? 'text' : 'reasoning' in part ? 'reasoning' : undefined;
    if (type !== undefined) {
      const text = typeof part === 'string' ? part : 'reasoning' in part ? part.reasoning : '';
      const last = content.at(-1);
      if (last?.type === type) last.text += text;
      else content.push({ type, text });
    } else if (typeof part === 'object' && 'call' in part) {
      content.push(toolCallOf(part));
    }
  }
  return content;
}

/** How a reply ends; `undefined` where its stream breaks off. */
export function endOf(parts: readonly ScriptedPart[]): ScriptedEnd | undefined {
  let unified: ScriptedFinish = parts.some((part) => typeof part === 'object' && 'call' in part)
    ? 'tool-calls'
    : 'stop';
  let inputTokens: number | undefined;
  let outputTokens: number | undefined;
  for (const part of parts) {
    if (typeof part !== 'object') continue;
    if ('finish' in part) unified = part.finish;
    if ('inputTokens' in part) ({ inputTokens } = part);
    if ('outputTokens' in part) ({ outputTokens } = part);
  }
  if (unified === 'none') return undefined;
  return {
    finishReason: { unified, raw: undefined },
    usage: {
      inputTokens: { total: inputTokens, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
      outputTokens: { total: outputTokens, text: undefined, reasoning: undefined },
    },
  };
}

function toolCallOf({ call, callId = '', input, rawInput }: Extract<ScriptedPart, { call: string }>): ScriptedToolCall {
  return { type: 'tool-call', toolCallId: callId, toolName: call, input: rawInput ?? JSON.stringify(input ?? {}) };
}
