import type { RunKey } from './ids.ts';
import type { Json } from './json.ts';

/** Something about a conversation that outlasts its messages: a goal, a list of what is to do, a hand-over, a summary, or a kind of one's own. */
export interface NewNote {
  /** 1 to 64 characters, as of a definition's name. */
  readonly kind: string;
  /** The step that wrote it. */
  readonly key: string;
  readonly data: Json;
}

/** The kind of notes that are a run's artifacts: what it made, and so a part of its record. They are the run's own, also of one in a session, and only `StepScope.artifact` writes them. */
export const ARTIFACT_NOTE = 'artifact';

/** A note as the store keeps it. It never changes: a newer one of its kind stands before it. */
export interface Note extends NewNote {
  /** Unique within the store. */
  readonly id: string;
  /** The run that wrote it. */
  readonly run: RunKey;
  readonly session?: string;
  readonly definition: string;
  /** The store's clock. */
  readonly at: number;
}

/** Notes of one tenant; each condition narrows it. `after` is a page's `next`. */
export interface NoteQuery {
  readonly tenant: string;
  readonly session?: string;
  readonly run?: string;
  readonly definition?: string;
  readonly kind?: readonly string[];
  readonly after?: string;
  readonly limit: number;
}
