import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Sandbox } from '@prusik/core';
import { expect, it } from 'vitest';
import { createLocalSandbox } from '../src/index.ts';
import { temporaryFolder } from './temporary.ts';

const SESSIONS = 50;
/** Nobody else's on this machine, so that its processes are those of this test. */
const USER = { uid: 64_917, gid: 64_917 };

const numbered = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

/** What a session could leave on the host. */
function leftOvers(root: string) {
  return {
    processes: readdirSync('/proc').filter((entry) => /^\d+$/.test(entry) && ownerOf(`/proc/${entry}`) === USER.uid),
    mounts: readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(root)),
    cgroups: readFileSync('/proc/self/cgroup', 'utf8').split('\n').flatMap(cgroupsBelow),
    descriptors: readdirSync('/proc/self/fd').length,
    files: readdirSync(root, { recursive: true }),
    temporary: readdirSync(tmpdir()).filter((name) => name.startsWith('prusik-seccomp')),
  };
}

function ownerOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.uid;
}

function cgroupsBelow(line: string): readonly string[] {
  const [, controllers = '', path = ''] = line.split(':');
  return ['', 'unified', controllers.replace('name=', '')]
    .map((hierarchy) => join('/sys/fs/cgroup', hierarchy, path))
    .filter((folder) => path !== '' && existsSync(folder))
    .flatMap((folder) => readdirSync(folder, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}

async function work(sandbox: Sandbox, id: string): Promise<string> {
  await sandbox.workspaces.create({ id });
  const session = await sandbox.open({ workspace: id });
  const [first] = await Promise.all([
    session.exec('/bin/sh', ['-c', 'setsid sleep 60 & echo "$1" > own; cat own', 'sh', id]),
    session.writeTextFile({ path: 'folder/by-host', content: id }),
    session.spawn({ command: 'sleep 60 & sleep 60' }).then((process) => process.kill({ graceMs: 5_000 })),
    // Left to the end of the session.
    session.spawn({ command: 'setsid sleep 60 & sleep 60' }),
  ]);
  const second = await session.readTextFile({ path: 'folder/by-host' });
  await session[Symbol.asyncDispose]();
  await sandbox.workspaces.remove(id);
  return Buffer.from(first.stdout).toString() + String(second);
}

it(
  `SBX-5: ${SESSIONS} sessions at once leave no process, mount, cgroup, file or descriptor`,
  { timeout: 120_000 },
  async () => {
    const root = await temporaryFolder();
    try {
      // What Node opens once and keeps is open before it is counted.
      const first = createLocalSandbox({ root, user: USER });
      await work(first, 'first');
      await first[Symbol.asyncDispose]();
      const before = leftOvers(root);

      const sandbox = createLocalSandbox({ root, user: USER });
      const ids = numbered(SESSIONS).map((index) => `session-${index}`);
      const outputs = await Promise.all(ids.map((id) => work(sandbox, id)));
      await sandbox[Symbol.asyncDispose]();

      expect(outputs).toEqual(ids.map((id) => `${id}\n${id}`));
      await expect.poll(() => leftOvers(root), { timeout: 5_000 }).toEqual({ ...before, processes: [], mounts: [] });
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  },
);

it(`SBX-1: ${SESSIONS} commands run at once in one session, and none fails`, { timeout: 60_000 }, async () => {
  const root = await temporaryFolder();
  const sandbox = createLocalSandbox({ root });
  try {
    await sandbox.workspaces.create({ id: 'w' });
    const session = await sandbox.open({ workspace: 'w' });

    const results = await Promise.all(numbered(SESSIONS).map((index) => session.exec('echo', [String(index)])));

    expect(results.map(({ exitCode, stdout }) => [exitCode, Buffer.from(stdout).toString()])).toEqual(
      numbered(SESSIONS).map((index) => [0, `${index}\n`]),
    );
  } finally {
    await sandbox[Symbol.asyncDispose]();
    await rm(root, { recursive: true, force: true });
  }
});
