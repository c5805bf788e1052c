import { readFile, stat } from 'node:fs/promises';
import { posix } from 'node:path';
import type { ExecResult, Sandbox, SandboxSession, Workspaces } from '@prusik/core';
import { sandboxContract } from '@prusik/testing-contracts';
import { expect, it } from 'vitest';
import { temporarySandbox } from './temporary.ts';

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

/** By the beginning of the title of the test that must catch it. */
const FAULTS: Readonly<Record<string, Fault>> = {
  'SBX-1: exec() hands every': inSession((session) => ({
    exec: (file, args = [], options) => session.exec('/bin/sh', ['-c', [file, ...args].join(' ')], options),
  })),
  'SBX-1: exec() never takes': inSession((session) => ({
    exec: (file, args = [], options) => session.exec('/bin/sh', ['-c', '"$@"', 'sh', file, ...args], options),
  })),
  'SBX-1: exec() passes standard': inResult(({ stdout }) => ({
    stdout: Buffer.from(Buffer.from(stdout).toString('utf8')),
  })),
  'SBX-1: exec() reports the exit': inResult(({ stdout, stderr }) => ({ stdout: Buffer.concat([stdout, stderr]) })),
  'SBX-1: exec() starts in': inSession((session) => ({
    exec: (file, args, { cwd: _ignored, ...options } = {}) => session.exec(file, args, options),
  })),
  'SBX-6: the environment': inSession((session) => ({
    exec: (file, args, options) =>
      session.exec(file, args, { ...options, env: { PRUSIK_CONTRACT_SECRET: 'leaked', ...options?.env } }),
  })),
  'SBX-5: a command that ignores': inResult(() => ({ timedOut: false })),
  'SBX-5: of a long output': inResult(({ stdout }) => ({ stdout: stdout.subarray(0, 500) })),
  'SBX-5: an endless output': (sandbox) => ({
    ...sandbox,
    open: (options) => sandbox.open({ ...options, limits: { timeoutMs: 500 } }),
  }),
  'SBX-5: exec() resolves at': inSession((session) => ({
    async exec(...command) {
      const result = await session.exec(...command);
      await new Promise((resolve) => setTimeout(resolve, 6_500));
      return result;
    },
  })),
  'SBX-1: an aborted exec()': inSession((session) => ({
    exec: (...command) =>
      session.exec(...command).catch((error: unknown) => {
        throw new Error('aborted', { cause: error });
      }),
  })),
  'SBX-1: arguments that cannot': inSession((session) => ({
    exec: (file, args = [], options) =>
      session.exec(
        file,
        args.map((argument) => argument.replaceAll('\0', '')),
        options,
      ),
  })),
  'SBX-1: run() runs': inSession((session) => ({
    run: async (options) => ({ ...(await session.run(options)), exitCode: 137 }),
  })),
  'SBX-1: spawn() talks': inSession((session) => {
    async function spawn(options: Parameters<SandboxSession['spawn']>[0]) {
      const process = await session.spawn({ ...options, stdin: true });
      await process.stdin.close();
      return { ...process, stdin: new WritableStream<Uint8Array>() };
    }
    return { spawn };
  }),
  'SBX-1: a spawned process is killed': inSession((session) => ({
    spawn: (async (options) => ({
      ...(await session.spawn(options)),
      wait: async () => ({ exitCode: 0 }),
    })) as SandboxSession['spawn'],
  })),
  'SBX-5: disposing a session': inSession((session) => ({
    exec: (...command) => session.exec(...command).catch(() => ({}) as ExecResult),
  })),
  'SBX-2: a session says': (sandbox) => ({
    ...sandbox,
    open: ({ require: _ignored, ...options }) => sandbox.open(options),
  }),
  'SBX-1: many sessions': (sandbox) => ({
    ...sandbox,
    async open(options) {
      await sandbox.workspaces.create({ id: 'one for all' });
      return sandbox.open({ ...options, workspace: 'one for all' });
    },
  }),
  'SBX-1: what the host writes': inSession((session) => ({
    readTextFile: async () => null,
    writeTextFile: session.writeTextFile,
  })),
  'SBX-1: files are read': inSession((session) => ({ readTextFile: ({ path }) => session.readTextFile({ path }) })),
  'SBX-1: folders are listed': inSession((session) => ({
    listDirectory: async (of) => (await session.listDirectory(of))?.map(({ name }) => ({ name, type: 'file' })) ?? null,
  })),
  'SBX-1: a written file keeps': inSession((session) => ({
    async writeTextFile(of) {
      await session.deleteFile(of);
      await session.writeTextFile(of);
    },
  })),
  'SBX-4: links, special': inSession((session) => ({
    readBinaryFile: async ({ path }) => readFile(hostPath(session, path)).catch(() => null),
  })),
  'SBX-4: paths that lead': inSession((session) => ({
    readTextFile: async ({ path }) => readFile(hostPath(session, path), 'utf8').catch(() => null),
  })),
  "SBX-4: the host's file API": inSession((session) => ({
    writeTextFile: ({ path, content }) =>
      session.writeTextFile({ path: path.replace(/^\.git\/hooks/, '.git/other'), content }),
  })),
  'SBX-5: files above': inSession((session) => ({
    readFile: async ({ path }) => ((await stat(hostPath(session, path))).isFile() ? new Blob([]).stream() : null),
  })),
  'SBX-7: a workspace is created': inWorkspaces((workspaces) => ({
    async create(options) {
      await workspaces.remove(options.id);
      return workspaces.create(options);
    },
  })),
  'SBX-7: ids that differ': inWorkspaces((workspaces) => ({
    create: (options) => workspaces.create({ ...options, id: options.id.replaceAll(/[^a-z]/gi, '-') }),
  })),
  'SBX-7: a folder is copied': inWorkspaces((workspaces) => ({
    create: ({ from, ...options }) =>
      workspaces.create({ ...options, ...(from && 'folder' in from ? { from: { folder: from.folder } } : {}) }),
  })),
  'SBX-7: a folder that is too large': inWorkspaces((workspaces) => ({
    create: ({ limits: _ignored, ...options }) => workspaces.create(options),
  })),
  'SBX-7: sweep()': inWorkspaces((workspaces) => ({ sweep: () => workspaces.sweep(() => false) })),
};

type Tests = readonly (readonly [title: string, run: () => Promise<void>])[];

function suite(fault: Fault): Tests {
  const tests: [string, () => Promise<void>][] = [];
  sandboxContract({
    test: (title, run) => tests.push([title, run]),
    create: async () => fault(await temporarySandbox({ isolation: 'none' })),
  });
  return tests;
}

const titles = suite((sandbox) => sandbox).map(([title]) => title);

it('TST-2: every test of the suite has a fault that it catches, and every fault a test', () => {
  expect(titles.filter((title) => Object.keys(FAULTS).filter((begin) => title.startsWith(begin)).length !== 1)).toEqual(
    [],
  );
  expect(Object.keys(FAULTS).filter((begin) => !titles.some((title) => title.startsWith(begin)))).toEqual([]);
});

it.each(Object.entries(FAULTS))(
  'TST-2: a fault is caught by the test "%s…"',
  { timeout: 20_000 },
  async (begin, fault) => {
    const [, test] = suite(fault).find(([title]) => title.startsWith(begin)) ?? [];

    await expect(test?.()).rejects.toMatchObject({ name: expect.stringMatching(/Error/) });
  },
);
