import { PrusikError, systemClock, type Clock } from '@prusik/core';
import type { ScriptedPart, ScriptedReply, ScriptedRequest } from './script-types.ts';
import {
  chunksOf,
  contentOf,
  endOf,
  type ScriptedChunk,
  type ScriptedContent,
  type ScriptedEnd,
} from './scripted-stream.ts';

export interface ScriptedModelOptions {
  /** Where stalls are waited for. @default systemClock */
  readonly clock?: Clock;
  /** @default 'scripted' */
  readonly provider?: string;
  /** @default 'scripted' */
  readonly modelId?: string;
}

/** A `LanguageModelV4` of the AI SDK by structure, that plays a script. */
export interface ScriptedModel {
  readonly specificationVersion: 'v4';
  readonly provider: string;
  readonly modelId: string;
  readonly supportedUrls: Record<string, RegExp[]>;
  /** Every call so far, the ones past the script's end included. */
  readonly requests: readonly ScriptedRequest[];
  /** @throws {PrusikError} `SCRIPT_LEFT_OVER` or `SCRIPT_EXHAUSTED`, unless exactly the whole script was played. */
  assertFinished(): void;
  doStream(request: ScriptedRequest): Promise<{ stream: ReadableStream<ScriptedChunk> }>;
  doGenerate(request: ScriptedRequest): Promise<{ content: ScriptedContent[]; warnings: [] } & ScriptedEnd>;
}

/**
 * A model that gives the replies of `script`, one per call, and fails clearly when it is asked for one more.
 * A function as a reply sees what was asked.
 */
export function scriptedModel(
  script: readonly (ScriptedReply | ((request: ScriptedRequest) => ScriptedReply))[],
  { clock = systemClock, provider = 'scripted', modelId = 'scripted' }: ScriptedModelOptions = {},
): ScriptedModel {
  const requests: ScriptedRequest[] = [];
  let callsMade = 0;

  function nextReply(request: ScriptedRequest): readonly ScriptedPart[] {
    requests.push(request);
    const reply = script[requests.length - 1];
    if (reply === undefined) throw exhausted();
    const parts = typeof reply === 'function' ? reply(request) : reply;
    return (isList(parts) ? parts : [parts]).map((part) => {
      if (typeof part === 'object' && 'reject' in part) throw part.reject;
      return typeof part === 'object' && 'call' in part ? { callId: `call_${(callsMade += 1)}`, ...part } : part;
    });
  }

  function exhausted(): PrusikError {
    const message = `The script has ${script.length} replies and was asked for number ${requests.length}`;
    return new PrusikError('SCRIPT_EXHAUSTED', message);
  }

  return {
    specificationVersion: 'v4',
    provider,
    modelId,
    supportedUrls: {},
    requests,
    assertFinished() {
      if (requests.length > script.length) throw exhausted();
      if (requests.length < script.length) {
        const message = `The script has ${script.length} replies; ${requests.length} were asked for`;
        throw new PrusikError('SCRIPT_LEFT_OVER', message);
      }
    },
    async doStream(request) {
      const parts = nextReply(request);
      const stream = new ReadableStream<ScriptedChunk>({
        start(controller) {
          void play(chunksOf(parts), controller, request.abortSignal);
        },
      });
      return { stream };
    },
    async doGenerate(request) {
      const parts = nextReply(request);
      for (const part of parts) {
        if (typeof part === 'string') continue;
        if ('stallMs' in part) await stall(part.stallMs, request.abortSignal);
        if ('error' in part) throw part.error;
      }
      const end = endOf(parts);
      if (end === undefined) throw new TypeError('A whole reply cannot break off; only a stream can');
      return { content: contentOf(parts), warnings: [], ...end };
    },
  };

  async function play(
    chunks: ReturnType<typeof chunksOf>,
    controller: ReadableStreamDefaultController<ScriptedChunk>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    try {
      for (const chunk of chunks) {
        if ('stallMs' in chunk) await stall(chunk.stallMs, signal);
        else controller.enqueue(chunk);
      }
      controller.close();
    } catch (error) {
      controller.error(error);
    }
  }

  function stall(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const over = new AbortController();
      const timer = clock.after(ms, () => {
        over.abort();
        resolve();
      });
      const stop = (): void => {
        timer[Symbol.dispose]();
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', stop, { once: true, signal: over.signal });
    });
  }
}

// Array.isArray does not narrow a readonly array away.
const isList = (reply: ScriptedReply): reply is readonly ScriptedPart[] => Array.isArray(reply);
