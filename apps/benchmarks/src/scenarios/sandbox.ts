import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Sandbox, SandboxSession } from '@prusik/core';
import { createLocalSandbox } from '@prusik/sandbox-local';
import { alternate, atMostMore, atMostTimes, quantile, timed, toRow } from '../measure.ts';
import type { Bench, Scenario } from '../scenario.ts';

const execute = promisify(execFile);
const FILE_BYTES = 4 * 1024;
/** Below another folder, as most files of a workspace are. */
const FILE = 'folder/file';

interface Bed {
  readonly session: SandboxSession;
  /** Names a subject; where this machine cannot isolate, the rows say so. */
  readonly called: (subject: string) => string;
  /** A folder for the floor, on the same disk. */
  readonly folder: string;
}

export async function withSandbox<T>(
  bench: Bench,
  use: (sandbox: Sandbox, folder: string, isolated: boolean) => Promise<T>,
): Promise<T> {
  const folder = bench.newPath();
  await mkdir(folder);
  // Where this is root the user of the commands has to pass.
  await chmod(dirname(folder), 0o711);
  const { sandbox, isolated } = await openSandbox(join(folder, 'sandbox'));
  try {
    return await use(sandbox, folder, isolated);
  } finally {
    await sandbox[Symbol.asyncDispose]();
  }
}

const withSession = <T>(bench: Bench, use: (bed: Bed) => Promise<T>): Promise<T> =>
  withSandbox(bench, async (sandbox, folder, isolated) => {
    await sandbox.workspaces.create({ id: 'w' });
    const session = await sandbox.open({ workspace: 'w' });
    return use({ session, folder, called: (name) => (isolated ? name : `${name}, not isolated here`) });
  });

async function openSandbox(root: string): Promise<{ readonly sandbox: Sandbox; readonly isolated: boolean }> {
  const sandbox = createLocalSandbox({ root });
  try {
    await sandbox.level();
    return { sandbox, isolated: true };
  } catch {
    await sandbox[Symbol.asyncDispose]();
    return { sandbox: createLocalSandbox({ root, isolation: 'none' }), isolated: false };
  }
}

/** The median in milliseconds of `work`, done so often one after the other. */
async function medianOf(times: number, work: () => Promise<unknown>): Promise<number> {
  const samples: number[] = [];
  for (let index = 0; index < times; index += 1) samples.push(await timed(work));
  return quantile(samples, 0.5);
}

const atOnce = (times: number, work: () => Promise<unknown>): Promise<number> =>
  timed(() => Promise.all(Array.from({ length: times }, work)));

async function succeeds(session: SandboxSession): Promise<void> {
  const { exitCode } = await session.exec('true');
  if (exitCode !== 0) throw new Error(`true ended with ${exitCode}`);
}

export const sandboxExec: Scenario = {
  name: 'sandbox-exec',
  about: 'exec of `true` with all hardening, one after the other and 50 at once; floor: the same by child_process',
  run: (bench) =>
    withSession(bench, async ({ session, called }) => {
      const scenario = 'sandbox-exec';
      const times = bench.count(50);
      const samples = await alternate(bench, {
        floor: () => medianOf(times, () => execute('true')),
        ours: () => medianOf(times, () => succeeds(session)),
        floorAtOnce: () => atOnce(times, () => execute('true')),
        oursAtOnce: () => atOnce(times, () => succeeds(session)),
      });
      return [
        {
          row: toRow({ scenario, subject: called('true'), unit: 'ms' }, samples.ours, samples.floor),
          goal: atMostMore(8, 'ms'),
        },
        {
          row: toRow(
            { scenario, subject: called(`${times} at once, all of them`), unit: 'ms' },
            samples.oursAtOnce,
            samples.floorAtOnce,
          ),
        },
      ];
    }),
};

interface FileWork {
  readonly name: string;
  readonly verb: string;
  readonly floor: (path: string, content: Buffer) => Promise<unknown>;
  readonly ours: (session: SandboxSession, content: Buffer) => Promise<unknown>;
}

const fileScenario = ({ name, verb, floor, ours }: FileWork): Scenario => ({
  name,
  about: `${verb} of a file of 4 KiB through the file API; floor: fs.promises`,
  run: (bench) =>
    withSession(bench, async ({ session, folder }) => {
      const times = bench.count(500);
      const content = Buffer.alloc(FILE_BYTES, 'x');
      const path = join(folder, FILE);
      await mkdir(dirname(path));
      await writeFile(path, content);
      await session.writeBinaryFile({ path: FILE, content });
      const micros = async (work: () => Promise<unknown>) => (await medianOf(times, work)) * 1_000;
      const samples = await alternate(bench, {
        floor: () => micros(() => floor(path, content)),
        ours: () => micros(() => ours(session, content)),
      });
      const read = await session.readBinaryFile({ path: FILE });
      if (read === null || !content.equals(read)) throw new Error('The file is not what was written');
      const row = toRow({ scenario: name, subject: `${verb} of 4 KiB`, unit: 'µs' }, samples.ours, samples.floor);
      return [{ row, goal: atMostTimes(3) }];
    }),
});

export const sandboxFileRead = fileScenario({
  name: 'sandbox-file-read',
  verb: 'read',
  floor: (path) => readFile(path),
  ours: (session) => session.readBinaryFile({ path: FILE }),
});

export const sandboxFileWrite = fileScenario({
  name: 'sandbox-file-write',
  verb: 'write',
  floor: (path, content) => writeFile(path, content),
  ours: (session, content) => session.writeBinaryFile({ path: FILE, content }),
});
