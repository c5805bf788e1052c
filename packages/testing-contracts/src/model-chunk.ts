import type { Json, JsonObject } from '@prusik/core';

/** What a provider attaches, by provider. */
export type ModelMetadata = Readonly<Record<string, JsonObject>>;

interface Attached {
  readonly providerMetadata?: ModelMetadata;
}

type InBlock = Attached & { readonly id: string };

/** Bytes, base64 or an address. */
export type ModelFileData =
  | { readonly type: 'data'; readonly data: string | Uint8Array }
  | { readonly type: 'url'; readonly url: URL };

/** A source that a model names, as a chunk of a `LanguageModelV4` stream. */
export type ModelSource = { readonly type: 'source'; readonly id: string } & Attached &
  (
    | { readonly sourceType: 'url'; readonly url: string; readonly title?: string }
    | {
        readonly sourceType: 'document';
        readonly mediaType: string;
        readonly title: string;
        readonly filename?: string;
      }
  );

/** Tokens, as a `LanguageModelV4` tells them. */
export interface ModelUsage {
  readonly inputTokens: {
    readonly total: number | undefined;
    readonly noCache: number | undefined;
    readonly cacheRead: number | undefined;
    readonly cacheWrite: number | undefined;
  };
  readonly outputTokens: {
    readonly total: number | undefined;
    readonly text: number | undefined;
    readonly reasoning: number | undefined;
  };
}

/** Why a reply ended: in the words of the AI SDK, and in those of the provider. */
export interface ModelFinishReason {
  readonly unified: 'stop' | 'length' | 'content-filter' | 'tool-calls' | 'error' | 'other';
  readonly raw: string | undefined;
}

/** A tool call of a model, as a chunk of a `LanguageModelV4` stream. */
export type ModelToolCall = Attached & {
  readonly type: 'tool-call';
  readonly toolCallId: string;
  readonly toolName: string;
  /** JSON text. */
  readonly input: string;
  readonly providerExecuted?: boolean;
  readonly dynamic?: boolean;
};

/** Of a tool that the provider executes. */
export type ModelToolResult = Attached & {
  readonly type: 'tool-result';
  readonly toolCallId: string;
  readonly toolName: string;
  readonly result: NonNullable<Json>;
  readonly isError?: boolean;
  readonly preliminary?: boolean;
  readonly dynamic?: boolean;
};

/** One chunk of the stream of a `LanguageModelV4` of the AI SDK, by structure: this package does not depend on it. */
export type ModelChunk =
  | { readonly type: 'stream-start'; readonly warnings: readonly JsonObject[] }
  | {
      readonly type: 'response-metadata';
      readonly id?: string;
      readonly modelId?: string;
      readonly timestamp?: Date;
    }
  | ({ readonly type: 'text-start' | 'reasoning-start' | 'reasoning-end' | 'tool-input-end' } & InBlock)
  | ({ readonly type: 'text-end'; readonly citations?: readonly ModelCitation[] } & InBlock)
  | ({ readonly type: 'text-delta' | 'reasoning-delta' | 'tool-input-delta'; readonly delta: string } & InBlock)
  | ({
      readonly type: 'tool-input-start';
      readonly toolName: string;
      readonly providerExecuted?: boolean;
      readonly dynamic?: boolean;
    } & InBlock)
  | ModelToolCall
  | ModelToolResult
  | ({ readonly type: 'tool-approval-request'; readonly approvalId: string; readonly toolCallId: string } & Attached)
  | ({ readonly type: 'custom'; readonly kind: `${string}.${string}` } & Attached)
  | ({ readonly type: 'file' | 'reasoning-file'; readonly mediaType: string; readonly data: ModelFileData } & Attached)
  | ModelSource
  | { readonly type: 'raw'; readonly rawValue: unknown }
  | { readonly type: 'ping' }
  | { readonly type: 'error'; readonly error: unknown }
  | ({ readonly type: 'finish'; readonly finishReason: ModelFinishReason; readonly usage: ModelUsage } & Attached);

/** A place of a reply that stands on a source. */
export interface ModelCitation {
  readonly source: ModelSource;
  readonly startIndex?: number;
  readonly endIndex?: number;
  readonly citedText?: string;
}

/** A part of a reply that comes as a whole. */
export type ModelContent =
  | ({
      readonly type: 'text';
      readonly text: string;
      readonly citations?: readonly ModelCitation[];
    } & Attached)
  | ({ readonly type: 'reasoning'; readonly text: string } & Attached)
  | Extract<
      ModelChunk,
      {
        readonly type:
          | 'tool-call'
          | 'tool-result'
          | 'tool-approval-request'
          | 'custom'
          | 'file'
          | 'reasoning-file'
          | 'source';
      }
    >;
