import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryStore } from '@prusik/store-memory';
import { sqliteStore } from '@prusik/store-sqlite';
import { PrusikError, type Commit, type Entry, type Store } from '@prusik/core';
import { describe, expect, it } from 'vitest';
import { dyingStore, fakeClock, type FakeClock } from '@prusik/testing-contracts';
import { durable, engineOn, entriesOf, key } from './support.ts';
import type { RunResult } from '../src/index.ts';

/** Counts what happened in the world, beside every store. */
interface World {
  readonly effects: string[];
  readonly uuids: Set<string>;
  /** The shop has had no room once. */
  refused: boolean;
}

const LIMITS = { leaseMs: 30_000, heartbeatMs: 10_000 };

/** A run with everything in it: keyed, once and parallel steps, a timer, three children, an approval, a ledger. */
function mainRun(world: World) {
  const effect = (name: string) => void world.effects.push(name);
  const child = durable('child', async (ctx, n) => {
    const tokens = await ctx.step(
      'model',
      ({ usage }) => {
        effect(`model ${String(n)}`);
        usage({ inputTokens: 10, outputTokens: Number(n) });
        return Number(n);
      },
      { kind: 'model', reserve: { calls: 1, tokens: 100 } },
    );
    if (n === 2) await ctx.request('may-i', { kind: 'approval', body: { n } });
    return tokens * 10;
  });
  const main = durable('main', async (ctx) => {
    world.uuids.add(ctx.uuid('u'));
    const [a, b] = await Promise.all([
      ctx.step('keyed', ({ idempotencyKey }) => (effect(`keyed ${idempotencyKey}`), 1), { effect: 'keyed' }),
      ctx.step('plain', () => (effect('plain'), 2)),
    ]);
    await ctx.sleep('nap', 5_000);
    await ctx.step('once', () => (effect('once'), 3), { effect: 'once', inDoubt: 'fail' }).catch(() => 'in doubt');
    await ctx
      .step(
        'busy',
        () => {
          if (world.refused) return effect('busy');
          world.refused = true;
          throw new PrusikError('BUSY', 'no room', { retryable: true, meta: { retryAfterMs: 25_000 } });
        },
        { effect: 'once', inDoubt: 'fail' },
      )
      .catch(() => 'in doubt');
    const parts = await Promise.all([1, 2, 3].map((n) => ctx.child<number>(`c${n}`, 'child', n)));
    ctx.emit('summed', parts.length);
    return { a, b, parts };
  });
  return [main, child];
}

/** A person and a clock: whatever the run waits for comes. */
async function bringToEnd(store: Store, clock: FakeClock, world: World): Promise<RunResult> {
  const engine = engineOn(store, mainRun(world), { clock, limits: LIMITS });
  await engine.start('main', null, { id: 'r', budget: { tokens: 1_000, calls: 20 } });
  for (let turn = 0; turn < 50; turn += 1) {
    // A lease of the dead process is followed until it runs out; here time is what has to be moved.
    const driving = engine.drive(key('r'));
    const timer = setInterval(() => clock.advance(10_000), 5);
    const result = await driving.finally(() => clearInterval(timer));
    if (result.status !== 'waiting') return result;
    clock.advance(Math.max(6_000, (result.wakeAt ?? 0) - clock.now()));
    const { items } = await store.listRequests({ tenant: 'default', root: 'r', status: ['open'], limit: 10 });
    for (const request of items) await engine.decide(request.run, request.id, { status: 'approved' });
  }
  throw new Error('The run did not end');
}

async function check(store: Store, world: World): Promise<void> {
  const runs = (await store.listRuns({ tenant: 'default', root: 'r', limit: 100 })).items;
  expect(runs).toHaveLength(4);
  for (const run of runs) {
    const entries = await entriesOf(store, run.key);
    expect(run.status).toBe('completed');
    expect(entries.map((entry) => entry.seq)).toEqual(entries.map((_, index) => index + 1));
    expect(entries.filter((entry) => entry.type === 'run-end')).toHaveLength(1);
    expect(entries.at(-1)?.type).toBe('run-end');
    const keys = outcomes(entries);
    expect(new Set(keys).size, 'an outcome is recorded once').toBe(keys.length);
  }
  for (const name of ['once', 'busy'])
    expect(world.effects.filter((effect) => effect === name).length).toBeLessThanOrEqual(1);
  expect(new Set(world.effects.filter((effect) => effect.startsWith('keyed'))).size).toBe(1);
  expect(world.uuids.size).toBe(1);
  const ledger = await store.ledger(key('r'));
  expect(ledger?.reserved).toEqual({ calls: 0, tokens: 0, costMicros: 0 });
  // A call that was reserved and lost is charged, whether or not it had begun.
  const calls = world.effects.filter((effect) => effect.startsWith('model')).length;
  const reserved = (await Promise.all(runs.map((run) => entriesOf(store, run.key))))
    .flat()
    .filter((entry) => entry.type === 'step-intent' && entry.reserved);
  expect(ledger?.used.calls).toBe(reserved.length);
  expect(reserved.length - calls, 'calls in flight').toBeLessThanOrEqual(3);
}

function outcomes(entries: readonly Entry[]): readonly string[] {
  return entries.flatMap((entry) => (entry.type === 'step-end' || entry.type === 'wait-end' ? [entry.key] : []));
}

/** A store and its second handle, as another process would open it. */
interface Opened {
  readonly first: Store;
  readonly second: Store;
  readonly close: () => Promise<void>;
}

const stores: Readonly<Record<string, (clock: FakeClock) => Opened>> = {
  memory(clock) {
    const store = memoryStore({ clock });
    return { first: store, second: store, close: async () => store[Symbol.asyncDispose]() };
  },
  SQLite(clock) {
    const folder = mkdtempSync(join(tmpdir(), 'crash-'));
    const open = () => sqliteStore({ path: join(folder, 'runs.db'), clock });
    const [first, second] = [open(), open()];
    return {
      first,
      second,
      async close() {
        await Promise.all([first[Symbol.asyncDispose](), second[Symbol.asyncDispose]()]);
        rmSync(folder, { recursive: true });
      },
    };
  },
};

describe.each(Object.entries(stores))('a process that dies at any write to its store (%s)', (_, open) => {
  it.each(['before', 'after'] as const)(
    'TST-3, I1, I4: dies %s the k-th write, for every k, and another goes on with nothing lost or done twice',
    async (when) => {
      let points = 0;
      for (let k = 1; ; k += 1) {
        const clock = fakeClock();
        const { first, second, close } = open(clock);
        const world: World = { effects: [], uuids: new Set(), refused: false };
        const dying = dyingStore(first, k, when);
        const dead = bringToEnd(dying.store, clock, world);
        const how = await Promise.race([dying.died, dead.then((result) => result.status)]);
        if (how === 'completed') {
          await close();
          break;
        }
        points += 1;

        const result = await bringToEnd(second, clock, world);

        const output = { a: 1, b: 2, parts: [10, 20, 30] };
        expect({ ...result, k, how }).toMatchObject({ status: 'completed', output });
        await check(second, world);
        await close();
      }
      expect(points).toBeGreaterThan(20);
    },
    60_000,
  );

  it('DUR-5: dies between the effect of a once step and its record, and the step is in doubt, not done again', async () => {
    const clock = fakeClock();
    const { first, second, close } = open(clock);
    const world: World = { effects: [], uuids: new Set(), refused: false };
    const dying = dyingStore(
      first,
      (method, [commit]) => method === 'commit' && ends(commit as Commit, 'once'),
      'before',
    );
    void bringToEnd(dying.store, clock, world);
    await dying.died;

    expect(await bringToEnd(second, clock, world)).toMatchObject({ status: 'completed' });

    expect(world.effects.filter((effect) => effect === 'once')).toHaveLength(1);
    const settled = (await entriesOf(second, key('r'))).flatMap((entry) =>
      entry.type === 'step-end' && entry.key === 'once' ? [entry.settledBy] : [],
    );
    expect(settled).toEqual(['doubt']);
    await close();
  });
});

const ends = (commit: Commit, step: string): boolean =>
  commit.entries.some((entry) => entry.type === 'step-end' && entry.key === step);
