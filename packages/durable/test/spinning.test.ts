import type { DurableContext } from '@prusik/core';
import { fakeClock } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { durable, engineOn, hurried, key, turns } from './support.ts';
import { STORES } from './stores.ts';

/** Calls after which a function stops by itself, since nothing else would stop a test that it keeps from going on. */
const TOO_MANY = 1_000_000;

const CALLS: Readonly<Record<string, (ctx: DurableContext, n: number) => Promise<unknown>>> = {
  steps: (ctx, n) => ctx.step(`step ${n}`, () => n),
  timers: (ctx, n) => ctx.sleep(`timer ${n}`, 1),
  signals: (ctx, n) => ctx.receive(`signal ${n}`),
  people: (ctx, n) => ctx.request(`request ${n}`, { kind: 'question', body: null }),
  children: (ctx, n) => ctx.child(`child ${n}`, 'child', null),
  'the messages of its thread': (ctx) => ctx.thread.read(),
};

const child = durable('child', () => 1);

describe.each(Object.entries(STORES))('a function that catches everything and asks on and on (%s)', (_, open) => {
  const stopped = Object.entries(CALLS).flatMap(([what, call]) => [
    [what, 'cancelled', call] as const,
    [what, 'failed', call] as const,
  ]);

  it.each(stopped)(
    'DUR-14, DUR-20, I9: for %s is given up within the grace, and its process goes on: %s',
    async (_what, status, call) => {
      const clock = fakeClock();
      await using opened = open({ clock });
      let asked = 0;
      const work = durable('work', async (ctx) => {
        await ctx.receive('never').catch(() => {});
        while (asked < TOO_MANY) await call(ctx, (asked += 1)).catch(() => {});
      });
      const limits = { parkAfterMs: 60_000, cancelGraceMs: 1_000 };
      const engine = engineOn(opened.store, [work, child], { clock, limits });
      const running = engine.run('work', null, { id: 'r', ...(status === 'failed' ? { timeoutMs: 5_000 } : {}) });
      await turns(40);
      if (status === 'failed') clock.advance(5_000);
      else await engine.cancel(key('r'));
      await turns(200);
      clock.advance(1_000);

      expect(await running).toMatchObject({ status });
      expect(asked).toBeLessThan(TOO_MANY);
    },
  );

  it.each([
    ['what the store has at once', (ctx: DurableContext) => ctx.thread.read()],
    ['a key that it has used', (ctx: DurableContext) => ctx.step('again', () => 1)],
  ])('DUR-14, I9: for %s can be cancelled', async (_what, call) => {
    const clock = fakeClock();
    await using opened = open({ clock });
    let asked = 0;
    const work = durable('work', async (ctx) => {
      for (; asked < TOO_MANY; asked += 1) await call(ctx).catch(() => {});
    });
    const engine = engineOn(opened.store, [work], { clock, limits: { cancelGraceMs: 1_000 } });
    const running = engine.run('work', null, { id: 'r' });
    await turns();
    await engine.cancel(key('r'));
    await turns();
    clock.advance(1_000);

    expect(await running).toMatchObject({ status: 'cancelled' });
    expect(asked).toBeLessThan(TOO_MANY);
  });

  it.each([
    ['what the store has at once', (ctx: DurableContext) => ctx.thread.read()],
    ['a key that it has used', (ctx: DurableContext) => ctx.step('again', () => 1)],
    [
      'a child that it gives up before it asks',
      (ctx: DurableContext) => ctx.child('given up', 'child', null, { signal: AbortSignal.abort() }),
    ],
  ])('DUR-14, I9: for %s is given back when its engine is disposed', async (_what, call) => {
    await using opened = open();
    let asked = 0;
    const work = durable('work', async (ctx) => {
      for (; asked < TOO_MANY; asked += 1) await call(ctx).catch(() => {});
    });
    const engine = engineOn(opened.store, [work, child]);
    const running = engine.run('work', null, { id: 'r' }).catch((error: unknown) => error);
    await turns();
    await engine[Symbol.asyncDispose]();

    expect(await running).toMatchObject({ code: 'ENGINE_CLOSED' });
    expect(await opened.store.run(key('r'))).toMatchObject({ status: 'queued' });
    expect(asked).toBeLessThan(TOO_MANY);
  });
});

describe.each(Object.entries(STORES))('a function that asks for much (%s)', (_, open) => {
  const readOften = async (ctx: DurableContext, times = 1_500): Promise<void> => {
    for (let n = 0; n < times; n += 1) await ctx.thread.read();
  };

  it('DUR-14: reads within the grace of its cancel, whatever it has read before', async () => {
    const clock = fakeClock();
    await using opened = open({ clock });
    let cleaned = false;
    const work = durable('work', async (ctx) => {
      await readOften(ctx);
      await ctx.receive('never').catch(() => {});
      await readOften(ctx);
      cleaned = true;
    });
    const limits = { parkAfterMs: 60_000, cancelGraceMs: 1_000 };
    const engine = engineOn(opened.store, [work], { clock, limits });
    const running = engine.run('work', null, { id: 'r' });
    await turns(40);
    await engine.cancel(key('r'));
    await hurried(clock, running);

    expect(cleaned).toBe(true);
  });

  it.each([
    ['whatever it has read on its way', 1_000, 1_500],
    ['also where it is given no grace', 0, 900],
  ])('DUR-20: comes by a replay to where it stood when its time was up, %s', async (_what, cancelGraceMs, reads) => {
    const clock = fakeClock();
    await using opened = open({ clock });
    const work = durable('work', async (ctx) => {
      await readOften(ctx, reads);
      await ctx.step('s', () => 1);
      await readOften(ctx, reads);
      return ctx.receive('never').catch(() => 'late');
    });
    const engine = engineOn(opened.store, [work], { clock, limits: { cancelGraceMs } });
    expect(await engine.run('work', null, { id: 'r', timeoutMs: 60_000 })).toMatchObject({ status: 'waiting' });
    clock.advance(60_000);

    expect(await hurried(clock, engine.drive(key('r')))).toMatchObject({ status: 'completed', output: 'late' });
  });

  it('DUR-9: has a race with a refusal won alike on replay, however much was refused before', async () => {
    await using opened = open();
    const winners: unknown[] = [];
    const work = durable('work', async (ctx) => {
      await ctx.step('used', () => 1);
      const refused = (): Promise<unknown> => ctx.step('used', () => 1).catch(() => 'refused');
      for (let n = 0; n < 1_000; n += 1) await refused();
      await ctx.step('between', () => 2);
      winners.push(await Promise.race([refused(), ctx.step('slow', () => turns(5).then(() => 'slow'))]));
      await ctx.receive('go');
    });
    const engine = engineOn(opened.store, [work]);
    expect(await engine.run('work', null, { id: 'r' })).toMatchObject({ status: 'waiting' });
    await engine.signal(key('r'), 'go', null);

    expect(await engine.drive(key('r'))).toMatchObject({ status: 'completed' });
    expect(winners).toEqual(['refused', 'refused']);
  });
});
