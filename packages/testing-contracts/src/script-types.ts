import type { Json } from '@prusik/core';

/** One thing that happens during a reply, in order. A string is a chunk of text. */
export type ScriptedPart =
  | string
  | { readonly reasoning: string }
  /** A tool call; `rawInput` in place of `input` for what is not JSON. @default callId `call_1`, `call_2`, … over the whole script */
  | { readonly call: string; readonly input?: Json; readonly rawInput?: string; readonly callId?: string }
  /** Nothing comes for this long, by the clock. */
  | { readonly stallMs: number }
  /** The provider reports an error in the middle of its stream. */
  | { readonly error: unknown }
  /** The call fails before anything came. */
  | { readonly reject: unknown }
  /** How it ends. @default `tool-calls` where there are calls, else `stop`; no usage, which is unknown and not zero */
  | { readonly finish: ScriptedFinish; readonly inputTokens?: number; readonly outputTokens?: number }
  /** Usage with the ordinary end. */
  | { readonly inputTokens: number; readonly outputTokens: number };

/** `none`: the stream breaks off without an end. */
export type ScriptedFinish = 'stop' | 'length' | 'content-filter' | 'tool-calls' | 'error' | 'other' | 'none';

export type ScriptedReply = ScriptedPart | readonly ScriptedPart[];

/** What the model was asked, in the shape of the AI SDK's call options. */
export interface ScriptedRequest {
  readonly prompt: readonly { readonly role: string; readonly content: unknown }[];
  readonly tools?: readonly { readonly name: string }[];
  readonly abortSignal?: AbortSignal;
}
