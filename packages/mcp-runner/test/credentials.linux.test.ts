import { chmod, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fileCredentials } from '../src/credentials-file.ts';

const key = { tenant: 'acme', subject: 'ann', audience: 'https://mcp.example.com', name: 'tokens' };
let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'prusik-credentials-'));
});
afterEach(async () => rm(directory, { recursive: true, force: true }));

it('MCP-4: only their owner may read credentials in files', async () => {
  await fileCredentials(join(directory, 'new')).set(key, { token: 'planted' });

  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const modes = await Promise.all(
    entries.map(async (entry) => [entry.isFile(), (await stat(join(entry.parentPath, entry.name))).mode & 0o777]),
  );

  expect(modes).toEqual([
    [false, 0o700],
    [false, 0o700],
    [true, 0o600],
  ]);
});

it('MCP-4: a directory for credentials that others may use is refused', async () => {
  await chmod(directory, 0o750);
  const store = fileCredentials(directory);

  const told = { code: 'MCP_CREDENTIALS_EXPOSED', meta: { mode: '750' } };
  await expect(store.set(key, { token: 'planted' })).rejects.toMatchObject(told);
  await expect(store.get(key)).rejects.toMatchObject(told);
  await expect(store.delete(key)).rejects.toMatchObject(told);
  expect(await readdir(directory)).toEqual([]);
});
