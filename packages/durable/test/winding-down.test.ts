import type { Store } from '@prusik/core';
import { fakeClock, type FakeClock } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import type { Engine } from '../src/index.ts';
import { durable, engineOn, entriesOf, key, turns } from './support.ts';
import { STORES } from './stores.ts';

const child = durable('child', (ctx) => ctx.receive('never'));
const work = durable('work', async (ctx) => {
  const nap = ctx.sleep('nap', 1_000);
  await ctx.child('child', 'child', null);
  await nap;
});

/** A run that was cancelled while it waits in memory for a child, which somebody else has taken, and takes his time. */
async function windingDown(store: Store, clock: FakeClock): Promise<Engine> {
  const claim: Store['claim'] = async (wanted) => {
    const given = await store.claim(wanted);
    return { ...given, claims: given.claims.filter(({ run }) => run.definition !== 'child') };
  };
  const limits = { parkAfterMs: 10_000 };
  const engine = engineOn({ ...store, claim }, [work, child], { clock, limits });
  void engine.run('work', null, { id: 'r' }).catch(() => {});
  await turns(40);
  await engine.cancel(key('r'));
  await turns(40);
  return engine;
}

describe.each(Object.entries(STORES))('a run that winds down (%s)', (_, open) => {
  it('WFL-7, DUR-10: waits for its children alone, and sleeps while they take their time, whatever timers it has', async () => {
    const clock = fakeClock();
    await using opened = open({ clock });
    const alone = await windingDown(opened.store, clock);
    // Its timer is past, and then the time that it waits in memory.
    for (const ms of [2_000, 10_000, 10_000, 5_000]) {
      clock.advance(ms);
      await turns(40);
    }
    expect(await opened.store.run(key('r'))).toMatchObject({ status: 'waiting' });

    const parked = (await entriesOf(opened.store, key('r'))).findLast(({ type }) => type === 'run-park');
    expect(parked).toMatchObject({ wakeAt: null });
    await alone[Symbol.asyncDispose]();
    clock.advance(120_000);
    expect(await engineOn(opened.store, [work, child], { clock }).drive(key('r'))).toMatchObject({
      status: 'cancelled',
    });
  });

  it('DUR-18: is given back at once when its engine is disposed, whatever its children do', async () => {
    const clock = fakeClock();
    await using opened = open({ clock });
    const engine = await windingDown(opened.store, clock);

    await engine[Symbol.asyncDispose]();

    expect(await opened.store.run(key('r'))).toMatchObject({ status: 'queued' });
  });
});
