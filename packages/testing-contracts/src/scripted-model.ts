import { PrusikError, systemClock, type Clock } from '@prusik/core';
import type { ModelChunk } from './model-chunk.ts';
import type { ScriptedPart, ScriptedReply, ScriptedRequest } from './script-types.ts';
import { chunksOf, isChunk, wholeReply, type Played, type WholeReply } from './scripted-stream.ts';

/** What {@link scriptedModel} takes besides its script. */
export interface ScriptedModelOptions {
  /** Where stalls are waited for. @default systemClock */
  readonly clock?: Clock;
  /** @default 'scripted' */
  readonly provider?: string;
  /** @default 'scripted' */
  readonly modelId?: string;
  /** Addresses that the model loads itself, by media type. @default none */
  readonly supportedUrls?: Record<string, RegExp[]>;
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
  /** Chunks of {@link ModelChunk}. */
  doStream(request: ScriptedRequest): Promise<{ stream: ReadableStream<never> }>;
  /** A {@link WholeReply}. */
  doGenerate(request: ScriptedRequest): Promise<{ [Member in keyof WholeReply]: never }>;
}

// `never`, since the AI SDK's types have mutable members for the same data, and this package does not depend on it.

/**
 * A model that gives the replies of `script`, one per call, and fails clearly when it is asked for one more.
 * A function as a reply sees what was asked. Another process, or a model made anew, begins with the first reply.
 *
 * @throws {TypeError} for a part that is none.
 */
export function scriptedModel(
  script: readonly (ScriptedReply | ((request: ScriptedRequest) => ScriptedReply))[],
  { clock = systemClock, provider = 'scripted', modelId = 'scripted', supportedUrls = {} }: ScriptedModelOptions = {},
): ScriptedModel {
  for (const reply of script) if (typeof reply !== 'function') chunksOf(partsOf(reply));
  const requests: ScriptedRequest[] = [];
  let callsMade = 0;

  function nextReply(request: ScriptedRequest): readonly Played[] {
    requests.push(request);
    const reply = script[requests.length - 1];
    if (reply === undefined) throw exhausted();
    request.abortSignal?.throwIfAborted();
    const parts = typeof reply === 'function' ? reply(request) : reply;
    const list = partsOf(parts).map((part) => {
      if (typeof part === 'object' && 'reject' in part) throw part.reject;
      return typeof part === 'object' && 'call' in part ? { callId: `call_${(callsMade += 1)}`, ...part } : part;
    });
    return chunksOf(list);
  }

  function exhausted(): PrusikError {
    const message = `The script has ${script.length} replies and was asked for number ${requests.length}`;
    return new PrusikError('SCRIPT_EXHAUSTED', message);
  }

  return {
    specificationVersion: 'v4',
    provider,
    modelId,
    supportedUrls,
    requests,
    assertFinished() {
      if (requests.length > script.length) throw exhausted();
      if (requests.length < script.length) {
        const message = `The script has ${script.length} replies; ${requests.length} were asked for`;
        throw new PrusikError('SCRIPT_LEFT_OVER', message);
      }
    },
    async doStream(request) {
      // Pulled, so that what came before a connection broke is read before the break.
      const stream = ReadableStream.from(play(nextReply(request), request.abortSignal));
      return { stream: stream as ReadableStream<never> };
    },
    async doGenerate(request) {
      const chunks: ModelChunk[] = [];
      for await (const chunk of play(nextReply(request), request.abortSignal)) chunks.push(chunk);
      return wholeReply(chunks) as { [Member in keyof WholeReply]: never };
    },
  };

  async function* play(played: readonly Played[], signal: AbortSignal | undefined): AsyncGenerator<ModelChunk> {
    for (const one of played) {
      if (isChunk(one)) yield one;
      else if ('drop' in one) throw one.drop;
      else await pause(one, signal);
    }
  }

  function pause(part: Exclude<Played, ModelChunk | { readonly drop: unknown }>, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const over = new AbortController();
      const go = (): void => {
        over.abort();
        resolve();
      };
      const timer = 'stallMs' in part ? clock.after(part.stallMs, go) : undefined;
      if ('until' in part) part.until.then(go, reject);
      const stop = (): void => {
        timer?.[Symbol.dispose]();
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', stop, { once: true, signal: over.signal });
    });
  }
}

const partsOf = (reply: ScriptedReply): readonly ScriptedPart[] => (isList(reply) ? reply : [reply]);

// Array.isArray does not narrow a readonly array away.
const isList = (reply: ScriptedReply): reply is readonly ScriptedPart[] => Array.isArray(reply);
