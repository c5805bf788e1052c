import { once } from 'node:events';
import {
  PrusikError,
  type ExecOptions,
  type ExecResult,
  type SandboxLevel,
  type SandboxLimits,
  type SandboxMount,
  type SandboxSession,
} from '@prusik/core';
import { checkCommand, checkOverride, resolveDirectory } from './command.ts';
import { openDirectory } from './directory.ts';
import { buildEnvironment, type Environment } from './environment.ts';
import { collect } from './exec.ts';
import type { Identity } from './identity.ts';
import type { Launcher, RunningProcess } from './running-process.ts';
import { createSessionFiles } from './session-files.ts';
import { shellResult, spawnedProcess } from './shell-command.ts';
import { watchUsage } from './watch-usage.ts';
import type { WorkspacePlace } from './workspace-place.ts';

export interface SessionOptions {
  readonly launcher: Launcher;
  readonly place: WorkspacePlace;
  readonly limits: SandboxLimits;
  readonly mounts: readonly SandboxMount[];
  readonly network: 'none' | 'host';
  /** What it holds with that network. */
  readonly level: SandboxLevel;
  readonly inheritable: readonly number[];
  readonly env: Environment;
  readonly owner: Identity | undefined;
  /** Takes one of the sandbox's places for running commands, or throws `SANDBOX_BUSY`; the result gives it back. */
  readonly takeSlot: () => () => void;
  readonly onDispose: () => void;
}

/** A session on one workspace. It owns every process it starts. */
export async function createSession(options: SessionOptions): Promise<SandboxSession> {
  const { launcher, place, limits, mounts, network, level, owner } = options;
  const root = await openDirectory(place.files);
  const directory = launcher.directory(place);
  const running = new Set<RunningProcess>();
  /** Spawned ones whose output is not read to its end; that may be after the process ended. */
  const unread = new Set<RunningProcess>();
  /** Everything in flight, with what happens before and after a process runs. */
  const pending = new Set<Promise<unknown>>();
  let disposal: Promise<void> | undefined;

  const closed = (): PrusikError => new PrusikError('SANDBOX_CLOSED', 'The sandbox session is closed');
  const assertOpen = (): void => {
    if (disposal !== undefined) throw closed();
  };
  const tracked = async <T>(work: () => Promise<T>): Promise<T> => {
    assertOpen();
    const promise = work();
    pending.add(promise);
    try {
      return await promise;
    } finally {
      pending.delete(promise);
    }
  };

  const launch = async (
    file: string,
    args: readonly string[],
    env: Environment | undefined,
    cwd: string | undefined,
  ) => {
    checkCommand(file, args);
    const release = options.takeSlot();
    try {
      const started = await launcher.launch({
        place,
        root,
        file,
        args,
        env: buildEnvironment(launcher.environment(place), options.env, env),
        cwd: resolveDirectory(cwd, directory),
        limits,
        mounts,
        network,
        inheritable: options.inheritable,
      });
      running.add(started);
      const forget = (): void => {
        running.delete(started);
        release();
      };
      started.ended.then(forget, forget);
      // Disposed while it started: nobody else would end it.
      if (disposal !== undefined) started.kill();
      return started;
    } catch (error) {
      release();
      throw error;
    }
  };

  const execute = async (
    file: string,
    args: readonly string[],
    { signal, ...command }: ExecOptions,
  ): Promise<ExecResult> => {
    signal?.throwIfAborted();
    const timeoutMs = checkOverride('timeoutMs', command.timeoutMs, limits.timeoutMs);
    const maxOutputBytes = checkOverride('maxOutputBytes', command.maxOutputBytes, limits.maxOutputBytes);
    const result = await collect(await launch(file, args, command.env, command.cwd), {
      limits: { ...limits, maxOutputBytes },
      timeoutMs,
      watch: (process, onExceeded) => watchUsage(process, { limits, files: place.files }, onExceeded),
      ...(command.stdin === undefined ? {} : { stdin: command.stdin }),
      ...(signal === undefined ? {} : { signal }),
    });
    assertOpen();
    return result;
  };
  const exec: SandboxSession['exec'] = (file, args = [], command = {}) => tracked(() => execute(file, args, command));

  const spawn = async (request: Parameters<SandboxSession['spawn']>[0]) =>
    tracked(async () => {
      request.abortSignal?.throwIfAborted();
      const started = await launch('/bin/sh', ['-c', request.command], request.env, request.workingDirectory);
      unread.add(started);
      const forget = (): unknown => unread.delete(started);
      Promise.all([once(started.stdout, 'close'), once(started.stderr, 'close')]).then(forget, forget);
      return spawnedProcess(started, {
        stdin: request.stdin === true,
        ...(request.abortSignal ? { signal: request.abortSignal } : {}),
        watch: (onExceeded) => watchUsage(started, { limits, files: place.files }, onExceeded),
      });
    });

  const dispose = async (): Promise<void> => {
    for (const process of running) process.kill();
    await Promise.allSettled([...pending, ...[...running].map((process) => process.ended)]);
    for (const { stdin, stdout, stderr } of unread) for (const stream of [stdin, stdout, stderr]) stream.destroy();
    await root.close();
    options.onDispose();
  };
  const files = createSessionFiles({ root, staging: place.staging, directory, owner, fileBytes: limits.fileBytes });

  return {
    description: describe(directory, level),
    directory,
    limits,
    level: () => level,
    exec,
    run: ({ command, workingDirectory, env, abortSignal }) =>
      exec('/bin/sh', ['-c', command], {
        ...(workingDirectory === undefined ? {} : { cwd: workingDirectory }),
        ...(env === undefined ? {} : { env }),
        ...(abortSignal === undefined ? {} : { signal: abortSignal }),
      }).then((result) => shellResult(result, limits)),
    // Overloads of one implementation: `stdin` decides about the handle's shape, which TypeScript cannot follow.
    spawn: spawn as SandboxSession['spawn'],

    readFile: (of) => tracked(() => files.readFile(of)),
    readBinaryFile: (of) => tracked(() => files.readBinaryFile(of)),
    readTextFile: (of) => tracked(() => files.readTextFile(of)),
    writeFile: (of) => tracked(() => files.writeFile(of)),
    writeBinaryFile: (of) => tracked(() => files.writeBinaryFile(of)),
    writeTextFile: (of) => tracked(() => files.writeTextFile(of)),
    stat: (of) => tracked(() => files.stat(of)),
    listDirectory: (of) => tracked(() => files.listDirectory(of)),
    deleteFile: (of) => tracked(() => files.deleteFile(of)),

    [Symbol.asyncDispose]() {
      disposal ??= dispose();
      return disposal;
    },
  };
}

function describe(directory: string, level: SandboxLevel): string {
  const isolated = level.files !== 'none';
  return [
    `Commands start in ${directory}, the workspace; files there last, files elsewhere do not.`,
    level.network === 'enforced' ? 'There is no network.' : '',
    isolated
      ? 'Commands see programs of the machine read-only, and nothing else of it.'
      : 'Commands are not isolated from the machine.',
  ]
    .filter(Boolean)
    .join(' ');
}
