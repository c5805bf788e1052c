import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { checkStore, sqliteStore } from '@prusik/store-sqlite';
import { inspectStore, seededRandom } from '@prusik/testing-contracts';
import { expect, it, onTestFinished } from 'vitest';
import { prune } from '../src/index.ts';
import { KEPT, KILL_POLICY } from './fixtures/kill-policy.ts';

const KILLS = 8;

interface Started {
  readonly process: ChildProcess;
  readonly lines: readonly string[];
  /** Its next line that begins so. */
  line(begin: string): Promise<string>;
  readonly gone: Promise<unknown>;
}

function start(script: string, path: string): Started {
  const file = fileURLToPath(new URL(`fixtures/${script}.ts`, import.meta.url));
  const child = spawn(process.execPath, ['--conditions=@prusik/source', file, path], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines: string[] = [];
  const waiting = new Map<string, (line: string) => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    for (const [begin, tell] of waiting) if (line.startsWith(begin)) tell(line);
  });
  return {
    process: child,
    lines,
    line: (begin) => new Promise((resolve) => waiting.set(begin, resolve)),
    gone: new Promise((resolve) => child.once('close', (code, signal) => resolve(signal ?? code))),
  };
}

it('TST-3, REC-4: pruners are killed at any instant while a worker starts and ends runs; no run is hurt, the store is whole, and a prune after it leaves what the policy keeps', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'prusik-prune-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'store.db');
  const random = seededRandom(7);
  const worker = start('busy-worker', path);
  await worker.line('done');

  for (let kill = 0; kill < KILLS; kill += 1) {
    const pruner = start('pruner', path);
    await pruner.line('begins');
    await new Promise((resolve) => setTimeout(resolve, random.next() * 150));
    pruner.process.kill('SIGKILL');
    expect(await pruner.gone).toBe('SIGKILL');
  }
  worker.process.stdin?.write('stop\n');
  expect(await worker.gone).toBe(0);

  expect(worker.lines.filter((line) => line.startsWith('failed'))).toEqual([]);
  for await (const problem of checkStore({ path, full: true })) expect(problem).toBeUndefined();
  const store = sqliteStore({ path });
  await prune(store, KILL_POLICY);
  const { items } = await store.listRuns({ tenant: 'default', limit: 1_000 });
  expect(items).toHaveLength(KEPT.records);
  expect(items.filter(({ compactedAt }) => compactedAt === undefined)).toHaveLength(KEPT.resume);
  expect((await inspectStore(store)).violations).toEqual([]);
  for await (const problem of checkStore({ path, full: true })) expect(problem).toBeUndefined();
  await store[Symbol.asyncDispose]();
}, 60_000);
