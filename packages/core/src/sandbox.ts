import type { AdapterInfo } from './adapter-info.ts';
import type { Workspaces } from './workspace.ts';

/**
 * A place where commands of a language model run and its files live, held apart from the rest of the machine.
 *
 * A sandbox says what it holds ({@link Sandbox.level}) instead of promising: what it could not prove by trying is
 * reported as `partial` or `none`, and a caller that needs more asks for it in {@link OpenSandboxOptions.require}.
 */
export interface Sandbox extends AsyncDisposable {
  readonly workspaces: Workspaces;
  /** For inspection. @default not told */
  readonly adapter?: AdapterInfo;

  /**
   * Opens a session on a workspace. Several sessions may share one; they see each other's files, not each other's
   * processes.
   *
   * @throws {PrusikError} `SANDBOX_UNAVAILABLE` when nothing isolates here; the message says why and how to fix it.
   * @throws {PrusikError} `SANDBOX_LEVEL_UNMET` when `require` asks for more than is held.
   * @throws {PrusikError} `SANDBOX_MOUNT_REFUSED` for mounts where files are not isolated, so that there is nowhere to mount them.
   * @throws {PrusikError} `SANDBOX_NETWORK_REFUSED` for the host's network where it would open more than the network.
   * @throws {PrusikError} `WORKSPACE_NOT_FOUND` for an unknown workspace.
   * @throws {PrusikError} `SANDBOX_BUSY` (retryable) at the bound of open sessions.
   * @throws {PrusikError} `SANDBOX_CLOSED` after disposal.
   */
  open(options: OpenSandboxOptions): Promise<SandboxSession>;

  /**
   * What is held, as tried on this machine.
   *
   * @throws {PrusikError} `SANDBOX_UNAVAILABLE` like {@link Sandbox.open}.
   */
  level(): Promise<SandboxLevel>;
}

/** `enforced`: tried and held. `partial`: held in part, or by watching. `none`: nothing holds. */
export type Enforcement = 'enforced' | 'partial' | 'none';

/** What a sandbox holds, by what is to be kept apart. */
export interface SandboxLevel {
  /** Only the workspace can be written, and no private file of the host read. */
  readonly files: Enforcement;
  /** Host processes are out of reach, and every process ends with its exec, session and harness. */
  readonly processes: Enforcement;
  /** No network: neither loopback, nor outside, nor unix sockets of the host. */
  readonly network: Enforcement;
  /** System calls that widen the kernel's attack surface are denied. */
  readonly syscalls: Enforcement;
  /** {@link SandboxLimits} hold for whole process trees. */
  readonly limits: Enforcement;
}

/** Bounds of every command of a session. */
export interface SandboxLimits {
  /** Deadline of one `exec` or `run`, in milliseconds. A `spawn` has none: it lives as long as its session. @default 10_000 */
  readonly timeoutMs: number;
  /** Kept bytes of stdout and of stderr, each: the first and the last half. @default 8 MiB */
  readonly maxOutputBytes: number;
  /** Bytes of both streams after which an `exec` or `run` is killed. @default 64 MiB */
  readonly hardOutputBytes: number;
  /** Processes and threads at once. @default 256 */
  readonly processes: number;
  /** Memory in bytes: of each process, and of the tree's sum. @default 2 GiB */
  readonly memoryBytes: number;
  /** Size of one written file in bytes. @default 512 MiB */
  readonly fileBytes: number;
  /** Bytes that the workspace may hold. @default 2 GiB */
  readonly diskBytes: number;
  /** Open files of each process. @default 1_024 */
  readonly openFiles: number;
}

/** A folder or file of the host that commands can read. */
export interface SandboxMount {
  /** Absolute path on the host. Trusted: a symbolic link in it is followed when the session opens. */
  readonly source: string;
  /** Absolute path inside the sandbox, in none of the sandbox's own folders, nor in the workspace. */
  readonly target: string;
}

/** Which workspace a session opens, and under what bounds. A wrong one is a `TypeError`. */
export interface OpenSandboxOptions {
  /** Id of an existing workspace. */
  readonly workspace: string;
  /** Ends the session, as `dispose` does, when it aborts. */
  readonly signal?: AbortSignal;
  /** Bounds that differ from the sandbox's defaults. */
  readonly limits?: Partial<SandboxLimits>;
  /** Extra folders, read-only. */
  readonly mounts?: readonly SandboxMount[];
  /**
   * `host`: commands use the network as the host does, its loopback and whatever it can reach, and `level().network` says `none`. For what has to: installing,
   * a server of tools that calls another. @default 'none': there is no network
   */
  readonly network?: 'none' | 'host';
  /** Variables of every command, on top of the sandbox's own few. Nothing is taken from the host's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** The least that has to be held. */
  readonly require?: Partial<SandboxLevel>;
}

/**
 * Commands and files in one workspace. Assignable to the AI SDK's `Experimental_SandboxSession`.
 *
 * Paths are relative to {@link SandboxSession.directory} or absolute below it. File operations run on the host
 * and never leave the workspace, whatever commands do to it meanwhile: links, special files and paths that lead out
 * are refused with `SANDBOX_PATH_REFUSED`. Every method rejects with `SANDBOX_CLOSED` after disposal.
 */
export interface SandboxSession extends AsyncDisposable, SandboxFiles {
  /** For the instructions of a model: where it is and what is held. */
  readonly description: string;
  /** The workspace's path as commands see it; they start there. */
  readonly directory: string;
  readonly limits: SandboxLimits;

  level(): SandboxLevel;

  /**
   * Runs a program with a list of arguments: no shell reads them. Resolves when no process of it is left, whatever its
   * exit code and also when a limit ended it (`exceeded` says which).
   *
   * @throws {PrusikError} `SANDBOX_START_FAILED` when the sandbox itself could not start.
   * @throws {PrusikError} `SANDBOX_ARGUMENTS_TOO_LARGE` over 128 KiB in one argument or 1 MiB in all.
   * @throws {PrusikError} `SANDBOX_BUSY` (retryable) at the bound of running commands.
   * @throws the reason of `signal`, unwrapped, when it aborts; no process is left then either.
   */
  exec(file: string, args?: readonly string[], options?: ExecOptions): Promise<ExecResult>;

  /** Runs a shell command like {@link SandboxSession.exec}, as text. One that a limit ended has `exitCode` 124 and says so in `stderr`. */
  run(options: RunCommandOptions): Promise<RunCommandResult>;

  /**
   * Starts a shell command that lives until it ends, is killed, its `abortSignal` fires, or the session is disposed. Given the signal of a step or a
   * run, it ends with that.
   */
  spawn(options: SpawnOptions & { readonly stdin: true }): Promise<WritableSandboxProcess>;
  spawn(options: SpawnOptions & { readonly stdin?: false }): Promise<SandboxProcess>;
  spawn(options: SpawnOptions): Promise<SandboxProcess | WritableSandboxProcess>;
}

/** How one program is run. */
export interface ExecOptions {
  /** Bytes for standard input; none means an empty one. */
  readonly stdin?: string | Uint8Array;
  /** Deadline in milliseconds. @default the session's limit */
  readonly timeoutMs?: number;
  /** Variables on top of the session's. */
  readonly env?: Readonly<Record<string, string>>;
  /** Working directory, relative to the workspace or absolute, as commands see it. @default the workspace */
  readonly cwd?: string;
  /** Kills the whole tree when it aborts; `exec` then rejects with its reason. */
  readonly signal?: AbortSignal;
  /** Kept bytes of each stream. @default the session's limit */
  readonly maxOutputBytes?: number;
}

/** The limit that ended a command. */
export type ExceededLimit = 'timeoutMs' | 'hardOutputBytes' | 'memoryBytes' | 'diskBytes';

/** How a program ended, and what it said. */
export interface ExecResult {
  /** Exit code; one that died of signal n inside the sandbox may show as 128 + n, as in a shell. `null` when killed. */
  readonly exitCode: number | null;
  /** The signal that killed it, or `null`. */
  readonly signal: string | null;
  /** What was kept. Of a longer stream: its head, a line that counts what is left out, its tail; cut on character borders. */
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  /** Bytes left out of the middle of `stdout`; 0 when it is whole. */
  readonly stdoutOmitted: number;
  readonly stderrOmitted: number;
  /** Whether `exceeded` is `timeoutMs`. */
  readonly timedOut: boolean;
  /** The limit that ended it, or `null`. */
  readonly exceeded: ExceededLimit | null;
}

/** A shell command, as the AI SDK describes it. */
export interface RunCommandOptions {
  /** For `/bin/sh`. */
  readonly command: string;
  /** As {@link ExecOptions.cwd}. */
  readonly workingDirectory?: string;
  /** Variables on top of the session's. */
  readonly env?: Record<string, string>;
  /** Kills the whole tree when it aborts; `run` and {@link SandboxProcess.wait} then reject with its reason. */
  readonly abortSignal?: AbortSignal;
}

/** A shell command that lives on; see {@link SandboxSession.spawn}. */
export interface SpawnOptions extends RunCommandOptions {
  /** Keeps standard input open and gives the handle a `stdin`. @default false */
  readonly stdin?: boolean;
}

/** How a shell command ended, as text. */
export interface RunCommandResult {
  /** 124 when a limit ended it. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly exceeded: ExceededLimit | null;
}

/** A shell command that runs. */
export interface SandboxProcess {
  /** Unread output makes the process wait; nothing is dropped. */
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;
  /** How it ended, once no process of it is left. Never rejects, whatever ended it. */
  readonly exit: Promise<SandboxProcessExit>;
  /** The exit code of {@link SandboxProcess.exit}. Rejects only with the reason of an aborted signal. */
  wait(): Promise<{ exitCode: number }>;
  /**
   * Kills the whole tree and resolves when it is gone. With a grace, all of it is asked to end (SIGTERM) and has so many milliseconds to do so.
   * Idempotent; one without a grace cuts short one that has.
   */
  kill(options?: KillOptions): Promise<void>;
}

/** How a process is ended. */
export interface KillOptions {
  /** Milliseconds between SIGTERM and SIGKILL; 0 means SIGKILL at once. @default 0 */
  readonly graceMs?: number;
}

/** How a spawned process ended. */
export interface SandboxProcessExit {
  /** 137 when it was killed; one that died of signal n inside the sandbox shows as 128 + n, as in a shell. */
  readonly exitCode: number;
  /** The limit that ended it, or `null`. */
  readonly exceeded: ExceededLimit | null;
}

/** A process whose standard input is open: it reads the end of it when `stdin` is closed. */
export interface WritableSandboxProcess extends SandboxProcess {
  readonly stdin: WritableStream<Uint8Array>;
}

interface SandboxPath {
  readonly path: string;
  readonly abortSignal?: AbortSignal;
}

/**
 * The workspace's files.
 *
 * Besides `SANDBOX_PATH_REFUSED`, reads reject with `SANDBOX_FILE_TOO_LARGE` above the session's `fileBytes`, writes too,
 * and listings with `SANDBOX_DIRECTORY_TOO_LARGE` above 100,000 entries.
 */
export interface SandboxFiles {
  /** A stream of the file; `null` when there is no such file, as of the two below. */
  readFile(options: SandboxPath): Promise<ReadableStream<Uint8Array> | null>;
  readBinaryFile(options: SandboxPath): Promise<Uint8Array | null>;
  /** Lines are counted from 1, both ends included. `encoding` is a label of the Encoding Standard. @default 'utf-8' */
  readTextFile(
    options: SandboxPath & { readonly encoding?: string; readonly startLine?: number; readonly endLine?: number },
  ): Promise<string | null>;
  /** Replaces the file in one step (a reader sees the old or the new content) and creates its folders. */
  writeFile(options: SandboxPath & { readonly content: ReadableStream<Uint8Array> }): Promise<void>;
  writeBinaryFile(options: SandboxPath & { readonly content: Uint8Array }): Promise<void>;
  /** `encoding` is one that Node's `Buffer` writes. @default 'utf-8' */
  writeTextFile(options: SandboxPath & { readonly content: string; readonly encoding?: string }): Promise<void>;
  /** `null` when there is nothing. Unlike in the AI SDK's description, a symbolic link is refused, not followed. */
  stat(options: SandboxPath): Promise<{ type: 'file' | 'directory' | 'other'; size: number } | null>;
  /** What is in a folder; `null` when there is none. */
  listDirectory(
    options: SandboxPath,
  ): Promise<{ name: string; type: 'file' | 'directory' | 'symlink' | 'other' }[] | null>;
  /** Deletes a file, or a link itself; false when there is none. Rejects for a folder. */
  deleteFile(options: SandboxPath): Promise<boolean>;
}
