import { memoryStore } from '@prusik/store-memory';
import { fakeClock } from '@prusik/testing-contracts';
import type { Store } from '@prusik/core';
import { describe, expect, it } from 'vitest';
import { durable, engineOn, gate, key, turns } from './support.ts';

/** Starts runs of `work` and loses `lost` workers that had claimed all of them. */
async function lostRuns(store: Store, clock: { advance(ms: number): void }, ids: readonly string[], lost: number) {
  const engine = engineOn(store, [durable('work', () => null)]);
  for (const id of ids) await engine.start('work', id, { id });
  for (let n = 0; n < lost; n += 1) {
    const { claims } = await store.claim({
      worker: `dead-${n}`,
      leaseMs: 1_000,
      limit: 100,
      suspects: { room: 1, alone: 30 },
      definitions: [{ name: 'work', versions: ['1'] }],
    });
    expect(claims).toHaveLength(ids.length);
    clock.advance(1_000);
  }
}

const names = (count: number): readonly string[] => Array.from({ length: count }, (_, n) => `r${n}`);

describe('runs that lost a worker', () => {
  it.each([
    [1, 8],
    [2, 4],
    [3, 2],
    [4, 1],
  ])('DUR-12: after %i lost workers, %i suspects are driven at once', async (lost, atOnce) => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    await lostRuns(store, clock, names(10), lost);
    let active = 0;
    let most = 0;
    const work = durable('work', async (ctx) => {
      await ctx.step('s', async () => {
        active += 1;
        most = Math.max(most, active);
        await turns(3);
        active -= 1;
      });
    });
    const engine = engineOn(store, [work], { clock });
    const worker = engine.worker();
    for (const id of names(10)) for await (const event of engine.events(key(id))) void event;
    await worker[Symbol.asyncDispose]();

    expect(most).toBe(atOnce);
  });

  it('DUR-12: a suspect that commits a step makes room at once, while its next step goes on', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    await lostRuns(store, clock, names(3), 4);
    const begun: string[] = [];
    const end = gate();
    const work = durable('work', async (ctx, name) => {
      await ctx.step('first', () => 1);
      await ctx.step('second', () => (begun.push(String(name)), end.opened));
    });
    const engine = engineOn(store, [work], { clock });
    const worker = engine.worker();
    await turns(60);

    expect(begun.toSorted()).toEqual(['r0', 'r1', 'r2']);
    end.open();
    await worker[Symbol.asyncDispose]();
  });

  it('DUR-12: callers that each drive a suspect at its last chance take turns', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    await lostRuns(store, clock, names(3), 4);
    let active = 0;
    let most = 0;
    const work = durable('work', (ctx) =>
      ctx.step('s', async () => {
        active += 1;
        most = Math.max(most, active);
        await turns(3);
        active -= 1;
      }),
    );
    const engine = engineOn(store, [work], { clock });

    const results = await Promise.all(names(3).map((id) => engine.drive(key(id))));

    expect(results.map(({ status }) => status)).toEqual(['completed', 'completed', 'completed']);
    expect(most).toBe(1);
  });

  it('DUR-12: healthy runs are driven beside a suspect at its last chance, other suspects wait', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    await lostRuns(store, clock, names(2), 4);
    const begun: string[] = [];
    const end = gate();
    const work = durable('work', (ctx, name) => ctx.step('s', () => (begun.push(String(name)), end.opened)));
    const engine = engineOn(store, [work], { clock });
    for (const id of ['a', 'b']) await engine.start('work', id, { id });
    const worker = engine.worker();
    await turns(60);

    expect(begun.toSorted()).toEqual(['a', 'b', 'r0']);
    end.open();
    await turns(60);
    expect(begun).toContain('r1');
    await worker[Symbol.asyncDispose]();
  });
});

describe('a process that was stopped for longer than its lease', () => {
  /** A run whose once step is under way, in an engine whose heartbeat does not come while it is stopped. */
  async function stopped() {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const begun: string[] = [];
    const end = gate<string>();
    const work = durable('work', async (ctx, input) => {
      if (input === 'short') return input;
      return Promise.all([
        ctx.step('pay', () => (begun.push('pay'), end.opened), { effect: 'once' }),
        ctx.step('read', () => (begun.push('read'), end.opened)),
      ]);
    });
    const engine = engineOn(store, [work], { clock });
    await engine.start('work', null, { id: 'r' });
    const worker = engine.worker();
    await turns();
    expect(begun.toSorted()).toEqual(['pay', 'read']);
    return { clock, store, begun, end, engine, worker };
  }

  it('DUR-2: goes on with its runs when nobody has taken them, instead of taking them from itself', async () => {
    const { clock, store, begun, end, engine, worker } = await stopped();
    // A suspended machine: its wall clock has moved on, and no time has passed for its timers.
    clock.jump(3_600_000);
    // Something to claim, before a heartbeat and after one.
    for (const id of ['a', 'b']) {
      await engine.start('work', 'short', { id });
      await turns();
      expect(await store.run(key(id))).toMatchObject({ status: 'completed' });
      clock.advance(10_000);
      await turns();
    }
    expect(await store.run(key('r'))).toMatchObject({ status: 'running', epoch: 1 });

    end.open('done');
    await turns();
    expect(await store.run(key('r'))).toMatchObject({ status: 'completed', output: ['done', 'done'] });
    expect(begun.toSorted()).toEqual(['pay', 'read']);
    await worker[Symbol.asyncDispose]();
  });

  it('DUR-2, DUR-14: hears of a cancel meanwhile', async () => {
    const { clock, store, engine, worker } = await stopped();
    clock.jump(3_600_000);
    await engine.cancel(key('r'));
    await turns();
    clock.advance(10_000);
    await turns();
    expect(await store.run(key('r'))).toMatchObject({ status: 'cancelled' });
    await worker[Symbol.asyncDispose]();
  });

  it('DUR-2, I1: is told when another worker has taken its runs, and writes nothing more', async () => {
    const { clock, store, end, worker } = await stopped();
    clock.jump(3_600_000);
    const work = durable('work', (ctx) =>
      Promise.all([ctx.step('pay', () => 'again', { effect: 'once' }), ctx.step('read', () => 'again')]),
    );
    const other = engineOn(store, [work], { clock });
    // Its once step is in doubt: nobody knows that the other is alive.
    expect(await other.drive(key('r'))).toMatchObject({ status: 'blocked', code: 'STEP_IN_DOUBT' });
    const before = await store.entries(key('r'), { after: 0, limit: 100 });
    clock.advance(10_000);
    end.open('late');
    await turns();

    expect(await store.entries(key('r'), { after: 0, limit: 100 })).toEqual(before);
    await worker[Symbol.asyncDispose]();
  });
});
