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
