import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { listFolder } from '../src/list-folder.ts';

it('SBX-5, ERR-3: a folder of more entries than may be listed is refused with the bound, and not cut', async () => {
  const path = await mkdtemp(join(tmpdir(), 'prusik-list-'));
  onTestFinished(() => rm(path, { recursive: true }));
  for (const name of ['a', 'b', 'c']) await writeFile(join(path, name), '');

  expect((await listFolder({ path }, '/folder', 3)).map(({ name }) => name).toSorted()).toEqual(['a', 'b', 'c']);
  await expect(listFolder({ path }, '/folder', 2)).rejects.toMatchObject({
    code: 'SANDBOX_DIRECTORY_TOO_LARGE',
    meta: { limit: 2 },
  });
});
