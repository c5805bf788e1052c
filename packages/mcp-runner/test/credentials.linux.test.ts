import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fileCredentials } from '../src/credentials-file.ts';

const key = { tenant: 't', subject: 's', audience: 'https://mcp.example.com/', name: 'tokens' };
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

it('MCP-4: of processes that write the same credential and are killed in the middle of it, each number is written by one', async () => {
  const program = fileURLToPath(new URL('fixtures/credential-counter.ts', import.meta.url));
  const told: number[] = [];
  const start = () => {
    const counter = spawn(process.execPath, ['--conditions=@prusik/source', program, directory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(counter, 'close');
    createInterface({ input: counter.stdout }).on('line', (line) => told.push(Number(line)));
    return { counter, ended };
  };
  const until = async (count: number) => {
    await expect.poll(() => told.length, { timeout: 15_000 }).toBeGreaterThan(count);
  };
  let counters = Array.from({ length: 4 }, start);
  await until(20);

  for (let round = 1; round <= 5; round += 1) {
    const [victim, ...others] = counters;
    victim?.counter.kill('SIGKILL');
    await victim?.ended;
    counters = [...others, start()];
    await until(told.length + 20);
  }
  for (const { counter } of counters) counter.kill('SIGKILL');
  await Promise.all(counters.map(async ({ ended }) => ended));

  const kept = await fileCredentials(directory).get(key);
  expect(new Set(told).size).toBe(told.length);
  const last = Number(kept?.value['n']);
  expect(last).toBeGreaterThanOrEqual(Math.max(...told));
  // Whoever was killed between writing and telling has told nothing.
  expect(last - told.length).toBeLessThanOrEqual(9);
});
