import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

/** Counts its interrupts and answers `q` with the count as its exit code. */
const CHILD = `
  let interrupts = 0;
  process.on('SIGINT', () => { interrupts += 1; console.log('interrupted'); });
  process.stdin.on('data', (text) => { if (String(text).includes('q')) process.exit(40 + interrupts); });
  console.log('ready');`;

let folder: string;
let outer: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'signals-'));
  outer = join(folder, 'outer.mjs');
  const module = pathToFileURL(join(import.meta.dirname, '../process.mjs')).href;
  writeFileSync(join(folder, 'child.mjs'), CHILD);
  writeFileSync(
    outer,
    `import { runForeground } from ${JSON.stringify(module)};
     const child = process.argv[2] ?? ${JSON.stringify(join(folder, 'child.mjs'))};
     const done = runForeground(process.execPath, [child], { cwd: '.', env: process.env });
     process.on('SIGINT', () => console.log('outer'));
     process.exitCode = await done;`,
  );
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Resolves when the output has grown to contain the text. */
const output = (process: ChildProcessWithoutNullStreams, text: string): Promise<void> =>
  new Promise((resolve) => {
    let seen = '';
    process.stdout.on('data', (chunk) => {
      seen += String(chunk);
      if (seen.includes(text)) resolve();
    });
  });
const exit = (process: ChildProcessWithoutNullStreams): Promise<unknown> =>
  new Promise((resolve) => process.on('exit', resolve));

it('gives a Ctrl-C typed at a terminal to the command once, and waits for what it makes of it', async () => {
  const terminal = spawn('script', [
    '--quiet',
    '--return',
    '--command',
    `exec ${process.execPath} ${outer}`,
    '/dev/null',
  ]);
  const code = exit(terminal);
  await output(terminal, 'ready');
  // the answer of both, so that whatever the outer process would pass on has been passed on
  const both = Promise.all([output(terminal, 'interrupted'), output(terminal, 'outer')]);
  terminal.stdin.write('\x03');
  await both;
  terminal.stdin.write('q\n');

  expect(await code).toBe(41);
});

it('passes an interrupt on where there is no terminal', async () => {
  const plain = spawn(process.execPath, [outer]);
  const code = exit(plain);
  await output(plain, 'ready');
  const interrupted = output(plain, 'interrupted');
  plain.kill('SIGINT');
  await interrupted;
  plain.stdin.write('q\n');

  expect(await code).toBe(41);
});

it('reports a command that a signal ended as a shell does', async () => {
  const victim = join(folder, 'victim.mjs');
  writeFileSync(victim, `process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000);`);
  const plain = spawn(process.execPath, [outer, victim]);

  expect(await exit(plain)).toBe(128 + 15);
});
