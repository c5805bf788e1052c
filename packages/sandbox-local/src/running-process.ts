import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { PrusikError, type SandboxLevel, type SandboxLimits, type SandboxMount } from '@prusik/core';
import type { Directory } from './directory.ts';
import type { Environment } from './environment.ts';
import type { WorkspacePlace } from './workspace-place.ts';

/** Starts processes in one way of isolating them. */
export interface Launcher {
  readonly level: SandboxLevel;
  /** The workspace's path as commands see it. */
  directory(place: WorkspacePlace): string;
  /** The few variables that commands need. */
  environment(place: WorkspacePlace): Environment;
  /**
   * Resolves once the program is about to run and everything that ties its life to this process's is in force.
   *
   * @throws {PrusikError} `SANDBOX_START_FAILED`.
   */
  launch(request: LaunchRequest): Promise<RunningProcess>;
}

export interface LaunchRequest {
  readonly place: WorkspacePlace;
  /** The workspace's files, open. */
  readonly root: Directory;
  readonly file: string;
  readonly args: readonly string[];
  /** All variables; nothing is added. */
  readonly env: Environment;
  /** As commands see it, absolute. */
  readonly cwd: string;
  readonly limits: SandboxLimits;
  readonly mounts: readonly SandboxMount[];
  readonly network: 'none' | 'host';
  /** Descriptors of this process that a child would inherit; each is covered. */
  readonly inheritable: readonly number[];
}

/** A process tree and its streams. */
export interface RunningProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Pid on the host of the tree's top, when known; for watching what the tree uses. */
  readonly pid: number | undefined;
  /** Sends SIGTERM to every process of the tree that is there now. */
  terminate(): void;
  /** Asks for SIGKILL of the whole tree; {@link RunningProcess.ended} tells when it is done. Idempotent. */
  kill(): void;
  /** Resolves, never rejects, when no process of the tree is left. */
  readonly ended: Promise<ProcessEnd>;
}

export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Resolves at the child's exit; rejects with `SANDBOX_START_FAILED` when it could not be started at all. */
export function exitOf(child: ChildProcess): Promise<ProcessEnd> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(startFailed(error.message, error)));
    // Not 'close': that waits for whoever else holds the pipes, a background process for one, without a bound.
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
  });
}

export function startFailed(reason: string, cause?: unknown): PrusikError {
  return new PrusikError('SANDBOX_START_FAILED', `The sandbox could not start a command: ${reason}`, {
    retryable: true,
    ...(cause === undefined ? {} : { cause }),
  });
}
