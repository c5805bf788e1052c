import { randomUUID } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { posix } from 'node:path';
import type { ExecResult, Sandbox, SandboxSession, Workspaces } from '@prusik/core';

/** A way to be broken, and a test of the suite that has to notice. */
export interface SandboxFault {
  readonly name: string;
  /** The beginning of the title of that test, and of no other. */
  readonly caughtBy: string;
  readonly change: Fault;
}

/** A sandbox with one fault. */
type Fault = (sandbox: Sandbox) => Sandbox;

const inSession =
  (change: (session: SandboxSession) => Partial<SandboxSession>): Fault =>
  (sandbox) => ({
    ...sandbox,
    async open(options) {
      const session = await sandbox.open(options);
      return { ...session, ...change(session) };
    },
  });
const inResult = (change: (result: ExecResult) => Partial<ExecResult>): Fault =>
  inSession((session) => ({
    async exec(...command) {
      const result = await session.exec(...command);
      return { ...result, ...change(result) };
    },
  }));
const inWorkspaces =
  (change: (workspaces: Workspaces) => Partial<Workspaces>): Fault =>
  (sandbox) => ({ ...sandbox, workspaces: { ...sandbox.workspaces, ...change(sandbox.workspaces) } });
/** Reads and writes as a naive implementation does: by path, on the host. */
const hostPath = (session: SandboxSession, path: string): string => posix.resolve(session.directory, path);

const fault = (name: string, caughtBy: string, change: Fault): SandboxFault => ({ name, caughtBy, change });

export const SANDBOX_FAULTS: readonly SandboxFault[] = [
  fault(
    'arguments go through a shell',
    'SBX-1: exec() hands every',
    inSession((session) => ({
      exec: (file, args = [], options) => session.exec('/bin/sh', ['-c', [file, ...args].join(' ')], options),
    })),
  ),
  fault(
    'a shell goes to the working directory',
    'SBX-6: no shell reads',
    inSession((session) => ({
      exec: (file, args = [], { cwd, ...options } = {}) =>
        cwd === undefined
          ? session.exec(file, args, options)
          : session.exec('/bin/sh', ['-c', `cd ${cwd} && exec "$@"`, 'sh', file, ...args], options),
    })),
  ),
  fault(
    'a program that is missing is looked for by a shell',
    'SBX-1: exec() never takes',
    inSession((session) => ({
      exec: (file, args = [], options) => session.exec('/bin/sh', ['-c', '"$@"', 'sh', file, ...args], options),
    })),
  ),
  fault(
    'output is read as text',
    'SBX-1: exec() passes standard',
    inResult(({ stdout }) => ({
      stdout: Buffer.from(Buffer.from(stdout).toString('utf8')),
    })),
  ),
  fault(
    'both outputs are one',
    'SBX-1: exec() reports the exit',
    inResult(({ stdout, stderr }) => ({ stdout: Buffer.concat([stdout, stderr]) })),
  ),
  fault(
    '`cwd` is ignored',
    'SBX-1: exec() starts in',
    inSession((session) => ({
      exec: (file, args, { cwd: _ignored, ...options } = {}) => session.exec(file, args, options),
    })),
  ),
  fault(
    'the host’s environment is inherited',
    'SBX-6: the environment',
    inSession((session) => ({
      exec: (file, args, options) =>
        session.exec(file, args, { ...options, env: { PRUSIK_CONTRACT_SECRET: 'leaked', ...options?.env } }),
    })),
  ),
  fault(
    'what ran out of time is not said to have',
    'SBX-5: a command that ignores',
    inResult(() => ({ timedOut: false })),
  ),
  fault(
    'the end of a long output is thrown away',
    'SBX-5: of a long output',
    inResult(({ stdout }) => ({ stdout: stdout.subarray(0, 500) })),
  ),
  fault('output has no bound', 'SBX-5: an endless output', (sandbox) => ({
    ...sandbox,
    open: (options) => sandbox.open({ ...options, limits: { timeoutMs: 500 } }),
  })),
  fault(
    'processes left in the background are waited for',
    'SBX-5: exec() resolves at',
    inSession((session) => ({
      async exec(...command) {
        const result = await session.exec(...command);
        await new Promise((resolve) => setTimeout(resolve, 6_500));
        return result;
      },
    })),
  ),
  fault(
    'an abort comes as another error',
    'SBX-1: an aborted exec()',
    inSession((session) => ({
      exec: (...command) =>
        session.exec(...command).catch((error: unknown) => {
          throw new Error('aborted', { cause: error });
        }),
    })),
  ),
  fault(
    'NUL is taken out of arguments',
    'SBX-1: arguments that cannot',
    inSession((session) => ({
      exec: (file, args = [], options) =>
        session.exec(
          file,
          args.map((argument) => argument.replaceAll('\0', '')),
          options,
        ),
    })),
  ),
  fault(
    '`run()` tells another exit code',
    'SBX-1: run() runs',
    inSession((session) => ({
      run: async (options) => ({ ...(await session.run(options)), exitCode: 137 }),
    })),
  ),
  fault(
    'standard input is closed at once',
    'SBX-1: spawn() talks',
    inSession((session) => {
      async function spawn(options: Parameters<SandboxSession['spawn']>[0]) {
        const process = await session.spawn({ ...options, stdin: true });
        await process.stdin.close();
        return { ...process, stdin: new WritableStream<Uint8Array>() };
      }
      return { spawn };
    }),
  ),
  fault(
    'a process that was killed ends with 0',
    'SBX-1: a spawned process is killed',
    inSession((session) => ({
      spawn: (async (options) => ({
        ...(await session.spawn(options)),
        wait: async () => ({ exitCode: 0 }),
      })) as SandboxSession['spawn'],
    })),
  ),
  fault(
    'the signal of a spawned process is only looked at before it starts',
    'SBX-5: a spawned process ends with its signal',
    inSession((session) => ({
      spawn: (({ abortSignal, ...options }) => {
        abortSignal?.throwIfAborted();
        return session.spawn(options);
      }) as SandboxSession['spawn'],
    })),
  ),
  fault(
    'nobody is asked before it is killed',
    'SBX-5: kill() with a grace',
    inSession((session) => ({
      spawn: (async (options) => {
        const process = await session.spawn(options);
        return { ...process, kill: () => process.kill() };
      }) as SandboxSession['spawn'],
    })),
  ),
  fault(
    'a command that was cut off by the disposal has succeeded',
    'SBX-5: disposing a session',
    inSession((session) => ({
      exec: (...command) => session.exec(...command).catch(() => ({}) as ExecResult),
    })),
  ),
  fault('`require` is ignored', 'SBX-2: a session says', (sandbox) => ({
    ...sandbox,
    open: ({ require: _ignored, ...options }) => sandbox.open(options),
  })),
  fault('all sessions share a workspace', 'SBX-1: many sessions', (sandbox) => ({
    ...sandbox,
    async open(options) {
      await sandbox.workspaces.create({ id: 'one for all' });
      return sandbox.open({ ...options, workspace: 'one for all' });
    },
  })),
  fault(
    'files of the host do not come in',
    'SBX-1: what the host writes',
    inSession((session) => ({
      readTextFile: async () => null,
      writeTextFile: session.writeTextFile,
    })),
  ),
  fault(
    'a part of a file is all of it',
    'SBX-1: files are read',
    inSession((session) => ({ readTextFile: ({ path }) => session.readTextFile({ path }) })),
  ),
  fault(
    'everything in a folder is a file',
    'SBX-1: folders are listed',
    inSession((session) => ({
      listDirectory: async (of) =>
        (await session.listDirectory(of))?.map(({ name }) => ({ name, type: 'file' })) ?? null,
    })),
  ),
  fault(
    'a file is replaced by a new one without its permissions',
    'SBX-1: a written file keeps',
    inSession((session) => ({
      async writeTextFile(of) {
        await session.deleteFile(of);
        await session.writeTextFile(of);
      },
    })),
  ),
  fault(
    'files are read by path, through links',
    'SBX-4: links, special',
    inSession((session) => ({
      readBinaryFile: async ({ path }) => readFile(hostPath(session, path)).catch(() => null),
    })),
  ),
  fault(
    'paths lead out of the workspace',
    'SBX-4: paths that lead',
    inSession((session) => ({
      readTextFile: async ({ path }) => readFile(hostPath(session, path), 'utf8').catch(() => null),
    })),
  ),
  fault(
    '`.git` is written by another spelling',
    "SBX-4: the host's file API",
    inSession((session) => ({
      writeTextFile: ({ path, content }) =>
        session.writeTextFile({ path: path.replace(/^\.git\/hooks/, '.git/other'), content }),
    })),
  ),
  fault(
    'large files are empty',
    'SBX-5: files above',
    inSession((session) => ({
      readFile: async ({ path }) => ((await stat(hostPath(session, path))).isFile() ? new Blob([]).stream() : null),
    })),
  ),
  fault(
    'a workspace that exists is made anew',
    'SBX-7: a workspace is created',
    inWorkspaces((workspaces) => ({
      async create(options) {
        await workspaces.remove(options.id);
        return workspaces.create(options);
      },
    })),
  ),
  fault(
    'ids are made fit for paths',
    'SBX-7: ids that differ',
    inWorkspaces((workspaces) => ({
      create: (options) => workspaces.create({ ...options, id: options.id.replaceAll(/[^a-z]/gi, '-') }),
    })),
  ),
  fault(
    '`exclude` is ignored',
    'SBX-7: a folder is copied',
    inWorkspaces((workspaces) => ({
      create: ({ from, ...options }) =>
        workspaces.create({ ...options, ...(from && 'folder' in from ? { from: { folder: from.folder } } : {}) }),
    })),
  ),
  fault(
    'limits of a copy are ignored',
    'SBX-7: a folder that is too large',
    inWorkspaces((workspaces) => ({
      create: ({ limits: _ignored, ...options }) => workspaces.create(options),
    })),
  ),
  fault(
    'a sweep takes everything',
    'SBX-7: sweep()',
    inWorkspaces((workspaces) => ({ sweep: () => workspaces.sweep({ workspace: () => false }) })),
  ),
  fault(
    'a restore changes nothing',
    'SBX-7: restore() makes',
    inWorkspaces(() => ({ restore: async () => {} })),
  ),
  fault(
    'each snapshot has an id of its own',
    'SBX-7: the id of a snapshot',
    inWorkspaces((workspaces) => ({
      snapshot: async (...of) => ({ ...(await workspaces.snapshot(...of)), snapshot: randomUUID() }),
    })),
  ),
  fault(
    'a snapshot of a moment ago is taken for one of now',
    'SBX-7: a change that keeps length',
    inWorkspaces((workspaces) => {
      let last: ReturnType<Workspaces['snapshot']> | undefined;
      return { snapshot: (...of) => (last ??= workspaces.snapshot(...of)) };
    }),
  ),
  fault(
    'names of snapshots are ignored',
    'SBX-7: a snapshot under a name',
    inWorkspaces((workspaces) => ({
      snapshot: (id, { name: _ignored, ...options } = {}) => workspaces.snapshot(id, options),
    })),
  ),
  fault(
    'a fork begins with nothing',
    'SBX-7: a workspace is forked',
    inWorkspaces((workspaces) => ({ create: ({ from: _ignored, ...options }) => workspaces.create(options) })),
  ),
  fault(
    'a difference is told without a bound',
    'SBX-7: diff() tells',
    inWorkspaces((workspaces) => ({ diff: (from, to) => workspaces.diff(from, to) })),
  ),
  fault(
    'a workspace in use is left as it is, and nobody is told',
    'SBX-7: a workspace is not restored',
    inWorkspaces((workspaces) => ({ restore: (...of) => workspaces.restore(...of).catch(() => {}) })),
  ),
  fault(
    'limits of a snapshot are ignored',
    'SBX-7: what is too large',
    inWorkspaces((workspaces) => ({
      snapshot: (id, { limits: _ignored, ...options } = {}) => workspaces.snapshot(id, options),
    })),
  ),
  fault(
    'a removed snapshot stays',
    'SBX-7: removed snapshots',
    inWorkspaces(() => ({ removeSnapshot: async () => {} })),
  ),
  fault(
    'whatever ref is named, the branch is checked out',
    'SBX-7: a commit of a git',
    inWorkspaces((workspaces) => ({
      create: ({ from, ...options }) =>
        workspaces.create({
          ...options,
          ...(from && 'gitRef' in from ? { from: { gitRef: { ...from.gitRef, ref: 'HEAD' } } } : {}),
        }),
    })),
  ),
];
