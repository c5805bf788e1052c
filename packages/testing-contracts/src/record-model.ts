import { createHash } from 'node:crypto';
import { PrusikError, withoutSecrets, type Json, type JsonObject } from '@prusik/core';
import type { ModelChunk } from './model-chunk.ts';
import type { ModelRecording, RecordedError, RecordedReply, RecordedRequest } from './model-recording.ts';

/** What the recorder needs of a `LanguageModelV4` of the AI SDK. */
export interface RecordedModel {
  readonly provider: string;
  readonly modelId: string;
  doStream(options: never): PromiseLike<{ readonly stream: ReadableStream<unknown> }>;
}

export interface RecordOptions {
  /** Bytes of JSON that a recording may have. @default 16_777_216 */
  readonly maxBytes?: number;
  /** Takes out of a text what must not be written down, besides what looks like a credential. @default nothing */
  readonly redact?: (text: string) => string;
}

export interface ModelRecorder<Model extends RecordedModel> {
  /** The model, watched: it says what it says without the recorder, to the byte and at the same time. */
  readonly model: Model;
  /**
   * What was said so far, of every call that has ended, in the order of the calls.
   *
   * @throws {PrusikError} `RECORDING_TOO_LARGE` past `maxBytes`; the calls were not disturbed.
   */
  recording(): ModelRecording;
}

/**
 * Watches a real model and writes down what it streams, for {@link replayModel}. Headers are left out, bytes in prompts are told by their hash, and
 * texts are freed of what looks like a credential. That is a net and no promise: read a recording before it is shared.
 */
export function recordModel<Model extends RecordedModel>(
  model: Model,
  { maxBytes = 16_777_216, redact = (text) => text }: RecordOptions = {},
): ModelRecorder<Model> {
  const replies: (RecordedReply | undefined)[] = [];
  let size = 0;
  const clean = (value: unknown): Json => toPlain(value, (text) => redact(withoutSecrets(text)));

  /** Past the limit nothing more is kept: a recorder must not fill the memory of what it watches. */
  const room = (json: Json): boolean => {
    size += JSON.stringify(json).length;
    return size <= maxBytes;
  };

  async function doStream(options: never): Promise<{ readonly stream: ReadableStream<unknown> }> {
    const at = replies.push(undefined) - 1;
    const chunks: JsonObject[] = [];
    const request = requestOf(options, clean);
    const fits = room(request as unknown as JsonObject);
    const end = (more: Partial<RecordedReply>): void => {
      replies[at] = { request: fits ? request : { prompt: null, settings: {} }, chunks, ...more };
    };
    try {
      const result = await model.doStream(options);
      return { ...result, stream: watched(result.stream, chunks, end) };
    } catch (error) {
      end({ failed: errorOf(error, clean) });
      throw error;
    }
  }

  function watched(
    stream: ReadableStream<unknown>,
    chunks: JsonObject[],
    end: (more: Partial<RecordedReply>) => void,
  ): ReadableStream<unknown> {
    const reader = stream.getReader();
    return new ReadableStream<unknown>(
      {
        async pull(controller) {
          try {
            const { done, value } = await reader.read();
            if (done) {
              end({});
              controller.close();
              return;
            }
            const chunk = chunkOf(value as ModelChunk, clean);
            if (chunk !== undefined && room(chunk)) chunks.push(chunk);
            controller.enqueue(value);
          } catch (error) {
            end({ failed: errorOf(error, clean), broke: true });
            throw error;
          }
        },
        cancel(reason) {
          end({});
          return reader.cancel(reason);
        },
      },
      { highWaterMark: 0 },
    );
  }

  return {
    // Everything else of it is as it was: a model may look at its own fields, so they are not copied.
    model: new Proxy(model, {
      get: (target, property) => {
        if (property === 'doStream') return doStream;
        const value: unknown = Reflect.get(target, property, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    }),
    recording() {
      if (size > maxBytes)
        throw new PrusikError('RECORDING_TOO_LARGE', `What the model said has more than ${maxBytes} bytes as JSON`, {
          meta: { maxBytes },
        });
      const { provider, modelId } = model;
      return { v: 1, provider, modelId, replies: replies.filter((reply) => reply !== undefined) };
    },
  };
}

/** Raw events are the provider's own, credentials included; pings say nothing. */
function chunkOf(chunk: ModelChunk, clean: (value: unknown) => Json): JsonObject | undefined {
  if (chunk.type === 'raw' || chunk.type === 'ping') return undefined;
  if (chunk.type === 'error') return { type: 'error', error: errorOf(chunk.error, clean) as unknown as JsonObject };
  if ((chunk.type !== 'file' && chunk.type !== 'reasoning-file') || chunk.data.type !== 'data')
    return clean(chunk) as JsonObject;
  const { data, ...rest } = chunk;
  const base64 = typeof data.data === 'string' ? data.data : Buffer.from(data.data).toString('base64');
  return { ...(clean(rest) as JsonObject), data: { type: 'data', data: base64 } };
}

function requestOf(options: unknown, clean: (value: unknown) => Json): RecordedRequest {
  const {
    prompt,
    tools,
    abortSignal: _,
    headers: _h,
    includeRawChunks: _r,
    ...settings
  } = options as Record<string, unknown>;
  return {
    prompt: clean(prompt ?? null),
    ...(tools === undefined ? {} : { tools: clean(tools) }),
    settings: clean(settings) as JsonObject,
  };
}

function errorOf(error: unknown, clean: (value: unknown) => Json): RecordedError {
  const { name, message, code, statusCode, isRetryable, responseHeaders } = (error ?? {}) as Record<string, unknown>;
  const retryAfter = (responseHeaders as Readonly<Record<string, unknown>> | undefined)?.['retry-after'];
  return {
    name: typeof name === 'string' ? name : 'Error',
    message: String(clean(typeof message === 'string' ? message : String(error))),
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof statusCode === 'number' ? { statusCode } : {}),
    ...(typeof isRetryable === 'boolean' ? { isRetryable } : {}),
    ...(typeof retryAfter === 'string' ? { retryAfter } : {}),
  };
}

/** Levels of a value; what is deeper, or no data, is left out. */
const LEVELS = 100;

/** As JSON: dates and addresses as text, bytes as their hash, errors and functions left out. */
function toPlain(value: unknown, clean: (text: string) => string, level = 0): Json {
  if (typeof value === 'string') return clean(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'object' || value === null || level > LEVELS) return null;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof URL) return clean(value.href);
  if (value instanceof Uint8Array)
    return { bytes: value.byteLength, sha256: createHash('sha256').update(value).digest('hex') };
  if (Array.isArray(value)) return value.map((item) => toPlain(item, clean, level + 1));
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]) =>
      item === undefined || typeof item === 'function' ? [] : [[key, toPlain(item, clean, level + 1)]],
    ),
  );
}
