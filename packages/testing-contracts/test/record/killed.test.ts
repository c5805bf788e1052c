import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

const program = join(import.meta.dirname, '../fixtures/record-and-wait.ts');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'recorder-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('REC-3: a process that is killed while it records leaves the recording that was there, and nothing else', async () => {
  const file = join(folder, 'recording.json');
  const start = (...more: readonly string[]) =>
    spawn(process.execPath, ['--conditions=@prusik/source', program, file, ...more], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  const [code] = (await once(start('before'), 'close')) as [number];
  expect(code).toBe(0);
  const before = readFileSync(file, 'utf8');
  expect(before).toContain('before');

  const child = start('after', 'wait');
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'close');

  expect(readFileSync(file, 'utf8')).toBe(before);
  expect(readdirSync(folder)).toEqual(['recording.json']);
}, 30_000);
