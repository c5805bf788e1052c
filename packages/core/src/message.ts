import type { Json, JsonObject } from './json.ts';

/**
 * One message of a conversation, in Prusik's own stored form. `id` is stable: branching, edits and UIs refer to it.
 * The role is what a provider is told; the kind is why the message is there, so that nobody guesses from its text.
 */
export interface Message {
  /** Version of this shape; stored data is migrated when it changes. */
  readonly v: 1;
  readonly id: string;
  readonly role: 'user' | 'assistant' | 'tool';
  readonly kind: MessageKind;
  readonly content: readonly MessagePart[];
  /** Of a message of role `user`: it stays in the model's view word for word when the conversation around it is summarised. */
  readonly pinned?: boolean;
  /** Of a summary: what it changes about the model's view. */
  readonly compaction?: Compaction;
}

/** Why a message is there. */
export type MessageKind = 'user' | 'assistant' | 'tool' | 'context' | 'summary' | 'continuation' | 'child-result';

/**
 * What a summary changes about the model's view from its place on; the record stays as it is. Messages are named by their ids, which
 * stay what they are when a conversation is copied or forked.
 */
export interface Compaction {
  /** The last message that is out of the view. An id that the thread does not have, or that is covered already, covers nothing. */
  readonly covers?: string;
  /** Covered messages that stay in the view word for word, behind the summary. */
  readonly keeps?: readonly string[];
  /** Tool results up to this message are shown with at most so many characters, unless an earlier compaction has decided about them. */
  readonly trims?: Trim;
}

/** How long tool results are shown at most, and up to which message. */
export interface Trim {
  readonly upTo: string;
  /** UTF-16 code units of each text; head and tail stay. */
  readonly chars: number;
}

/** What a provider attached to a part (signatures, cache marks): sent back to that provider only. */
export interface ProviderData {
  readonly provider: string;
  readonly data: JsonObject;
}

/** Text, as it was said. */
export interface TextPart {
  readonly type: 'text';
  readonly text: string;
  /** What it refers to, and where. Shown to people; no provider takes them back. */
  readonly citations?: readonly Citation[];
  readonly provider?: ProviderData;
}

/** What a model thought before it answered. */
export interface ReasoningPart {
  readonly type: 'reasoning';
  readonly text: string;
  readonly provider?: ProviderData;
}

/** Where the bytes of a file are. What a store keeps should be a blob: everything else is copied with the message. */
export type FileData =
  /** Hash of a blob of the same tenant. */
  | { readonly blob: string }
  /** For the provider to fetch: Prusik never does. */
  | { readonly url: string }
  | { readonly base64: string }
  /** A document that is text. */
  | { readonly text: string }
  /** Ids of a file that providers hold, by provider. */
  | { readonly reference: Readonly<Record<string, string>> };

/** A file, by blob, by address, by a provider's name for it, or in place. */
export interface FilePart {
  readonly type: 'file';
  /** IANA media type, such as `image/png`, or its first half. */
  readonly mediaType: string;
  readonly data: FileData;
  readonly name?: string;
  readonly provider?: ProviderData;
}

/** A file that a model made while it thought. */
export interface ReasoningFilePart {
  readonly type: 'reasoning-file';
  readonly mediaType: string;
  readonly data: FileData;
  readonly provider?: ProviderData;
}

/** Something that only its provider understands; what it is stands in `provider`. */
export interface CustomPart {
  readonly type: 'custom';
  /** Such as `openai.compaction`. */
  readonly kind: string;
  readonly provider?: ProviderData;
}

/** A model asks for a tool. */
export interface ToolCallPart {
  readonly type: 'tool-call';
  readonly callId: string;
  readonly tool: string;
  readonly input: Json;
  /** The provider ran the tool itself; its result is in the same message or a later one. */
  readonly providerExecuted?: boolean;
  readonly provider?: ProviderData;
}

/** What came of a call of a tool. */
export interface ToolResultPart {
  readonly type: 'tool-result';
  readonly callId: string;
  readonly tool: string;
  readonly output: ToolOutput;
  /** Name of the `ToolSource` whose tool it is: what it says was written by somebody for whom nobody here vouches. */
  readonly toolSource?: string;
  readonly provider?: ProviderData;
}

/** Another program, or a provider for a tool that it runs, asked whether a call may be executed. */
export interface ApprovalRequestPart {
  readonly type: 'approval-request';
  readonly approvalId: string;
  readonly callId: string;
  readonly reason?: string;
  /** Nobody was asked: a rule decided. */
  readonly automatic?: boolean;
  /** By which whoever asked knows its own request again. */
  readonly signature?: string;
  /** The input before its schema changed it. */
  readonly input?: Json;
}

/** What was answered. Stands in a message of role `tool`. */
export interface ApprovalResponsePart {
  readonly type: 'approval-response';
  readonly approvalId: string;
  readonly approved: boolean;
  readonly reason?: string;
  /** The provider waits for it. */
  readonly providerExecuted?: boolean;
}

/** A web page (it has a `url`) or a document that an answer draws on. */
export interface Source {
  readonly id: string;
  readonly url?: string;
  readonly title?: string;
  /** Of a document. */
  readonly mediaType?: string;
  /** File name of a document. */
  readonly name?: string;
  readonly provider?: ProviderData;
}

/** Something that an answer draws on. Shown to people; no provider takes it back. */
export interface SourcePart extends Source {
  readonly type: 'source';
}

/** A source for a stretch of text. */
export interface Citation {
  readonly source: Source;
  /** In characters of the text part. */
  readonly start?: number;
  /** The character after the last. */
  readonly end?: number;
  /** The passage of the source. */
  readonly quote?: string;
}

/** A part of a message, in its order. */
export type MessagePart =
  | TextPart
  | ReasoningPart
  | ReasoningFilePart
  | FilePart
  | CustomPart
  | ToolCallPart
  | ToolResultPart
  | ApprovalRequestPart
  | ApprovalResponsePart
  | SourcePart;

/** A part of a result that is more than text or JSON. */
export type ToolOutputPart = TextPart | FilePart | Omit<CustomPart, 'kind'>;

/** An output that was cut for the model, as the tool gave it: a blob of the run's tenant. */
export interface WholeOutput {
  readonly blob: string;
  readonly bytes: number;
  readonly mediaType: 'text/plain' | 'application/json';
}

/** How a tool call was closed. Every call is closed exactly once. */
export type ToolOutput =
  /** `whole` names what `text` is only a part of. */
  (
    | { readonly type: 'text'; readonly text: string; readonly whole?: WholeOutput }
    | { readonly type: 'json'; readonly value: Json }
    | { readonly type: 'content'; readonly parts: readonly ToolOutputPart[] }
    /** `value` is what a provider said of a tool that it ran itself, as it said it. */
    | { readonly type: 'error'; readonly code: string; readonly text: string; readonly value?: Json }
    | { readonly type: 'denied'; readonly reason?: string }
  ) & { readonly provider?: ProviderData };

/** The files of a message: its own and those of its tool results. */
export function filesOf({ content }: Pick<Message, 'content'>): readonly (FilePart | ReasoningFilePart)[] {
  return content.flatMap((part): readonly (FilePart | ReasoningFilePart)[] => {
    if (part.type === 'file' || part.type === 'reasoning-file') return [part];
    if (part.type !== 'tool-result' || part.output.type !== 'content') return [];
    return part.output.parts.filter(({ type }) => type === 'file') as readonly FilePart[];
  });
}

/** Hashes of the blobs of a message's files and of those of its tool results: what a model may be shown. */
export function fileBlobsOf(message: Pick<Message, 'content'>): readonly string[] {
  return filesOf(message).flatMap(({ data }) => ('blob' in data ? [data.blob] : []));
}

/** Hashes of all blobs that a message names, and so keeps: those of its files and of the tool outputs that it shows cut. */
export function blobsOf(message: Pick<Message, 'content'>): readonly string[] {
  const wholes = message.content.flatMap((part) =>
    part.type === 'tool-result' && part.output.type === 'text' && part.output.whole !== undefined
      ? [part.output.whole.blob]
      : [],
  );
  return [...fileBlobsOf(message), ...wholes];
}

/** Tokens of one model call. A missing number is unknown, which is not zero. */
export interface Usage {
  readonly inputTokens?: number;
  /** Of the input: what the provider had in its cache, and what it has put there. */
  readonly cachedInputTokens?: number;
  readonly cacheWriteInputTokens?: number;
  readonly outputTokens?: number;
  readonly reasoningTokens?: number;
  /** The call broke off before its provider told: what it said is measured by its length. */
  readonly estimated?: true;
}

/** Of several calls together. A number that is not known of one of them is not known of all. */
export function addUsage(a: Usage, b: Usage): Usage {
  const sum = (name: Exclude<keyof Usage, 'estimated'>): Usage => {
    const [one, other] = [a[name], b[name]];
    return one === undefined || other === undefined ? {} : { [name]: one + other };
  };
  return {
    ...sum('inputTokens'),
    ...sum('cachedInputTokens'),
    ...sum('cacheWriteInputTokens'),
    ...sum('outputTokens'),
    ...sum('reasoningTokens'),
    ...(a.estimated === true || b.estimated === true ? { estimated: true } : {}),
  };
}

/** Names one thread of messages: a session's conversation, or a run's own when it belongs to no session. */
export interface ThreadKey {
  readonly tenant: string;
  readonly of: 'session' | 'run';
  readonly id: string;
}

/** A message with its place in its thread. `n` starts at 1 and rises; it has gaps where messages are hidden. */
export interface StoredMessage {
  readonly n: number;
  readonly message: Message;
}
