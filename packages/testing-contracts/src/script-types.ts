import type { Json } from '@prusik/core';
import type { ModelChunk, ModelFinishReason, ModelMetadata } from './model-chunk.ts';

/** One thing that happens during a reply, in order. A string is a piece of text. */
export type ScriptedPart =
  | string
  /** A piece of text, or of what the model thinks. What is attached comes with the end of its block, as signatures do. */
  | { readonly text: string; readonly providerMetadata?: ModelMetadata }
  | { readonly reasoning: string; readonly providerMetadata?: ModelMetadata }
  | ScriptedCall
  /** What came of a call that the provider executed. */
  | {
      readonly result: NonNullable<Json>;
      /** Id of the call. */
      readonly of: string;
      readonly tool: string;
      readonly isError?: boolean;
      readonly preliminary?: boolean;
      readonly providerMetadata?: ModelMetadata;
    }
  /** Nothing comes for this long, by the clock. */
  | { readonly stallMs: number }
  /** Nothing comes before this is fulfilled. */
  | { readonly until: PromiseLike<unknown> }
  /** The provider reports an error in the middle of its stream. */
  | { readonly error: unknown }
  /** The connection breaks in the middle of the stream. */
  | { readonly drop: unknown }
  /** The call fails before anything came. */
  | { readonly reject: unknown }
  /** How it ends. @default `tool-calls` where there are calls for us, else `stop`; no usage, which is unknown and not zero */
  | ({ readonly finish: ScriptedFinish } & Partial<ScriptedUsage>)
  /** Usage with the ordinary end. */
  | ScriptedUsage
  /** A chunk of a stream as it is: of a recording, or of what has no shorter word. Its own `stream-start` and `finish` stand for ours. */
  | ModelChunk;

/** A tool call. */
export interface ScriptedCall {
  readonly call: string;
  readonly input?: Json;
  /** In place of `input`, for what is not JSON. */
  readonly rawInput?: string;
  /** @default `call_1`, `call_2`, … over the whole script */
  readonly callId?: string;
  /** The input while it is written, in these pieces, before the call. @default none: only the call comes */
  readonly inputDeltas?: readonly string[];
  /** The provider runs it itself. */
  readonly providerExecuted?: boolean;
  readonly dynamic?: boolean;
  readonly providerMetadata?: ModelMetadata;
}

/** Tokens; what is left out is unknown. */
export interface ScriptedUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens?: number;
  readonly cacheWriteTokens?: number;
  readonly reasoningTokens?: number;
}

/** `none`: the stream breaks off without an end. */
export type ScriptedFinish = ModelFinishReason['unified'] | 'none';

/** One reply of a scripted model: a part, or several in order. */
export type ScriptedReply = ScriptedPart | readonly ScriptedPart[];

/** What the model was asked, in the shape of the AI SDK's call options. */
export interface ScriptedRequest {
  readonly prompt: readonly { readonly role: string; readonly content: unknown }[];
  readonly tools?: readonly { readonly name: string }[];
  readonly abortSignal?: AbortSignal;
}
