import type { Entry } from './entry.ts';
import type { Grant } from './grant.ts';
import type { SessionKey } from './ids.ts';
import type { Imported } from './import-mark.ts';
import type { Ledger } from './ledger.ts';
import type { StoredMessage } from './message.ts';
import type { NewNote } from './note.ts';
import type { Request } from './request.ts';
import type { Run } from './run.ts';
import type { Session, SessionFork, ThreadCut } from './session.ts';
import type { Signal } from './signal.ts';
import type { StoredSlot } from './slot.ts';

/** A request of a recorded run; whose it is follows from the run. */
export type RequestRecord = Omit<Request, 'run' | 'root' | 'parent' | 'session' | 'definition'>;

/** A note as a record has it. */
export interface NoteRecord extends NewNote {
  readonly at: number;
}

/** A grant of a recorded run or session. */
export interface GrantRecord extends Pick<Grant, 'tool' | 'toolHash' | 'part' | 'exact' | 'expiresAt' | 'revoked'> {
  readonly given: { readonly run: string; readonly request: string; readonly at: number; readonly by?: string };
}

/** What runs and sessions have alike: things that hang on an owner. */
export interface OwnedRecords {
  /** Of a run in a session its messages and slots are the session's. Numbered without a gap, from any number on. */
  readonly messages: readonly StoredMessage[];
  readonly slots: readonly StoredSlot[];
  /** Those of this run, or of this session, oldest first. */
  readonly grants: readonly GrantRecord[];
  /** Hashes of the blobs that it uses; they are put before. */
  readonly blobs: readonly string[];
}

/** An ended run with all that a store has of it, as it is imported. */
export interface RunImport extends OwnedRecords {
  /** As the store showed it that it comes from, in the tenant that it goes to. */
  readonly run: Omit<Run, 'imported' | 'compactedAt'>;
  readonly entries: readonly Entry[];
  readonly signals: readonly Signal[];
  readonly requests: readonly RequestRecord[];
  readonly ledger?: Ledger;
  /** Of the run, oldest first; where it has a session they are that one's. */
  readonly notes: readonly NoteRecord[];
  readonly imported: Omit<Imported, 'at'>;
  /** No time of what is imported together is later. */
  readonly latest: number;
}

/** A closed session with its conversation, as it is imported; its runs come after it, each by itself. */
export interface SessionImport extends OwnedRecords {
  readonly session: {
    readonly key: SessionKey;
    readonly createdAt: number;
    readonly cuts: readonly ThreadCut[];
    readonly forkedFrom?: SessionFork;
    /** Messages up to this number were replaced and are gone. */
    readonly floor: number;
  };
  /** Of runs that are not there any more, oldest first. */
  readonly notes: readonly (NoteRecord & { readonly run: string; readonly definition: string })[];
  readonly imported: Omit<Imported, 'at' | 'session'>;
  readonly latest: number;
}

/** `existing`: it is there already, as it is here. `refused`: nothing was written. */
export type ImportRunResult =
  | { readonly outcome: 'imported' | 'existing'; readonly run: Run }
  /** There is another run of this id. */
  | { readonly outcome: 'refused'; readonly code: 'RUN_EXISTS'; readonly run: Run }
  | { readonly outcome: 'refused'; readonly code: 'BLOB_UNKNOWN'; readonly blob: string };

/** The same of a session. */
export type ImportSessionResult =
  | { readonly outcome: 'imported' | 'existing'; readonly session: Session }
  /** There is another session of this id. */
  | { readonly outcome: 'refused'; readonly code: 'SESSION_EXISTS'; readonly session: Session }
  | { readonly outcome: 'refused'; readonly code: 'BLOB_UNKNOWN'; readonly blob: string };
