export type { CutOptions } from './branching.ts';
export type { CloseSessionOptions } from './close-session.ts';
export type { HistoryPage, HistoryQuery } from './history.ts';
export type { HistoryWindow, WindowLimits } from './history-window.ts';
export type { ReplaceHistoryOptions } from './replace-history.ts';
export type { EditOptions, RegenerateOptions, Session, SessionRunOptions, SessionStartOptions } from './session.ts';
export {
  createSessions,
  type DeleteSessionOptions,
  type ForkSessionOptions,
  type ListSessionsQuery,
  type OpenSessionOptions,
  type Sessions,
  type SessionsOptions,
} from './sessions.ts';
export type { ChatMessage } from './chat/chat-body.ts';
export type { ChatAccess, ChatHooks, ChatOptions, ChatTurn } from './chat/chat-options.ts';
export { readEventId, toNdjson, toSse, type EncodeOptions, type SseOptions } from './chat/encode-events.ts';
export { inlineFiles, type FileAddress } from './chat/file-address.ts';
export { handleChatTurn } from './chat/handle-chat-turn.ts';
export { persistTurns, type FinishedTurn, type PersistOptions } from './chat/persist-turns.ts';
export { toUiMessageStream, type UiMessageStreamOptions } from './chat/to-ui-message-stream.ts';
export { toUiMessages, type UiMessagesOptions } from './chat/to-ui-messages.ts';
export { foldUiChunks } from './chat/ui-fold.ts';
export type {
  UiApproval,
  UiDataChunk,
  UiFilePart,
  UiFinishReason,
  UiMessage,
  UiMessageChunk,
  UiPart,
  UiToolOrigin,
  UiTextPart,
  UiToolPart,
} from './chat/ui-types.ts';
