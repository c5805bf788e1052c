import type { PartialReason } from './partial.ts';
import type { SerializedError } from './serialize-error.ts';
import type { RunKey } from './ids.ts';
import type { Imported } from './import-mark.ts';
import type { Json } from './json.ts';
import type { RunRights } from './rights.ts';
import type { TurnOptions } from './turn.ts';

/**
 * Live: `queued` (may be claimed, or stands behind another run of its session), `running` (held by a worker),
 * `waiting` (parked), `blocked` (cannot go on without a person). The other three are final.
 */
export type RunStatus = 'queued' | 'running' | 'waiting' | 'blocked' | FinalStatus;
/** How a run ends, once. */
export type FinalStatus = 'completed' | 'failed' | 'cancelled';

/** What a definition is: to people, to traces, and to the checks of an assembly. The engine drives all alike. */
export type RunKind = 'workflow' | 'agent' | 'function';

/** How a run can end. */
export const FINAL_STATUSES: readonly RunStatus[] = ['completed', 'failed', 'cancelled'];

/** Whether a run of this status has ended. */
export function isFinal(status: RunStatus): status is FinalStatus {
  return FINAL_STATUSES.includes(status);
}

/** One invocation of a definition without what it was given and what it made, which may be a megabyte each: what lists show. */
export interface RunSummary {
  readonly key: RunKey;
  readonly kind: RunKind;
  readonly definition: string;
  readonly version: string;
  readonly status: RunStatus;
  readonly inputHash: string;
  readonly session?: string;
  /** Run id at the top of the tree; the run's own where it has no parent. */
  readonly root: string;
  readonly parent?: ParentLink;
  /** 0 at the root. */
  readonly depth: number;
  readonly priority: number;
  /** `false`: nobody answers its requests, so it must not wait for them. */
  readonly attended: boolean;
  /** What it may do; the deadline is the one that it was started with, by the store's clock. */
  readonly rights?: RunRights;
  /** Of a child: id of the workspace that it was given. */
  readonly workspace?: string;
  /** The time of entry 1. */
  readonly createdAt: number;
  readonly endedAt?: number;
  /** Rises with every claim; fences every write of the run. */
  readonly epoch: number;
  /** Last entry of the journal. */
  readonly seq: number;
  /** Last signal in the inbox. */
  readonly inbox: number;
  /** Somebody asked to cancel it. */
  readonly cancelRequested: boolean;
  readonly wakeAt: number | null;
  /** The output is not whole. */
  readonly partial?: PartialReason;
  /** Its code alone: a message may hold content. */
  readonly error?: Pick<SerializedError, 'code'>;
  /** Id of the run that took its messages over, and whose answer is its answer. */
  readonly absorbedBy?: string;
  readonly blocked?: { readonly code: string; readonly request: string };
  /** It keeps what it was and how it ended, and has nothing any more of what it went on by. */
  readonly compactedAt?: number;
  /** It is the record of a run of another store. */
  readonly imported?: Imported;
}

/** One invocation of a definition, whole. */
export interface Run extends RunSummary {
  readonly input: Json;
  /** Stored with the run and given to tools, policies and workflows: user, tenant, ids. */
  readonly context: Json;
  /** How its turn is to end. */
  readonly turn?: TurnOptions;
  readonly output?: Json;
  readonly error?: SerializedError;
}

/** The run that called this one. */
export interface ParentLink {
  readonly run: string;
  /** Key of the parent's step that started this run. */
  readonly key: string;
  /** Of a larger output the parent is told the size alone ({@link ChildEnd.tooLarge}): bytes of its JSON text. @default any output is told */
  readonly maxResultBytes?: number;
}

/** Which way a list goes. */
export type ListOrder = 'newest' | 'oldest';

/** Names that one condition of a list may have, at most. */
export const LIST_NAMES_LIMIT = 100;

/** Runs of one tenant; each condition narrows it. `after` is a page's `next`, and belongs to the same query. */
export interface RunQuery {
  readonly tenant: string;
  readonly status?: readonly RunStatus[];
  readonly kind?: readonly RunKind[];
  /** At most {@link LIST_NAMES_LIMIT}. */
  readonly definition?: readonly string[];
  /** Runs that were started in it, but not their children. */
  readonly session?: string;
  readonly root?: string;
  readonly parent?: string;
  /** Only runs without a parent. */
  readonly roots?: boolean;
  /** Only runs that are blocked for this reason: a code. */
  readonly blocked?: string;
  /**
   * What `since`, `before` and the order go by: when runs were created, or when they ended, which those that have not ended are no part of.
   * @default 'created'
   */
  readonly time?: 'created' | 'ended';
  /** At that time or later, by the store's clock. */
  readonly since?: number;
  /** Earlier than that time. */
  readonly before?: number;
  /** @default 'newest' */
  readonly order?: ListOrder;
  readonly after?: string;
  readonly limit: number;
}
