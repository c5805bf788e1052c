import type {
  Entry,
  GrantRecord,
  Ledger,
  NoteRecord,
  RequestRecord,
  RunImport,
  SessionImport,
  Signal,
  StoredMessage,
  StoredSlot,
} from '@prusik/core';

/** Version of the form in which records are exported. */
export const BUNDLE_VERSION = 1;

/** Bytes of a blob that one line holds at most. */
export const PIECE_BYTES: number = 48 * 1_024;

/** How much of the content a bundle has. `content`: none of it. `secrets`: without what looks like credentials. */
export type Redaction = 'none' | 'secrets' | 'content';

/** The first line. */
export interface BundleHeader {
  readonly prusik: 'records';
  readonly v: number;
  readonly of: 'run' | 'session';
  /** Id of the root, or of the session. */
  readonly id: string;
  readonly tenant: string;
  /** Where it is not `none` no hash in it is that of the content. */
  readonly redacted: Redaction;
  /** Something of it had not ended: it is the beginning of what there will be, and is not imported. */
  readonly live: boolean;
  readonly blobs: boolean;
  readonly counts: { readonly runs: number; readonly entries: number };
}

/** A run without what follows from where it stands. `redacted`: it was imported so. `compactedAt`: there is nothing of it but this row and what was asked in it. */
export type RunRow = Omit<RunImport['run'], 'key'> & {
  readonly id: string;
  readonly redacted?: true;
  readonly compactedAt?: number;
};
/** A session in the same way. */
export type SessionRow = Omit<SessionImport['session'], 'key'> & {
  readonly id: string;
  readonly state: string;
  readonly redacted?: true;
};

/** Every line between the first and the last: one row, under the name of its kind. What follows a session or a run belongs to it. */
export interface BundleRows {
  readonly session: SessionRow;
  readonly run: RunRow;
  readonly entry: Entry;
  readonly signal: Signal;
  readonly message: StoredMessage;
  readonly request: RequestRecord;
  readonly grant: GrantRecord;
  readonly ledger: Ledger;
  readonly note: NoteRecord | SessionImport['notes'][number];
  readonly slot: StoredSlot;
  /** Hashes of the blobs that the run or session uses. */
  readonly uses: readonly string[];
  /** Its pieces follow. */
  readonly blob: { readonly hash: string; readonly size: number };
  /** Base64 of at most {@link PIECE_BYTES}. */
  readonly piece: string;
}

/** The names of all kinds of rows, in their order. */
export const ROW_KINDS: readonly (keyof BundleRows)[] = Object.keys({
  session: true,
  run: true,
  entry: true,
  signal: true,
  message: true,
  request: true,
  grant: true,
  ledger: true,
  note: true,
  slot: true,
  uses: true,
  blob: true,
  piece: true,
} satisfies Record<keyof BundleRows, true>) as (keyof BundleRows)[];

/** How many rows of each kind there are. */
export type BundleCounts = Readonly<Record<keyof BundleRows, number>>;

export const noRows = (): Record<keyof BundleRows, number> =>
  // Every kind is named above.
  Object.fromEntries(ROW_KINDS.map((kind) => [kind, 0])) as Record<keyof BundleRows, number>;

/** The last line. */
export interface BundleEnd {
  readonly end: {
    readonly counts: BundleCounts;
    /** Of all lines before it, each with its line break. */
    readonly sha256: string;
  };
}

/** What a run or a session is found again by: its rows as they stand in the bundle, without the bytes of its blobs. */
export const OWN_ROWS: ReadonlySet<keyof BundleRows> = new Set(
  ROW_KINDS.filter((kind) => kind !== 'blob' && kind !== 'piece'),
);
