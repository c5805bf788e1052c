import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isFinal, type Run, type Store } from '@prusik/core';
import { sqliteStore } from '@prusik/store-sqlite';
import { inspectStore, processGroup, type CrashProcess, type EffectLine } from '@prusik/testing-contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/index.ts';
import { durable, engineOn, key } from '../support.ts';

const SCRIPT = join(import.meta.dirname, '..', 'fixtures', 'fault-worker.ts');
/** Far longer than a test may take: whoever waits for the lease of a dead process fails. */
const LONG_LEASE_MS = 60_000;
const SHORT_LEASE_MS = 900;
const DEFINITIONS = ['pays', 'parent', 'child', 'holds', 'commits'].map((name) => durable(name, () => null));

describe('a worker process', () => {
  let folder: string;
  let store: Store;
  let engine: Engine;
  let group: ReturnType<typeof processGroup>;
  let lines: EffectLine[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'faults-'));
    store = sqliteStore({ path: join(folder, 'runs.db'), pollMs: 20 });
    engine = engineOn(store, DEFINITIONS);
    group = processGroup();
    lines = [];
  });
  afterEach(async () => {
    await group[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  function startWorker(name: string, point = '', leaseMs = LONG_LEASE_MS): CrashProcess {
    return group.start({
      name,
      script: SCRIPT,
      args: [join(folder, 'runs.db'), String(leaseMs), name],
      execArgv: ['--conditions=@prusik/source'],
      env: { CRASH_POINT: point },
      onLine: (line) => void lines.push(line),
    });
  }

  async function until<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T> {
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  const ended = (run: string): Promise<Run> =>
    until(async () => {
      const found = await store.run(key(run));
      return found !== undefined && isFinal(found.status) ? found : undefined;
    });

  const acted = (step: string, count = 1): Promise<unknown> => until(() => (effects(step) >= count ? true : undefined));
  const effects = (step: string): number => lines.filter((line) => line.type === 'effect' && line.step === step).length;

  /** Ends the workers that are left, and says what they left behind. */
  async function leftBehind(...workers: readonly CrashProcess[]): Promise<unknown> {
    for (const worker of workers) {
      await until(() => (worker.output.includes('ready') ? true : undefined));
      worker.terminate();
    }
    const codes = await Promise.all(workers.map((worker) => worker.ended));
    expect(codes.map(({ code }) => code)).toEqual(workers.map(() => 0));
    expect(group.alive).toEqual([]);
    return (await inspectStore(store, { lines })).violations;
  }

  it.each([
    ['fault 1, DUR-12', 'after-claim', 'pays', 'sent', { pay: 1, send: 1 }],
    ['fault 2, DUR-5', 'before-outcome:pay', 'pays', 'sent', { pay: 2, send: 1 }],
    ['fault 2, DUR-5', 'before-outcome:send', 'pays', 'in doubt', { pay: 1, send: 1 }],
    ['fault 3, I4', 'after-outcome:send', 'pays', 'sent', { pay: 1, send: 1 }],
    ['fault 4, WFL-6', 'before-commit', 'parent', 'second', { pay: 1, send: 0 }],
    ['fault 4, WFL-6', 'after-commit', 'parent', 'second', { pay: 1, send: 0 }],
  ])(
    '%s: that is killed %s is followed by another, at once and not after the lease',
    async (_, point, name, output, times) => {
      const first = startWorker('first', point);
      await engine.start(name, null, { id: 'r' });
      expect(await first.ended).toMatchObject({ signal: 'SIGKILL' });
      const second = startWorker('second');

      expect(await ended('r')).toMatchObject({ status: 'completed', output });
      expect({ pay: effects('pay'), send: effects('send') }).toEqual(times);
      expect(await store.listRuns({ tenant: 'default', definition: ['child'], limit: 10 })).toMatchObject({
        items: name === 'parent' ? [{ status: 'completed' }] : [],
      });
      expect(await leftBehind(second)).toEqual([]);
    },
    30_000,
  );

  it('fault 5, fault 6, WFL-6: that held a parent is killed while the child runs, and the result comes once', async () => {
    const first = startWorker('first', 'after-commit:2');
    await engine.start('parent', null, { id: 'r' });
    await first.ended;
    const second = startWorker('second');

    expect(await ended('r')).toMatchObject({ status: 'completed' });
    expect(await leftBehind(second)).toEqual([]);
  }, 30_000);

  it.each([
    ['goes on to commit, is refused', 'commits', 'commit', 0],
    ['goes on in a step, is told', 'holds', 'hold', 1],
  ])(
    'fault 7, I1, DUR-2, DUR-3: that is stopped past its lease and %s, and writes nothing',
    async (_, name, step, told) => {
      const first = startWorker('first', '', SHORT_LEASE_MS);
      await engine.start(name, null, { id: 'r' });
      await acted(step);
      first.pause();
      const second = startWorker('second', '', SHORT_LEASE_MS);
      await acted(step, 2);
      first.resume();
      await acted('first told', told);

      expect(await ended('r')).toMatchObject({ status: 'completed', output: 'second', epoch: 2 });
      expect(effects('second told')).toBe(0);
      expect(await leftBehind(first, second)).toEqual([]);
      const acknowledged = lines.filter((line) => line.type === 'acknowledged');
      expect(acknowledged.map((line) => [line.key, line.epoch > 1])).toEqual([[step, true]]);
    },
    30_000,
  );

  it('fault 14, DUR-12: twenty runs that a killed worker held, and two that start at once: each is recovered once', async () => {
    const first = startWorker('first', 'after-commit:10');
    for (let n = 0; n < 20; n += 1) await engine.start('pays', null, { id: `r${n}` });
    await first.ended;
    const workers = [startWorker('second'), startWorker('third')];
    for (let n = 0; n < 20; n += 1) expect((await ended(`r${n}`)).status).toBe('completed');

    expect(await leftBehind(...workers)).toEqual([]);
  }, 30_000);
});
