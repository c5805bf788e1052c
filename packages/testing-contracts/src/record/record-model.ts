import type { Json, JsonObject } from '@prusik/core';
import { modelRequest, type ModelMethod, type ModelRequestOptions } from './model-request.ts';
import { overriding } from './overriding.ts';
import type { FiledReply } from './recording-file.ts';
import type { RecordingLog } from './recording-log.ts';
import type { Scrub } from './scrub.ts';

/** What a recorder needs of a language model of the AI SDK. */
export interface RecordedModel {
  readonly provider: string;
  readonly modelId: string;
  doStream(options: never): PromiseLike<{ readonly stream: ReadableStream<unknown> }>;
  doGenerate(options: never): PromiseLike<object>;
}

interface Recording extends ModelRequestOptions {
  readonly log: RecordingLog;
}

/** The model, watched: it says what it says without the recorder, the same objects at the same time. */
export function recordedModel<Model extends RecordedModel>(name: string, model: Model, recording: Recording): Model {
  const { log, scrub } = recording;
  const begin = (method: ModelMethod, options: unknown) =>
    log.begin('model', name, () => modelRequest(model, method, options, recording));

  async function doStream(options: never): Promise<{ readonly stream: ReadableStream<unknown> }> {
    const end = begin('stream', options);
    try {
      const result = await model.doStream(options);
      return { ...result, stream: watched(result.stream, signalOf(options), scrub, end) };
    } catch (error) {
      end(() => failure(error, signalOf(options), scrub));
      throw error;
    }
  }

  async function doGenerate(options: never): Promise<object> {
    const end = begin('generate', options);
    try {
      const result = await model.doGenerate(options);
      const { request: _, response, ...said } = result as Readonly<Record<string, unknown>>;
      end(() => ({
        value: scrub.reply({ ...said, ...(response === undefined ? {} : { response: facts(response) }) }, 'reply'),
      }));
      return result;
    } catch (error) {
      end(() => failure(error, signalOf(options), scrub));
      throw error;
    }
  }

  return overriding(model, { doStream, doGenerate });
}

type End = ReturnType<RecordingLog['begin']>;

function watched(
  stream: ReadableStream<unknown>,
  signal: AbortSignal | undefined,
  scrub: Scrub,
  end: End,
): ReadableStream<unknown> {
  const reader = stream.getReader();
  const chunks: unknown[] = [];
  const told = (more: () => Partial<{ broke: Json; stopped: true }>): void =>
    end((): FiledReply => ({ chunks: scrub.chunks(chunks), ...more() }));
  return new ReadableStream<unknown>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (done) {
            told(() => ({}));
            controller.close();
            return;
          }
          const chunk = chunkOf(value);
          if (chunk !== undefined) chunks.push(chunk);
          controller.enqueue(value);
        } catch (error) {
          told(() => (signal?.aborted === true ? { stopped: true } : { broke: scrub.reply(error, 'error') }));
          throw error;
        }
      },
      cancel(reason) {
        told(() => ({ stopped: true }));
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

/** Raw events are the provider's own, credentials included; pings say nothing. */
function chunkOf(chunk: unknown): unknown {
  const { type } = (chunk ?? {}) as { readonly type?: unknown };
  if (type === 'raw' || type === 'ping') return undefined;
  return type === 'response-metadata' ? { type, ...facts(chunk) } : chunk;
}

/** Of a response, without its headers and its body. */
function facts(response: unknown): object {
  const { id, modelId, timestamp } = response as JsonObject;
  return { id, modelId, timestamp };
}

/** One that was told to stop fails with what it was told. */
export function failure(error: unknown, signal: AbortSignal | undefined, scrub: Scrub): FiledReply {
  return signal?.aborted === true ? { stopped: true } : { failed: scrub.reply(error, 'error') };
}

export const signalOf = (options: unknown): AbortSignal | undefined =>
  (options as { readonly abortSignal?: AbortSignal } | undefined)?.abortSignal;
