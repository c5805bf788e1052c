import { memoryStore } from '@prusik/store-memory';
import { fakeClock } from '@prusik/testing-contracts';
import type { Store } from '@prusik/core';
import { describe, expect, it } from 'vitest';
import { durable, engineOn, gate, key } from './support.ts';

const turns = async (count = 20): Promise<void> => {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve));
};

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

    expect(begun).toEqual(['r0', 'r1', 'r2']);
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
