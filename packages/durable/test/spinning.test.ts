import type { DurableContext } from '@prusik/core';
import { fakeClock } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { durable, engineOn, key, turns } from './support.ts';
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
});
