import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createRecorder, powerLoss } from '../../src/index.ts';

const program = join(import.meta.dirname, '../fixtures/record-and-wait.ts');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'recorder-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('REC-3: at whatever instant the power fails, the file of a recording is the old one or the new one, whole', async () => {
  const place = join(folder, 'place');
  mkdirSync(place);
  const file = join(place, 'recording.json');
  const command = (said: string): [string, ...string[]] => [
    process.execPath,
    '--conditions=@prusik/source',
    program,
    file,
    said,
  ];
  await powerLoss({ command: command('before'), folder: place });
  const before = readFileSync(file, 'utf8');

  const loss = await powerLoss({ command: command('after'), folder: place });

  const after = readFileSync(file, 'utf8');
  expect([before.includes('before'), after.includes('after')]).toEqual([true, true]);
  expect(loss.instants).toBeGreaterThan(3);
  const found = new Set<string>();
  for (let instant = 0; instant < loss.instants; instant += 1) {
    const left = join(folder, String(instant));
    mkdirSync(left);
    loss.leave(instant, left);
    const text = readFileSync(join(left, 'recording.json'), 'utf8');
    expect([before, after]).toContain(text);
    found.add(text);
    createRecorder({ file: join(left, 'recording.json'), env: {} });
  }
  expect(found.has(before)).toBe(true);
}, 60_000);
