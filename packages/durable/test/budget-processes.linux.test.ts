import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Ledger, RunKey, Store } from '@prusik/core';
import { sqliteStore } from '@prusik/store-sqlite';
import { inspectStore } from '@prusik/testing-contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CALL_TOKENS, PARTS, spenders } from './spenders.ts';
import { engineOn, entriesOf, key } from './support.ts';

const LIMITS = { tokens: 5_000, calls: 200, runs: PARTS };

describe('one budget that processes spend from', () => {
  let folder: string;
  let path: string;
  let store: Store;
  const processes = new Set<ChildProcess>();

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'spenders-'));
    path = join(folder, 'runs.db');
    store = sqliteStore({ path });
  });
  afterEach(async () => {
    for (const one of processes) one.kill('SIGKILL');
    await store[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  async function start(): Promise<ChildProcess> {
    const script = join(import.meta.dirname, 'fixtures', 'spender-process.ts');
    const args = ['--conditions=@prusik/source', script, path];
    const one = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    processes.add(one);
    one.once('exit', () => processes.delete(one));
    await once(one.stdout, 'data');
    return one;
  }

  async function partKeys(): Promise<readonly RunKey[]> {
    const { items } = await store.listRuns({ tenant: 'default', parent: 'r', limit: 1_000 });
    return items.map((run) => run.key);
  }

  function expectWithin({ limits, used, reserved }: Ledger): void {
    for (const dimension of ['calls', 'tokens', 'runs'] as const)
      expect(used[dimension] + reserved[dimension]).toBeLessThanOrEqual(limits[dimension] ?? Infinity);
  }

  it('WFL-4, DUR-12: is spent and never overspent, whoever is killed; what a dead one held is charged, and nothing is held at the end', async () => {
    const engine = engineOn(store, spenders);
    await engine.start('spend-all', null, { id: 'r', budget: LIMITS });
    const workers = [await start(), await start()];
    let looks = 0;
    for (let kills = 0; (await store.run(key('r')))?.status !== 'completed'; looks += 1) {
      const ledger = await store.ledger(key('r'));
      if (ledger !== undefined) expectWithin(ledger);
      // While it holds something, one of the two in turn, with another in its place.
      if (looks % 10 === 9 && kills < 4 && (ledger?.reserved.calls ?? 0) > 8) {
        workers[kills % 2]?.kill('SIGKILL');
        workers[kills % 2] = await start();
        kills += 1;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }

    const parts = await partKeys();
    const ledgers = await Promise.all([key('r'), ...parts].map((run) => store.ledger(run)));
    const whole = ledgers[0] as Ledger;
    const entries = (await Promise.all(parts.map((run) => entriesOf(store, run)))).flat();
    const ends = entries.flatMap((entry) => (entry.type === 'step-end' && entry.outcome.ok ? [entry] : []));
    const intents = entries.filter((entry) => entry.type === 'step-intent');
    const told = ends.reduce((sum, { usage }) => sum + (usage?.inputTokens ?? 0), 0);
    const lost = intents.length - ends.length;
    const root = await store.run(key('r'));
    const made = ((root?.output ?? []) as readonly number[]).reduce((sum, n) => sum + n, 0);

    expect((await inspectStore(store)).violations).toEqual([]);
    for (const ledger of ledgers) if (ledger !== undefined) expectWithin(ledger);
    expect(ledgers.flatMap((ledger) => (ledger === undefined ? [] : [ledger.reserved]))).toEqual(
      Array.from({ length: 1 + PARTS / 2 }, () => ({ calls: 0, tokens: 0, costMicros: 0, runs: 0 })),
    );
    expect(lost).toBeGreaterThan(0);
    expect(made).toBe(ends.length);
    // To the token: what each call told, and the whole reservation of each that was lost.
    expect(whole.used).toEqual({
      calls: intents.length,
      tokens: told + lost * CALL_TOKENS,
      costMicros: 0,
      runs: PARTS,
    });
    // It was met: somebody had to stop, and there was no room for one more call.
    expect(made).toBeLessThan(PARTS * 4);
    expect(Math.min(LIMITS.tokens - whole.used.tokens - CALL_TOKENS, LIMITS.calls - whole.used.calls - 1)).toBeLessThan(
      0,
    );
  }, 60_000);
});
