import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentialStoreContract } from '@prusik/testing-contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { fileCredentials } from '../src/credentials-file.ts';
import { memoryCredentials } from '../src/credentials-memory.ts';

const directories: string[] = [];
afterEach(async () => {
  for (const directory of directories.splice(0)) await rm(directory, { recursive: true, force: true });
});

async function temporary(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'prusik-credentials-'));
  directories.push(directory);
  return directory;
}

describe('credentials in memory', () => {
  credentialStoreContract({
    test: it,
    create: () => {
      const store = memoryCredentials();
      return { open: () => store };
    },
  });
});

describe('credentials in files', () => {
  credentialStoreContract({
    test: it,
    create: async () => {
      const directory = await temporary();
      return { open: () => fileCredentials(directory) };
    },
  });

  const key = { tenant: 'acme', subject: 'ann', audience: 'https://mcp.example.com', name: 'tokens' };

  async function filesIn(directory: string): Promise<readonly string[]> {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  }

  it('MCP-4: what was replaced or deleted is not on the disk any more, however often', async () => {
    const directory = await temporary();
    const store = fileCredentials(directory);
    for (let n = 0; n < 40; n += 1) await store.set(key, { token: `planted-${n}` });
    const kept = await Promise.all((await filesIn(directory)).map(async (path) => readFile(path, 'utf8')));
    await store.delete(key);

    const left = await Promise.all((await filesIn(directory)).map(async (path) => readFile(path, 'utf8')));

    expect(kept.join('').match(/planted-\d+/g)).toEqual(['planted-39']);
    expect(kept.length).toBeLessThanOrEqual(17);
    expect(left.join('')).not.toContain('planted');
  });

  it('I11: a damaged file is told without what is in it', async () => {
    const directory = await temporary();
    const store = fileCredentials(directory);
    await store.set(key, { token: 'planted' });
    const [path = ''] = await filesIn(directory);
    await writeFile(path, '{"value":{"token":planted');

    const error: unknown = await store.get(key).catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({ code: 'MCP_CREDENTIALS_UNREADABLE' });
    expect(error).not.toHaveProperty('cause');
    expect(String(error)).not.toContain('planted');
  });

  it.each([
    ['nothing', ''],
    ['no version', 'null'],
    ['a value that is none', '{"revision":"x","value":5}'],
    ['no revision', '{"value":{}}'],
  ])('MCP-4: one in whose file is %s is damaged, which is told at once, and not written over', async (_, text) => {
    const directory = await temporary();
    const store = fileCredentials(directory);
    await store.set(key, { token: 'first' });
    const [path = ''] = await filesIn(directory);
    await writeFile(path, text);

    await expect(store.get(key)).rejects.toMatchObject({ code: 'MCP_CREDENTIALS_UNREADABLE' });
    await expect(store.set(key, { token: 'second' })).rejects.toMatchObject({ code: 'MCP_CREDENTIALS_UNREADABLE' });
    expect(await readFile(path, 'utf8')).toBe(text);
  });

  it('MCP-4: what somebody else has put beside is no version, whatever its name', async () => {
    const directory = await temporary();
    const store = fileCredentials(directory);
    await store.set(key, { token: 'first' });
    const [path = ''] = await filesIn(directory);
    await writeFile(join(path, '..', '9007199254740993'), '{}');

    expect((await store.get(key))?.value).toEqual({ token: 'first' });
  });

  it('MCP-4: a writer that died leaves nothing that counts, and what it left is removed in time', async () => {
    const directory = await temporary();
    const store = fileCredentials(directory);
    await store.set(key, { token: 'first' });
    const [path = ''] = await filesIn(directory);
    const draft = join(path, '..', 'draft-of-a-writer-that-died');
    await writeFile(draft, '{"value":{"tok');
    await utimes(draft, new Date(0), new Date(0));

    expect((await store.get(key))?.value).toEqual({ token: 'first' });
    await store.set(key, { token: 'second' });

    expect(await filesIn(directory)).not.toContain(draft);
    expect((await store.get(key))?.value).toEqual({ token: 'second' });
  });
});
