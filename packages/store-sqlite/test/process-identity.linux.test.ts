import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { isProvedDead, thisProcess } from '../src/process-identity.ts';

const self = thisProcess();

it('DUR-12: another process that has got the pid of the holder is not the holder', () => {
  expect(self.started).toMatch(/^\d+$/);
  expect(isProvedDead({ ...self, started: '1' }, self)).toBe(true);
});

it('DUR-12: a process of another user, of which nothing can be read, is not dead', () => {
  expect(isProvedDead({ ...self, pid: 1, started: '' }, self)).toBe(false);
});

it('DUR-12: a process that was killed and that nobody has collected is dead', async () => {
  // The shell in the middle never collects its child, so that it stays as a zombie.
  const shell = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const pid = Number(
    await new Promise<string>((resolve) => shell.stdout.once('data', (data) => resolve(String(data)))),
  );
  try {
    process.kill(pid, 'SIGKILL');
    const state = (): string =>
      readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .charAt(0);
    while (state() !== 'Z') await new Promise((resolve) => setImmediate(resolve));
    expect(isProvedDead({ ...self, pid, started: '' }, self)).toBe(true);
  } finally {
    shell.kill('SIGKILL');
  }
});
