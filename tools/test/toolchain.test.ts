import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { satisfies } from '../toolchain.mjs';

const tool = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'toolchain-'))));
afterEach(() => rmSync(folder, { recursive: true }));

it.each([
  ['v22.17.9', false],
  ['v22.18.0', true],
  ['v23.11.0', false],
  ['v24.10.0', false],
  ['v24.11.1', true],
  ['v25.9.0', false],
  ['v26.0.0', true],
  ['v27.1.0', true],
])('reads the grammar of engines.node: %s satisfies it: %s', (version, expected) => {
  expect(satisfies(version, '^22.18.0 || ^24.11.0 || >=26.0.0')).toBe(expected);
});

it('refuses a range that it does not understand instead of guessing', () => {
  expect(() => satisfies('v22.18.0', '~22.18.0')).toThrow(TypeError);
});

it.each([[['nonsense']], [[]], [['constructor']]])('explains itself on a wrong task: %j', (args) => {
  const done = spawnSync(process.execPath, [tool('run.mjs'), ...args], { encoding: 'utf8' });

  expect(done).toMatchObject({ status: 2, stdout: '' });
  expect(done.stderr).toContain('Usage:');
});

it('passes the exit code of a command on', () => {
  const program = `
    import { runForeground } from ${JSON.stringify(pathToFileURL(tool('process.mjs')).href)};
    process.exitCode = await runForeground(process.execPath, ['-e', 'process.exit(7)'], { cwd: '.', env: process.env });`;
  const done = spawnSync(process.execPath, ['--input-type=module', '-e', program]);

  expect(done.status).toBe(7);
});

it('lets one process at a time prepare the checkout, also after one was killed while it did', async () => {
  const [lock, log] = [join(folder, 'lock'), join(folder, 'log')];
  // a process id that is certainly not in use: that of a process which has ended
  writeFileSync(lock, String(spawnSync(process.execPath, ['-e', '']).pid));
  const program = `
    import { appendFileSync } from 'node:fs';
    import { withLock } from ${JSON.stringify(pathToFileURL(tool('lock.mjs')).href)};
    await withLock(${JSON.stringify(lock)}, async () => {
      appendFileSync(${JSON.stringify(log)}, '(');
      await new Promise((resolve) => setTimeout(resolve, 50));
      appendFileSync(${JSON.stringify(log)}, ')');
    });`;
  const exits = [1, 2, 3].map(
    () => new Promise((resolve) => spawn(process.execPath, ['--input-type=module', '-e', program]).on('exit', resolve)),
  );

  expect(await Promise.all(exits)).toEqual([0, 0, 0]);
  expect(readFileSync(log, 'utf8')).toBe('()()()');
});
