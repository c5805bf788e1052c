import { once } from 'node:events';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { createLocalSandbox } from '../src/index.ts';
import { ownProcessName } from '../src/process-identity.ts';
import { startFixture } from './fixtures/run-fixture.ts';
import { temporaryFolder } from './temporary.ts';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

it(
  'SBX-7: a process killed while it creates workspaces leaves each whole or not at all, and what is half made is swept',
  { timeout: 60_000 },
  async () => {
    const [root, source] = [await newFolder(), await newFolder()];
    for (let n = 0; n < 20; n++) {
      await mkdir(join(source, `d${n}`));
      await writeFile(join(source, `d${n}/f`), 'content');
    }
    const sandbox = createLocalSandbox({ root, isolation: 'none' });
    let unfinished: readonly string[] = [];
    let workspaces = await sandbox.workspaces.list();
    // How far a creator gets before it is killed is the machine's to say: again, until both kinds have been seen.
    for (let round = 0; round < 100 && (unfinished.length === 0 || workspaces.length === 0); round++) {
      const creator = startFixture('creates-workspace', [root, source, String(round)]);
      if (creator.stdout) await once(creator.stdout, 'data');
      await new Promise((resolve) => setTimeout(resolve, 15 + 11 * round));
      creator.kill('SIGKILL');
      await once(creator, 'exit');
      // Killed before it made the folder, it left nothing.
      unfinished = await readdir(join(root, 'unfinished')).catch(() => []);
      workspaces = await sandbox.workspaces.list();
    }

    const incomplete = [];
    for (const { id } of workspaces) {
      const session = await sandbox.open({ workspace: id });
      for (let n = 0; n < 20; n++)
        if ((await session.readTextFile({ path: `d${n}/f` })) !== 'content') incomplete.push(id);
      await session[Symbol.asyncDispose]();
    }
    await sandbox.workspaces.sweep();

    expect(workspaces.length).toBeGreaterThan(0);
    expect(unfinished.length).toBeGreaterThan(0);
    expect(incomplete).toEqual([]);
    expect(await readdir(join(root, 'unfinished'))).toEqual([]);
    expect(await sandbox.workspaces.list()).toEqual(workspaces);
    await sandbox[Symbol.asyncDispose]();
  },
);

it('SBX-7: sweep() leaves what a living process is making, and removes what a dead one left', async () => {
  const root = await newFolder();
  const sandbox = createLocalSandbox({ root, isolation: 'none' });
  await sandbox.workspaces.create({ id: 'w' });
  const [living, dead] = [`${ownProcessName()}.1`, `${process.pid}-1.2`];
  for (const name of [living, dead]) await mkdir(join(root, 'unfinished', name));

  await sandbox.workspaces.sweep();

  // The dead one has the pid of this process, and another start.
  expect(await readdir(join(root, 'unfinished'))).toEqual(
    process.platform === 'linux' ? [living] : [living, dead].toSorted(),
  );
  await sandbox[Symbol.asyncDispose]();
});

async function newFolder(): Promise<string> {
  const folder = await temporaryFolder();
  folders.push(folder);
  return folder;
}
