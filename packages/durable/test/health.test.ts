import { describe, expect, it } from 'vitest';
import { PrusikError, type DurableContext, type Entry } from '@prusik/core';
import { createEngine } from '@prusik/durable';
import { memoryStore } from '@prusik/store-memory';
import { fakeClock } from '@prusik/testing-contracts';

const key = (run: string): { readonly tenant: string; readonly run: string } => ({ tenant: 'default', run });

describe('how an engine stands', () => {
  it('TEL-4: health() tells places, drives and workers beside what the store tells', async () => {
    const opened = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const definition = {
      name: 'long',
      kind: 'function',
      version: '1',
      run: (ctx: DurableContext) => ctx.step('s', () => (begun.resolve(), opened.promise.then(() => 1))),
    } as const;
    const clock = fakeClock();
    await using store = memoryStore({ clock });
    await using engine = createEngine({
      store,
      clock,
      definitions: [definition],
      limits: { slots: 3 },
      newId: () => 'me',
    });
    const idle = { worker: 'me', workers: 0, drives: 0, slots: { total: 3, free: 3 } };
    expect(await engine.health()).toEqual({ store: await store.health(), ...idle });

    const worker = engine.worker();
    await engine.start('long', null, { id: 'r' });
    await begun.promise;
    expect(await engine.health()).toMatchObject({
      workers: 1,
      drives: 1,
      slots: { free: 2 },
      store: { runs: { running: 1 } },
    });
    opened.resolve();
    await engine.drive(key('r'));
    await worker[Symbol.asyncDispose]();
    expect(await engine.health()).toMatchObject({ ...idle, store: { runs: { running: 0, completed: 1 } } });
  });

  it('TEL-4: health() tells the last claim that the store refused, by its code', async () => {
    const clock = fakeClock();
    await using sound = memoryStore({ clock });
    const refused = Promise.withResolvers<void>();
    const store = {
      ...sound,
      claim: () => Promise.reject(new PrusikError('STORE_BUSY', 'It is held by others', { retryable: true })),
    };
    await using engine = createEngine({ store, clock, definitions: [], onWarning: () => refused.resolve() });
    expect(await engine.health()).not.toHaveProperty('claimError');
    engine.worker();
    await refused.promise;
    expect((await engine.health()).claimError).toEqual({ code: 'STORE_BUSY', at: clock.now() });
  });

  it('DUR-10: wake() lets a parked run look again; its timer stays what it was', async () => {
    const clock = fakeClock();
    let looks = 0;
    const definition = {
      name: 'sleeper',
      kind: 'function',
      version: '1',
      async run(ctx: DurableContext) {
        looks += 1;
        await ctx.sleep('nap', 60_000);
        return looks;
      },
    } as const;
    await using store = memoryStore({ clock });
    await using engine = createEngine({ store, clock, definitions: [definition], limits: { parkAfterMs: 0 } });
    const parked = await engine.run('sleeper', null, { id: 'r' });
    expect(parked).toMatchObject({ status: 'waiting', wakeAt: clock.now() + 60_000 });

    clock.advance(1_000);
    expect(await engine.wake(key('r'))).toMatchObject({ outcome: 'woken' });
    expect(await engine.drive(key('r'))).toMatchObject({ status: 'waiting', wakeAt: clock.now() + 59_000 });
    expect(looks).toBe(2);
    clock.advance(59_000);
    expect(await engine.drive(key('r'))).toMatchObject({ status: 'completed', output: 3 });
    expect(await engine.wake(key('r'))).toMatchObject({ outcome: 'nothing' });
    expect(await engine.wake(key('nobody'))).toEqual({ outcome: 'unknown' });
  });

  it('DUR-10: wake() makes no journal grow where nothing has come; what has come is recorded as ever', async () => {
    const clock = fakeClock();
    let looks = 0;
    const definition = {
      name: 'receiver',
      kind: 'function',
      version: '1',
      async run(ctx: DurableContext) {
        looks += 1;
        await ctx.receive('first');
        const { timedOut } = await ctx.receive('second', { timeoutMs: 60_000 });
        return timedOut;
      },
    } as const;
    await using store = memoryStore({ clock });
    await using engine = createEngine({ store, clock, definitions: [definition], limits: { parkAfterMs: 0 } });
    const entries = (): Promise<readonly Entry[]> => store.entries(key('r'), { after: 0, limit: 100 });
    await engine.run('receiver', null, { id: 'r' });
    const parked = await entries();
    for (let woken = 0; woken < 10; woken += 1) {
      await engine.wake(key('r'));
      await engine.drive(key('r'));
    }
    expect(looks).toBe(11);
    expect(await entries()).toEqual(parked);

    await engine.signal(key('r'), 'first', null);
    const wakeAt = clock.now() + 60_000;
    expect(await engine.drive(key('r'))).toMatchObject({ status: 'waiting', wakeAt });
    const added = (await entries()).slice(parked.length);
    expect(added.map(({ type }) => type)).toEqual(['run-claim', 'wait-end', 'wait-start', 'run-park']);
    await engine.wake(key('r'));
    expect(await engine.drive(key('r'))).toMatchObject({ status: 'waiting', wakeAt });
    expect(await entries()).toHaveLength(parked.length + added.length);
    clock.advance(60_000);
    expect(await engine.drive(key('r'))).toMatchObject({ status: 'completed', output: true });
  });
});
