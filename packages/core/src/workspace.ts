/**
 * Folders that outlive sessions and processes, named by the caller, and what they held at some time.
 *
 * A snapshot is a workspace's files, named by their content: the same files have the same id, in whichever workspace. It holds names, contents, permission bits and
 * links; no times, no owners, no set-uid bits, no second names of a file, and none of the devices, FIFOs and sockets that commands may have made. What costs is what changed since the
 * last snapshot or restore of the workspace, besides one look at each file.
 *
 * Whatever reads or changes a workspace as a whole waits a few seconds for what other processes of this machine do with it, and rejects with
 * `WORKSPACE_BUSY` (retryable) then. All of it stands whole or not at all, whatever is killed meanwhile.
 */
export interface Workspaces {
  /**
   * Creates a workspace, all of it or nothing of it. One that exists under this id is returned as it is: `from` is not looked at again.
   *
   * @throws {TypeError} for an id that is empty, longer than 200 characters, or holds `/`, `\`, `..` or a control character; for a path that is not absolute; for a limit that is no
   * positive whole number.
   * @throws {PrusikError} `WORKSPACE_TOO_LARGE` when the source passes `limits`.
   * @throws {PrusikError} `WORKSPACE_SOURCE_REFUSED` for a device, FIFO or socket in a folder, and for what git refuses.
   * @throws {PrusikError} `WORKSPACE_SOURCE_NOT_FOUND` when there is no such folder, repository or ref.
   * @throws {PrusikError} `WORKSPACE_SOURCE_UNSTABLE` (retryable) when files kept vanishing while they were copied.
   * @throws {PrusikError} `WORKSPACE_NOT_FOUND`, `SNAPSHOT_NOT_FOUND`, `SNAPSHOT_DAMAGED` for these sources.
   */
  create(options: CreateWorkspaceOptions): Promise<Workspace>;
  /** The workspace of this id, or undefined. */
  open(id: string): Promise<Workspace | undefined>;
  /**
   * Removes a workspace with all its files; an unknown one is no error. Its snapshots stay.
   *
   * @throws {PrusikError} `WORKSPACE_BUSY` (retryable) while a session is open on it, in any process of this machine.
   */
  remove(id: string): Promise<void>;
  /** All workspaces, ordered by id. */
  list(): Promise<readonly Workspace[]>;

  /**
   * Keeps what the workspace holds now; it is on the disk when this resolves. Commands may go on meanwhile: of a file that one is writing it holds what was read.
   *
   * @throws {PrusikError} `WORKSPACE_NOT_FOUND`, `WORKSPACE_BUSY`.
   * @throws {PrusikError} `WORKSPACE_TOO_LARGE` when it passes `limits`, or is deeper than 256 folders.
   * @throws {PrusikError} `WORKSPACE_SOURCE_UNSTABLE` (retryable) when files kept vanishing.
   */
  snapshot(id: string, options?: SnapshotOptions): Promise<WorkspaceSnapshot>;
  /**
   * Makes the workspace what the snapshot holds. A restore that is killed is finished before anything else is done with the workspace.
   *
   * @throws {PrusikError} `WORKSPACE_BUSY` (retryable) while a session is open on it, in any process of this machine.
   * @throws {PrusikError} `WORKSPACE_NOT_FOUND`; `SNAPSHOT_NOT_FOUND`, `SNAPSHOT_DAMAGED`, with which nothing was changed.
   */
  restore(id: string, snapshot: string, options?: { readonly signal?: AbortSignal }): Promise<void>;
  /**
   * What differs between two states. That of a workspace is taken as a snapshot takes it, and nothing is kept.
   *
   * @throws {PrusikError} as {@link Workspaces.snapshot} and {@link Workspaces.restore} do.
   */
  diff(from: WorkspaceState, to: WorkspaceState, options?: DiffOptions): Promise<WorkspaceDiff>;
  /**
   * Removes a snapshot; an unknown one is no error. Contents that no other one has go with the next sweep.
   *
   * @throws {PrusikError} `WORKSPACE_BUSY` (retryable) while a workspace has it under a name.
   */
  removeSnapshot(snapshot: string): Promise<void>;
  /**
   * Removes what is not to be kept, and what killed processes left half made. What is in use stays, and so does a snapshot that a workspace which
   * stays has under a name.
   */
  sweep(keep?: SweepOptions): Promise<Swept>;
}

/** What a caller's workspace is forked with. */
export type WorkspaceForks = Pick<Workspaces, 'create' | 'open' | 'snapshot' | 'restore' | 'diff'>;

/** A workspace that there is. */
export interface Workspace {
  readonly id: string;
  /** Time of creation, in milliseconds since the epoch. */
  readonly createdAt: number;
}

/** What a workspace is called, and what it begins with. */
export interface CreateWorkspaceOptions {
  readonly id: string;
  /** @default { empty: true } */
  readonly from?: WorkspaceSource;
  readonly limits?: Partial<WorkspaceLimits>;
  readonly signal?: AbortSignal;
}

/** What a workspace is made of. It is copied: the source stays as it is. */
export type WorkspaceSource =
  | { readonly empty: true }
  | {
      /** Absolute path of a folder of the host. Links in it are copied as links, never followed. */
      readonly folder: string;
      /** Called with each path relative to the folder, `/` between names; false leaves it out, and all below it. */
      readonly include?: (path: string) => boolean;
    }
  | {
      /**
       * The commit that `ref` names, checked out in a repository of its own that has no older commits and no remote. Neither hooks nor filters run, and
       * submodules are not fetched. Takes git on the host.
       */
      readonly gitRef: {
        /** Absolute path of a repository of the host, or of its working tree. */
        readonly repository: string;
        readonly ref: string;
      };
    }
  | WorkspaceState;

/** What a workspace holds now, or held. */
export type WorkspaceState = { readonly workspace: string } | { readonly snapshot: string };

/** Bounds of what a workspace is made of, and of what a snapshot takes. */
export interface WorkspaceLimits {
  /** The sum of all files' lengths. @default 2 GiB */
  readonly bytes: number;
  /** Files, folders and links. @default 100_000 */
  readonly files: number;
}

/** What a snapshot is called, and its bounds. */
export interface SnapshotOptions {
  /**
   * The first snapshot under this name stands: asked again it is the same one, whatever has changed. It is kept as long as the workspace is.
   * 1 to 64 letters, digits, `_` and `-`.
   */
  readonly name?: string;
  readonly limits?: Partial<WorkspaceLimits>;
  readonly signal?: AbortSignal;
}

/** A snapshot that was taken. */
export interface WorkspaceSnapshot {
  /** Its id, which follows from what it holds. */
  readonly snapshot: string;
  /** Files, folders and links. */
  readonly entries: number;
  /** The sum of all files' lengths. */
  readonly bytes: number;
}

/** How much of a difference is named. */
export interface DiffOptions {
  /** Paths in all, at most; `total` counts the others too. @default 1_000 */
  readonly limit?: number;
  readonly signal?: AbortSignal;
}

/**
 * Paths with `/` between names, ordered; of a name that is not UTF-8 with replacement characters. A folder is named where it was added, removed, or has other
 * permissions, not for what changed in it.
 */
export interface WorkspaceDiff {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  /** All that differ, whatever the limit. */
  readonly total: number;
}

/** What a sweep keeps. */
export interface SweepOptions {
  /** False removes it, unless a session is open on it. @default all are kept */
  readonly workspace?: (id: string) => boolean;
  /** False removes it. `createdAt`: when it was last taken, in milliseconds since the epoch. @default all are kept */
  readonly snapshot?: (snapshot: string, createdAt: number) => boolean;
}

/** What a sweep removed. */
export interface Swept {
  readonly workspaces: readonly string[];
  readonly snapshots: readonly string[];
}
