import type { ModelChunk } from './model-chunk.ts';
import type { WholeReply } from './scripted-stream.ts';
import type { ScriptedPart } from './script-types.ts';

/** A `LanguageModelV4` of the AI SDK, by structure. */
export interface ContractModel {
  readonly specificationVersion: string;
  readonly provider: string;
  readonly modelId: string;
  readonly supportedUrls: unknown;
  doStream(options: never): PromiseLike<{ readonly stream: ReadableStream<unknown> }>;
  doGenerate(options: never): PromiseLike<object>;
}

/** A model under test. */
export interface ModelUnderTest {
  readonly model: ContractModel;
  /** Ends what was started for it. */
  readonly remove?: () => void | PromiseLike<void>;
}

/** What a provider can say besides text and tool calls. */
export interface ModelAbilities {
  /** Inputs of calls while they are written. */
  readonly toolInputs: boolean;
  readonly reasoning: boolean;
  /** What it attaches comes through and is read back. */
  readonly metadata: boolean;
  /** Tokens read from a cache, and spent on reasoning. */
  readonly usageDetails: boolean;
  /** Ends of replies because of a content filter. */
  readonly contentFilter: boolean;
  /** Errors in the middle of a stream. */
  readonly streamErrors: boolean;
}

/** What came of a call. */
export interface Said {
  readonly chunks: readonly ModelChunk[];
  /** What the call rejected with, or the stream broke with. */
  readonly thrown?: unknown;
}

export interface AskedModel {
  readonly model: ContractModel;
  /** The chunks, one by one. Rejects where the call does. */
  stream(more?: object): Promise<ReadableStreamDefaultReader<ModelChunk>>;
  /** All chunks. */
  said(more?: object): Promise<Said>;
  /** The reply as a whole. */
  whole(more?: object): Promise<WholeReply>;
}

/** What a test of the model suite gets. */
export interface ModelTestBed {
  /** A model that answers its calls with these replies. */
  model(...replies: readonly (readonly ScriptedPart[])[]): Promise<AskedModel>;
}

/** A test of the suite; `needs` names the ability without which it is left out. */
export interface ModelTest {
  readonly title: string;
  readonly needs?: keyof ModelAbilities;
  readonly run: (bed: ModelTestBed) => Promise<void>;
}

/** The texts of a kind, whole. */
export const textOf = (chunks: readonly ModelChunk[], kind: 'text' | 'reasoning' | 'tool-input'): string =>
  chunks.map((chunk) => (chunk.type === `${kind}-delta` && 'delta' in chunk ? chunk.delta : '')).join('');

export function only<Type extends ModelChunk['type']>(
  chunks: readonly ModelChunk[],
  type: Type,
): readonly Extract<ModelChunk, { readonly type: Type }>[] {
  return chunks.filter((chunk): chunk is Extract<ModelChunk, { readonly type: Type }> => chunk.type === type);
}
