import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunStatus, Store } from '@prusik/core';
import { sqliteStore } from '@prusik/store-sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Engine } from '../src/index.ts';
import { durable, engineOn, key } from './support.ts';

const DEFINITIONS = ['innocent', 'poison', 'long', 'payment'].map((name) => durable(name, () => null));

/** A line of the log that all worker processes write. */
interface Begun {
  readonly pid: number;
  readonly at: number;
  readonly what: string;
}

describe('workers in processes of their own', () => {
  let folder: string;
  let path: string;
  let store: Store;
  let engine: Engine;
  const workers = new Set<ChildProcess>();

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'workers-'));
    path = join(folder, 'runs.db');
    store = sqliteStore({ path });
    engine = engineOn(store, DEFINITIONS);
  });
  afterEach(async () => {
    for (const worker of workers) worker.kill('SIGKILL');
    workers.clear();
    await engine[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  async function startWorker(): Promise<ChildProcess> {
    const script = join(import.meta.dirname, 'fixtures', 'worker-process.ts');
    const worker = spawn(process.execPath, ['--conditions=@prusik/source', script, path], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    workers.add(worker);
    worker.once('exit', () => workers.delete(worker));
    await once(worker.stdout, 'data');
    return worker;
  }

  function log(): readonly Begun[] {
    const lines = readFileSync(`${path}.log`, 'utf8').trim().split('\n');
    return lines.map((line) => {
      const [pid, at, what = ''] = line.split(' ');
      return { pid: Number(pid), at: Number(at), what };
    });
  }

  async function until(run: string, ...statuses: readonly RunStatus[]): Promise<void> {
    for (;;) {
      const found = await store.run(key(run));
      if (found !== undefined && statuses.includes(found.status)) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async function untilLogged(what: string, count = 1): Promise<Begun> {
    for (;;) {
      const found = readLog().filter((line) => line.what === what);
      const last = found.at(-1);
      if (last !== undefined && found.length >= count) return last;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  function readLog(): readonly Begun[] {
    try {
      return log();
    } catch {
      return []; // nothing was said yet
    }
  }

  it('DUR-12: a run that kills its worker is blocked after five deaths, and thirty beside it complete', async () => {
    const innocent = Array.from({ length: 30 }, (_, n) => `innocent-${n}`);
    // Among them, so that it is claimed together with others.
    for (const id of innocent.slice(0, 8)) await engine.start('innocent', null, { id });
    await engine.start('poison', null, { id: 'poison' });
    for (const id of innocent.slice(8)) await engine.start('innocent', null, { id });

    let deaths = 0;
    for (let over = false; !over;) {
      const worker = await startWorker();
      const died = once(worker, 'exit').then(() => false);
      const settled = Promise.all([
        until('poison', 'blocked'),
        ...innocent.map((id) => until(id, 'completed', 'blocked')),
      ]);
      over = await Promise.race([died, settled.then(() => true)]);
      if (!over) deaths += 1;
    }

    expect(deaths).toBe(5);
    expect(await store.run(key('poison'))).toMatchObject({ status: 'blocked', blocked: { code: 'RUN_POISONED' } });
    const runs = await Promise.all(innocent.map((id) => store.run(key(id))));
    expect(runs.map((run) => run?.status)).toEqual(innocent.map(() => 'completed'));
    expect(log().filter(({ what }) => what === 'poison')).toHaveLength(5);
  }, 60_000);

  it('DUR-18: on SIGTERM a step that may be repeated is given back, and another worker goes on within a second', async () => {
    const first = await startWorker();
    await engine.start('long', null, { id: 'r' });
    await untilLogged('long');
    await startWorker();

    const gone = once(first, 'exit');
    const told = Date.now();
    first.kill('SIGTERM');
    const again = await untilLogged('long', 2);
    const [code] = (await gone) as [number | null];

    expect(again.at - told).toBeLessThan(1_000);
    expect(again.pid).not.toBe(first.pid);
    expect(code).toBe(0);
    const entries = await store.entries(key('r'), { after: 0, limit: 100 });
    expect(entries.filter(({ type }) => type === 'step-end')).toHaveLength(1);
  }, 30_000);

  it('DUR-18: on SIGTERM a once step is waited for, and its outcome is on record', async () => {
    const first = await startWorker();
    await engine.start('payment', null, { id: 'r' });
    await untilLogged('payment');

    const gone = once(first, 'exit');
    first.kill('SIGTERM');
    await gone;
    await startWorker();
    await until('r', 'completed', 'blocked');

    expect(await store.run(key('r'))).toMatchObject({ status: 'completed', output: 'paid' });
    expect(log().filter(({ what }) => what === 'payment')).toHaveLength(1);
  }, 30_000);
});
