import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { removeTree } from '../src/remove-tree.ts';
import { temporaryFolder, temporarySandbox } from './temporary.ts';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

it('SBX-7: a tree is removed with folders that forbid it, and links are not followed', async () => {
  const folder = await temporaryFolder();
  folders.push(folder);
  const tree = join(folder, 'tree');
  await mkdir(join(tree, 'locked/inner'), { recursive: true });
  await writeFile(join(tree, 'locked/inner/f'), '');
  await writeFile(join(folder, 'outside'), 'kept');
  await symlink(folder, join(tree, 'link'));
  await chmod(join(tree, 'locked/inner'), 0);
  await chmod(join(tree, 'locked'), 0);

  await removeTree(tree);
  await removeTree(tree);

  expect(await readdir(folder)).toEqual(['outside']);
  expect(await readFile(join(folder, 'outside'), 'utf8')).toBe('kept');
});

it(
  'SBX-7: a workspace is removed though a command made folders so deep that no path reaches their end',
  { timeout: 30_000 },
  async () => {
    const sandbox = await temporarySandbox({ isolation: 'none' });
    folders.push(sandbox.root);
    await sandbox.workspaces.create({ id: 'deep' });
    const session = await sandbox.open({ workspace: 'deep' });
    const name = 'd'.repeat(200);
    const script = `i=0; while [ $i -lt 60 ]; do mkdir ${name} && cd -P ${name} || exit 1; i=$((i+1)); done; echo deep`;
    const { stdout } = await session.run({ command: script });
    await session[Symbol.asyncDispose]();

    await sandbox.workspaces.remove('deep');

    expect(stdout).toBe('deep\n');
    expect(await readdir(join(sandbox.root, 'workspaces'))).toEqual([]);
    expect(existsSync(sandbox.root) && (await readdir(join(sandbox.root, 'unfinished')))).toEqual([]);
    await sandbox[Symbol.asyncDispose]();
  },
);
