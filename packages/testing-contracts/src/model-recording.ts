import type { Json, JsonObject } from '@prusik/core';
import type { ModelChunk } from './model-chunk.ts';
import type { ScriptedPart } from './script-types.ts';
import { scriptedModel, type ScriptedModel, type ScriptedModelOptions } from './scripted-model.ts';

/** What a model said to each request, as JSON for a file. */
export interface ModelRecording {
  readonly v: 1;
  readonly provider: string;
  readonly modelId: string;
  readonly replies: readonly RecordedReply[];
}

export interface RecordedReply {
  /** For whoever wants to know whether the same is asked again. Playing does not look at it. */
  readonly request: RecordedRequest;
  readonly chunks: readonly JsonObject[];
  /** The call failed, before its first chunk or, with `broke`, after the last one that is here. */
  readonly failed?: RecordedError;
  readonly broke?: true;
}

/** What the model was asked: without headers, credentials and bytes, of which only the hash is kept. */
export interface RecordedRequest {
  readonly prompt: Json;
  readonly tools?: Json;
  readonly settings: JsonObject;
}

/** What retries and fallbacks look at of an error. */
export interface RecordedError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly statusCode?: number;
  readonly isRetryable?: boolean;
  readonly retryAfter?: string;
}

/**
 * A model that says again what was recorded, one reply a call, chunk by chunk.
 *
 * @throws {TypeError} for what is no recording of this version.
 */
export function replayModel(recording: ModelRecording, options: ScriptedModelOptions = {}): ScriptedModel {
  // From a file it may be anything.
  if (recording?.v !== 1 || !Array.isArray(recording.replies)) throw new TypeError('This is no recording of version 1');
  const { provider, modelId, replies } = recording;
  return scriptedModel(replies.map(partsOf), { provider, modelId, ...options });
}

function partsOf({ chunks, failed, broke }: RecordedReply): readonly ScriptedPart[] {
  const played: ScriptedPart[] = chunks.map(toChunk);
  if (failed !== undefined)
    return broke === true ? [...played, { drop: toError(failed) }] : [{ reject: toError(failed) }];
  // A stream that ended without an end ends so again.
  return chunks.some(({ type }) => type === 'finish') ? played : [...played, { finish: 'none' }];
}

/** JSON has no dates, no addresses and no errors. */
function toChunk(chunk: JsonObject): ModelChunk {
  const given = chunk as unknown as ModelChunk;
  if (given.type === 'error') return { type: 'error', error: toError(given.error as RecordedError) };
  if (given.type === 'response-metadata' && given.timestamp !== undefined)
    return { ...given, timestamp: new Date(given.timestamp) };
  if ((given.type === 'file' || given.type === 'reasoning-file') && given.data.type === 'url')
    return { ...given, data: { type: 'url', url: new URL(given.data.url) } };
  if (given.type !== 'finish') return given;
  const { inputTokens, outputTokens } = given.usage;
  return {
    ...given,
    finishReason: { ...given.finishReason, raw: given.finishReason.raw },
    usage: {
      ...given.usage,
      inputTokens: { ...inputTokens, total: inputTokens.total },
      outputTokens: { ...outputTokens, total: outputTokens.total },
    },
  };
}

function toError({ name, message, retryAfter, ...more }: RecordedError): Error {
  const headers = retryAfter === undefined ? {} : { responseHeaders: { 'retry-after': retryAfter } };
  return Object.assign(new Error(message), { name }, more, headers);
}
