import { memoryStore } from '@prusik/store-memory';
import { fakeClock, type FakeClock } from '@prusik/testing-contracts';
import { PrusikError } from '@prusik/core';
import { describe, expect, it, vi } from 'vitest';
import { durable, engineOn, entriesOf, gate, key, turns, untilCalled } from './support.ts';

const HOUR = 3_600_000;

/** Time passes for a worker and for its store alike. */
async function pass(ms: number, ...clocks: readonly FakeClock[]): Promise<void> {
  for (let left = ms; left > 0; left -= 1_000) {
    for (const clock of clocks) clock.advance(Math.min(left, 1_000));
    await turns(4);
  }
}

describe("a worker's clock that jumps", () => {
  it.each([
    ['forward', HOUR],
    ['back', -HOUR],
  ])('DUR-7, DUR-2: an hour %s wakes nobody early, takes no lease over and loses none', async (_, jump) => {
    const storeClock = fakeClock();
    const store = memoryStore({ clock: storeClock });
    const begun = untilCalled();
    const end = gate<string>();
    const definitions = [
      durable('nap', (ctx) => ctx.sleep('nap', 60_000).then(() => ctx.now())),
      durable('held', (ctx) => ctx.step('s', () => (begun.call(), end.opened))),
    ];
    const holderClock = fakeClock();
    const holder = engineOn(store, definitions, { clock: holderClock });
    const began = storeClock.now();
    await holder.start('held', null, { id: 'held' });
    holder.worker();
    await begun.called;

    const clock = fakeClock();
    clock.jump(jump);
    const engine = engineOn(store, definitions, { clock });
    await engine.start('nap', null, { id: 'nap' });
    engine.worker();
    await turns();
    clock.jump(jump);
    holderClock.jump(jump);
    await pass(55_000, storeClock, clock, holderClock);
    expect(await store.run(key('nap'))).toMatchObject({ status: 'waiting' });
    expect(await store.run(key('held'))).toMatchObject({ status: 'running', epoch: 1 });

    await pass(6_000, storeClock, clock, holderClock);
    expect(await store.run(key('nap'))).toMatchObject({ status: 'completed' });
    expect((await store.run(key('nap')))?.output).toBeGreaterThanOrEqual(began + 60_000);
    end.open('done');
    await turns();
    expect(await store.run(key('held'))).toMatchObject({ status: 'completed', output: 'done', epoch: 1 });
    await Promise.all([holder, engine].map((one) => one[Symbol.asyncDispose]()));
  });
});

describe("the store's clock that jumps", () => {
  it('DUR-2, I1: an hour forward lets another worker take a run over, and the fence holds against the first', async () => {
    const storeClock = fakeClock();
    const store = memoryStore({ clock: storeClock });
    const begun = untilCalled();
    const end = gate<string>();
    const firstClock = fakeClock();
    const first = engineOn(store, [durable('work', (ctx) => ctx.step('s', () => (begun.call(), end.opened)))], {
      clock: firstClock,
    });
    await first.start('work', null, { id: 'r' });
    first.worker();
    await begun.called;
    storeClock.jump(HOUR);

    const second = engineOn(store, [durable('work', (ctx) => ctx.step('s', () => 'second'))], { clock: fakeClock() });
    expect(await second.drive(key('r'))).toMatchObject({ status: 'completed', output: 'second' });
    const before = await entriesOf(store, key('r'));
    end.open('first');
    await pass(11_000, firstClock);

    expect(await entriesOf(store, key('r'))).toEqual(before);
    await first[Symbol.asyncDispose]();
  });

  it('DUR-7: an hour back stops time: nothing is early, no entry is older than the one before, and runs go on', async () => {
    const storeClock = fakeClock();
    const clock = fakeClock();
    const store = memoryStore({ clock: storeClock });
    const work = durable('work', async (ctx) => {
      await ctx.step('a', () => 1);
      await ctx.sleep('nap', 30_000);
      await ctx.step('b', () => 2);
      return ctx.now();
    });
    const engine = engineOn(store, [work], { clock });
    await engine.start('work', null, { id: 'r' });
    engine.worker();
    await turns();
    storeClock.jump(-HOUR);
    await pass(40_000, storeClock, clock);
    expect(await store.run(key('r'))).toMatchObject({ status: 'waiting' });

    await engine.start('work', null, { id: 'other' });
    await turns();
    expect(await store.run(key('other'))).toMatchObject({ status: 'waiting' });
    storeClock.advance(HOUR);
    await pass(60_000, storeClock, clock);

    expect(await store.run(key('r'))).toMatchObject({ status: 'completed' });
    const times = (await entriesOf(store, key('r'))).map(({ at }) => at);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    await engine[Symbol.asyncDispose]();
  });
});

describe('a second copy of core in the process', () => {
  it('DEF-4: its errors are told by their code, and mean the same', async () => {
    vi.resetModules();
    const second = await import('@prusik/core');
    expect(second.PrusikError).not.toBe(PrusikError);
    const clock = fakeClock();
    let calls = 0;
    const work = durable('work', async (ctx) => {
      await ctx.step('refused', () => {
        calls += 1;
        if (calls === 1) throw new second.PrusikError('BUSY', 'no room', { meta: { retryAfterMs: 1_000 } });
      });
      await ctx.step(
        'final',
        () => {
          calls += 1;
          throw new second.PrusikError('SECOND', 'of another copy', { meta: { n: 1 } });
        },
        { retry: { attempts: 3 } },
      );
    });
    const engine = engineOn(memoryStore({ clock }), [work], { clock });
    const running = engine.run('work', null);
    await pass(3_000, clock);

    expect(await running).toMatchObject({
      status: 'failed',
      error: { code: 'SECOND', message: 'of another copy', meta: { n: 1 } },
    });
    expect(calls).toBe(3);
  });
});
