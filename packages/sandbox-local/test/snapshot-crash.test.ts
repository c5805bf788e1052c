import { once } from 'node:events';
import { readdir, readFile, rm, watch, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sandbox } from '@prusik/core';
import { afterEach, expect, it } from 'vitest';
import { createLocalSandbox } from '../src/index.ts';
import { workspaceFolder } from '../src/workspace-name.ts';
import { startFixture } from './fixtures/run-fixture.ts';
import { temporaryFolder } from './temporary.ts';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

it(
  'SBX-7: a process killed while it takes, restores and forks leaves each whole or not at all',
  { timeout: 60_000 },
  async () => {
    const { root, sandbox } = await newSandbox();
    const { workspaces } = sandbox;
    await workspaces.create({ id: 'w' });
    const [one, two] = [await fill(sandbox, 'one'), await fill(sandbox, 'two')];
    const workspace = join(root, 'workspaces', workspaceFolder('w'));
    // Where it is killed: while a restore changes files, while a snapshot writes, while a fork is built.
    const moments = [
      { folder: workspace, file: /^restoring$/ },
      { folder: join(root, 'unfinished'), file: /./ },
      { folder: join(root, 'snapshots'), file: /./ },
      { folder: workspace, file: /^restoring$/ },
      { folder: join(root, 'workspaces'), file: /^fork/ },
    ];
    let halfRestored = 0;
    let forks = 0;

    for (const [round, { folder, file }] of moments.entries()) {
      const user = startFixture('uses-snapshots', [root, 'w', one, two, String(round)]);
      const watcher = watch(folder);
      for await (const { filename } of watcher) {
        if (!file.test(filename ?? '')) continue;
        user.kill('SIGKILL');
        break;
      }
      if (user.exitCode === null && user.signalCode === null) await once(user, 'exit');
      if ((await readFile(join(workspace, 'restoring'), 'utf8').catch(() => '')) !== '') halfRestored += 1;

      expect([one, two]).toContain((await workspaces.snapshot('w')).snapshot);
      for (const { id } of await workspaces.list()) {
        if (id === 'w') continue;
        forks += 1;
        expect([one, two]).toContain((await workspaces.snapshot(id)).snapshot);
        await workspaces.remove(id);
      }
    }
    const { snapshots } = await workspaces.sweep({ snapshot: () => false });

    expect(halfRestored).toBeGreaterThan(0);
    expect(forks).toBeGreaterThan(0);
    expect(snapshots.toSorted()).toEqual([one, two].toSorted());
    for (const folder of ['unfinished', 'locks', 'objects', 'snapshots'])
      expect(await readdir(join(root, folder)), folder).toEqual([]);
    await sandbox[Symbol.asyncDispose]();
  },
);

it('SBX-7: a restore that was cut off is finished by whoever comes next', async () => {
  const { root, sandbox } = await newSandbox();
  const { workspaces } = sandbox;
  await workspaces.create({ id: 'w' });
  const [one, two] = [await fill(sandbox, 'one'), await fill(sandbox, 'two')];
  const workspace = join(root, 'workspaces', workspaceFolder('w'));
  /** As it is when its process is killed after it has said what it is about to do, and done a part of it. */
  const cutOff = async (): Promise<void> => {
    await workspaces.restore('w', two);
    await writeFile(join(workspace, 'restoring'), one);
    await rm(join(workspace, 'files/two/d1'), { recursive: true });
  };

  await cutOff();
  const session = await sandbox.open({ workspace: 'w' });
  const seen = await session.readTextFile({ path: 'one/d1/f1' });
  await session[Symbol.asyncDispose]();
  await cutOff();
  const taken = await workspaces.snapshot('w');
  await cutOff();
  const { total } = await workspaces.diff({ snapshot: one }, { workspace: 'w' });
  await cutOff();
  await expect(workspaces.removeSnapshot(one)).rejects.toMatchObject({ code: 'WORKSPACE_BUSY' });
  await workspaces.create({ id: 'fork', from: { workspace: 'w' } });

  expect([seen, taken.snapshot, total]).toEqual(['one 1', one, 0]);
  expect((await workspaces.snapshot('fork')).snapshot).toBe(one);
  await sandbox[Symbol.asyncDispose]();
});

it('SBX-7: what a session in another process has open is neither restored nor removed, until that process is dead', async () => {
  const { root, sandbox } = await newSandbox();
  const { workspaces } = sandbox;
  await workspaces.create({ id: 'w' });
  const { snapshot } = await workspaces.snapshot('w');
  const holder = startFixture('holds-workspace', [root, 'w']);
  if (holder.stdout) await once(holder.stdout, 'data');

  await expect(workspaces.remove('w')).rejects.toMatchObject({ code: 'WORKSPACE_BUSY', retryable: true });
  await expect(workspaces.restore('w', snapshot)).rejects.toMatchObject({ code: 'WORKSPACE_BUSY' });
  expect((await workspaces.sweep({ workspace: () => false })).workspaces).toEqual([]);
  expect((await workspaces.snapshot('w')).snapshot).toBe(snapshot);
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  await workspaces.restore('w', snapshot);
  await workspaces.remove('w');

  expect(await workspaces.list()).toEqual([]);
  await sandbox[Symbol.asyncDispose]();
});

async function fill(sandbox: Sandbox, text: string): Promise<string> {
  const session = await sandbox.open({ workspace: 'w' });
  for (let n = 0; n < 30; n++)
    await session.writeTextFile({ path: `${text}/d${n % 5}/f${n}`, content: `${text} ${n}` });
  for (let n = 0; n < 30; n++) await session.writeTextFile({ path: `both/f${n}`, content: `${text} ${n}` });
  await session.exec('rm', ['-rf', text === 'one' ? 'two' : 'one']);
  await session[Symbol.asyncDispose]();
  return (await sandbox.workspaces.snapshot('w')).snapshot;
}

async function newSandbox(): Promise<{ root: string; sandbox: Sandbox }> {
  const root = await temporaryFolder();
  folders.push(root);
  return { root, sandbox: createLocalSandbox({ root, isolation: 'none' }) };
}
