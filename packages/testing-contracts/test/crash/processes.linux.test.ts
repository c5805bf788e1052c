import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { leakCounter, processGroup, type CrashProcess, type ProcessGroup } from '../../src/index.ts';

const TICKING = fileURLToPath(new URL('../fixtures/ticking.ts', import.meta.url));
const FLAGS = ['--conditions=@prusik/source'];

let group: ProcessGroup;
let lines: number;
beforeEach(() => {
  group = processGroup();
  lines = 0;
});
afterEach(() => group[Symbol.asyncDispose]());

const start = (): CrashProcess =>
  group.start({ name: 'ticking', script: TICKING, execArgv: FLAGS, onLine: () => (lines += 1) });

async function ticks(more: number): Promise<void> {
  const until = lines + more;
  while (lines < until) await new Promise((resolve) => setTimeout(resolve, 1));
}

const stateOf = ({ pid }: CrashProcess): string =>
  readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .slice(0, 1);

it('TST-4: a process is paused, goes on, is told to stop and says how it ended', async () => {
  const one = start();
  await ticks(3);
  one.pause();
  while (stateOf(one) !== 'T') await new Promise((resolve) => setTimeout(resolve, 1));
  expect(one.state).toBe('paused');

  one.resume();
  await ticks(3);
  one.terminate();

  expect(await one.ended).toEqual({ code: 3, signal: null });
  expect(one.output).toBe('told');
  expect(one.state).toBe('ended');
});

it('TST-4: what is told before a SIGKILL is read to the last line, and nothing is sent to who has ended', async () => {
  const one = start();
  await ticks(1);
  one.kill();
  expect(await one.ended).toEqual({ code: null, signal: 'SIGKILL' });
  const known = lines;

  one.kill();
  one.pause();
  one.send('anything');
  await new Promise((resolve) => setTimeout(resolve, 20));

  expect(lines).toBe(known);
  expect(one.state).toBe('ended');
});

it('TST-4, I8: disposing of a group kills what is left, the paused too, and leaves nothing behind', async () => {
  const counter = leakCounter();
  const own = processGroup();
  const [one, other] = [1, 2].map((n) => own.start({ name: `ticking ${n}`, script: TICKING, execArgv: FLAGS }));
  other?.pause();
  await own[Symbol.asyncDispose]();

  expect([one?.state, other?.state]).toEqual(['ended', 'ended']);
  expect(own.alive).toEqual([]);
  expect(await counter.leaks()).toEqual([]);
});

it('TST-4, I8: a process ends when the one that started it is killed', async () => {
  const script = `
    import { processGroup } from '@prusik/testing-contracts';
    const one = processGroup().start({ name: 'one', script: ${JSON.stringify(TICKING)}, execArgv: ${JSON.stringify(FLAGS)} });
    console.log(one.pid);`;
  const parent = spawn(process.execPath, [...FLAGS, '--input-type=module', '-e', script], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [pid] = (await once(parent.stdout, 'data')) as [Buffer];
  const stat = `/proc/${String(pid).trim()}/stat`;
  expect(existsSync(stat)).toBe(true);
  parent.kill('SIGKILL');
  await once(parent, 'exit');

  while (existsSync(stat)) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(existsSync(stat)).toBe(false);
});
