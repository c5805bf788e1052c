import type {
  Clock,
  DriveOver,
  DurableDefinition,
  Observer,
  RunInfo,
  RunKey,
  Store,
  WorkspaceForks,
} from '@prusik/core';
import type { EngineLimits, EngineWarning } from './engine-types.ts';
import type { LiveBoard } from './live-board.ts';
import type { Room } from './room.ts';

/** What every drive of one engine shares. */
export interface DriveEnv {
  readonly store: Store;
  readonly clock: Clock;
  readonly limits: EngineLimits;
  readonly worker: string;
  readonly definitions: ReadonlyMap<string, DurableDefinition<never, unknown, unknown>>;
  readonly deps: (run: RunInfo) => unknown;
  readonly forks: WorkspaceForks | undefined;
  readonly speaker: LiveBoard['speaker'];
  readonly room: Room;
  /** Calls in the async context that the engine was created in. */
  readonly apart: <T>(call: () => T) => T;
  /** Awaited between two pieces of work, so that the process's timers and sockets get their turn. */
  readonly breathe: () => Promise<void> | undefined;
  readonly warn: (warning: EngineWarning) => void;
  /** All observers as one, which never throws. */
  readonly observer: Observer | undefined;
  /** Whether a run is being driven, or about to be, by this engine. */
  readonly isDrivenHere: (run: RunKey) => boolean;
  /** Calls back when a drive of a child of this run is over here. */
  readonly watchChildren: (parent: RunKey, on: () => void) => Disposable;
}

/** A drive's place among the worker's slots: given back while the drive only waits, taken again before it acts. */
export interface SlotTicket {
  enter(): Promise<void>;
  leave(): void;
}

/** How a drive was over. */
export type DriveEnd = DriveOver;
