import { memoryStore } from '@prusik/store-memory';
import { fakeClock } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { durable, engineOn, gate, key, turns, untilCalled } from './support.ts';

describe('drain()', () => {
  it('DEF-7: drives all that can move, trees to their end, with one place too, and says when there is more to do', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const engine = engineOn(
      store,
      [
        durable('parent', (ctx) => Promise.all([1, 2, 3].map((n) => ctx.child(`c${n}`, 'child', n)))),
        durable('child', (ctx, n) => ctx.step('s', () => n)),
        durable('nap', (ctx) => ctx.sleep('nap', 60_000)),
        durable('ask', (ctx) => ctx.receive('answer')),
      ],
      { clock, limits: { slots: 1 } },
    );
    for (const name of ['parent', 'nap', 'ask']) await engine.start(name, null, { id: name });

    const drained = await engine.drain({ until: clock.now() + 1_000 });

    expect(drained).toEqual({ outcome: 'drained', wakeAt: clock.now() + 60_000 });
    const { items } = await store.listRuns({ tenant: 'default', limit: 10 });
    expect(items.map(({ status }) => status).toSorted()).toEqual([
      ...Array.from({ length: 4 }, () => 'completed'),
      'waiting',
      'waiting',
    ]);
  });

  it('DEF-7: with nothing to do says so at once', async () => {
    const engine = engineOn(memoryStore(), []);
    expect(await engine.drain({ until: new Date(Date.now() + 60_000) })).toEqual({ outcome: 'drained', wakeAt: null });
  });

  it('DEF-7, DUR-18: gives back what is not finished when the time is up, once steps within their grace', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const begun = untilCalled();
    const paid = gate<string>();
    const engine = engineOn(
      store,
      [
        durable('endless', (ctx) => ctx.step('s', () => new Promise(() => {}))),
        durable('payment', (ctx) => ctx.step('pay', () => (begun.call(), paid.opened), { effect: 'once' })),
      ],
      { clock, limits: { cancelGraceMs: 5_000 } },
    );
    for (const name of ['endless', 'payment']) await engine.start(name, null, { id: name });
    const draining = engine.drain({ until: clock.now() + 1_000 });
    await begun.called;
    clock.advance(1_000);
    await turns();
    paid.open('paid');
    await turns();
    // Whoever ignores that it should stop is given up after the grace.
    clock.advance(5_000);

    expect(await draining).toEqual({ outcome: 'time-up' });
    expect(await store.run(key('endless'))).toMatchObject({ status: 'queued' });
    const entries = await store.entries(key('payment'), { after: 0, limit: 10 });
    expect(entries.find(({ type }) => type === 'step-end')).toMatchObject({ outcome: { ok: true, value: 'paid' } });
  });

  it('DEF-7: stops for its signal, for the end of its engine and for a store that is away, and leaves no lease behind', async () => {
    const work = durable('work', (ctx) => ctx.step('s', () => new Promise(() => {})));
    const until = Date.now() + 60_000;

    const stop = new AbortController();
    const aborted = memoryStore();
    const first = engineOn(aborted, [work]);
    await first.start('work', null, { id: 'r' });
    const draining = first.drain({ until, signal: stop.signal });
    await turns();
    stop.abort(new Error('enough'));
    await expect(draining).rejects.toThrow('enough');
    expect(await aborted.run(key('r'))).toMatchObject({ status: 'queued' });

    const closed = memoryStore();
    const second = engineOn(closed, [work]);
    await second.start('work', null, { id: 'r' });
    const told = second.drain({ until }).catch((error: { code: string }) => error.code);
    await turns();
    await second[Symbol.asyncDispose]();
    expect(await told).toBe('ENGINE_CLOSED');
    expect(await closed.run(key('r'))).toMatchObject({ status: 'queued' });

    const away = { ...memoryStore(), claim: () => Promise.reject(new Error('away')) };
    await expect(engineOn(away, [work]).drain({ until })).rejects.toThrow('away');
    await expect(engineOn(memoryStore(), []).drain({ until: Number.NaN })).rejects.toThrow(TypeError);
  });
});
