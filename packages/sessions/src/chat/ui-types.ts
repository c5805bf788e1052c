import type { Json } from '@prusik/core';

/**
 * One chunk of the AI SDK's UI message stream, as far as this package says it. The types are our own, so that no program has to install `ai` for
 * them; a type test holds them against the SDK's.
 */
export type UiMessageChunk =
  | { type: 'start'; messageId: string; messageMetadata?: Json }
  | { type: 'start-step' }
  | { type: 'finish-step' }
  /** What the client has of the current step is void. */
  | { type: 'reset-step' }
  | { type: 'text-start'; id: string }
  | { type: 'text-delta'; id: string; delta: string }
  | { type: 'text-end'; id: string }
  | { type: 'reasoning-start'; id: string }
  | { type: 'reasoning-delta'; id: string; delta: string }
  | { type: 'reasoning-end'; id: string }
  | { type: 'tool-input-start'; toolCallId: string; toolName: string }
  | { type: 'tool-input-delta'; toolCallId: string; inputTextDelta: string }
  | { type: 'tool-input-available'; toolCallId: string; toolName: string; input: Json; providerExecuted?: boolean }
  | { type: 'tool-approval-request'; toolCallId: string; approvalId: string; isAutomatic?: boolean }
  | { type: 'tool-approval-response'; approvalId: string; approved: boolean; reason?: string }
  | ({ type: 'tool-output-available'; toolCallId: string; output: Json } & UiToolOrigin)
  | ({ type: 'tool-output-error'; toolCallId: string; errorText: string } & UiToolOrigin)
  | { type: 'tool-output-denied'; toolCallId: string }
  | { type: 'file' | 'reasoning-file'; mediaType: string; url: string }
  | { type: 'custom'; kind: `${string}.${string}` }
  | { type: 'source-url'; sourceId: string; url: string; title?: string }
  | { type: 'source-document'; sourceId: string; mediaType: string; title: string; filename?: string }
  | { type: 'steering-message'; id: string; parts: (UiTextPart | UiFilePart)[] }
  | UiDataChunk
  | { type: 'abort'; reason?: string }
  | { type: 'error'; errorText: string }
  | { type: 'finish'; finishReason: UiFinishReason };

/** Who executed a call: the provider of the model, or a source of tools, by its name; else the agent itself. */
export interface UiToolOrigin {
  providerExecuted?: boolean;
  toolMetadata?: { source: string };
}

/**
 * Data of the application's own, a request that is no approval or result of a call (`data-request`), a file that has no address for a client (`data-file`),
 * or word that the answer is not whole (`data-partial`).
 */
export interface UiDataChunk {
  type: `data-${string}`;
  id?: string;
  data: Json;
  transient?: boolean;
}

/** `interrupted`: the turn was cancelled. `tool-calls`: it waits for somebody. */
export type UiFinishReason = 'stop' | 'tool-calls' | 'interrupted';

/** A message as the AI SDK's clients show it. One of the assistant is a whole turn: what a run said and did. */
export interface UiMessage {
  id: string;
  role: 'user' | 'assistant';
  metadata?: Json;
  parts: UiPart[];
}

/** A part of a message of the AI SDK's client. */
export type UiPart =
  | UiTextPart
  | { type: 'reasoning'; text: string; state?: 'streaming' | 'done' }
  | UiFilePart
  | { type: 'reasoning-file'; mediaType: string; url: string }
  | { type: 'custom'; kind: `${string}.${string}` }
  | { type: 'source-url'; sourceId: string; url: string; title?: string }
  | { type: 'source-document'; sourceId: string; mediaType: string; title: string; filename?: string }
  | { type: 'steering-message'; id: string; parts: (UiTextPart | UiFilePart)[] }
  | { type: 'step-start' }
  | { type: `data-${string}`; id?: string; data: Json }
  | UiToolPart;

/** Text of a message. */
export interface UiTextPart {
  type: 'text';
  text: string;
  state?: 'streaming' | 'done';
}

/** A file of a message. */
export interface UiFilePart {
  type: 'file';
  mediaType: string;
  url: string;
  filename?: string;
}

/** A file of a message that a page gets nowhere. */
export interface UiFileData {
  type: 'data-file';
  data: { mediaType: string; filename?: string };
}

/** A call of a tool. `type` names the tool. */
export type UiToolPart = { type: `tool-${string}`; toolCallId: string } & UiToolOrigin &
  (
    | { state: 'input-streaming'; input?: Json }
    | { state: 'input-available'; input: Json }
    | { state: 'approval-requested'; input: Json; approval: { id: string; isAutomatic?: boolean } }
    | { state: 'approval-responded'; input: Json; approval: UiApproval }
    | { state: 'output-available'; input: Json; output: Json; approval?: UiApproval & { approved: true } }
    | { state: 'output-error'; input: Json; errorText: string; approval?: UiApproval & { approved: true } }
    | { state: 'output-denied'; input: Json; approval: UiApproval & { approved: false } }
  );

/** What became of an approval. */
export interface UiApproval {
  id: string;
  approved: boolean;
  reason?: string;
  isAutomatic?: boolean;
}
