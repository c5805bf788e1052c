export type { HistoryPage, HistoryQuery } from './history.ts';
export type { HistoryWindow, WindowLimits } from './history-window.ts';
export type { Session, SessionRunOptions, SessionStartOptions } from './session.ts';
export { createSessions, type OpenSessionOptions, type Sessions, type SessionsOptions } from './sessions.ts';
