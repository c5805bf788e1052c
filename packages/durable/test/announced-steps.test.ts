import type { Commit, DurableContext, Entry, StepOptions, Store } from '@prusik/core';
import { fakeClock } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { durable, engineOn, entriesOf, gate, key, turns, untilCalled } from './support.ts';
import { STORES } from './stores.ts';

/** The store, and what is committed to it. */
function watched(inner: Store): { readonly store: Store; readonly commits: Commit[] } {
  const commits: Commit[] = [];
  const commit: Store['commit'] = (given) => {
    commits.push(given);
    return inner.commit(given);
  };
  return { store: { ...inner, commit }, commits };
}

const typesOf = (entries: readonly Pick<Entry, 'type'>[]): readonly string[] => entries.map(({ type }) => type);
const ofOnce = (entries: readonly Entry[]): readonly Entry[] =>
  entries.filter((entry) => 'key' in entry && entry.key === 'once');

/** A step that leads to one of effect once, and the one. */
const lead = (ctx: DurableContext): Promise<number> =>
  ctx.step('lead', () => 1, { leadsTo: () => [{ key: 'once', name: 'act' }] });
const act = (ctx: DurableContext, effect: () => unknown): Promise<unknown> =>
  ctx.step('once', effect, { effect: 'once', name: 'act' });

describe.each(Object.entries(STORES))('a once step whose intent goes ahead (%s)', (_, open) => {
  it('DUR-5: has it in the commit of the outcome that leads to it, and is executed when it is asked for', async () => {
    await using opened = open();
    const { store, commits } = watched(opened.store);
    const told: string[] = [];
    const work = durable('work', async (ctx) => {
      await lead(ctx);
      told.push('asked');
      return act(ctx, () =>
        told.push(`executed after ${typesOf(commits.flatMap(({ entries }) => entries)).join(' ')}`),
      );
    });

    expect(await engineOn(store, [work]).run('work', null, { id: 'r' })).toMatchObject({ status: 'completed' });
    expect(told).toEqual(['asked', 'executed after run-claim step-end step-intent']);
    expect(commits.map(({ entries }) => typesOf(entries))).toEqual([
      ['run-claim', 'step-end', 'step-intent'],
      ['step-end'],
      ['run-end'],
    ]);
    expect(ofOnce(await entriesOf(store, key('r')))).toMatchObject([
      { type: 'step-intent', kind: 'step', name: 'act', effect: 'once', attempt: 1 },
      { type: 'step-end', attempt: 1, outcome: { ok: true } },
    ]);
  });

  it('DUR-5, I4: is in doubt where its process was lost before it was asked for', async () => {
    const clock = fakeClock();
    await using opened = open({ clock });
    const lost = untilCalled();
    let executed = 0;
    const before = durable('work', async (ctx) => {
      await lead(ctx);
      lost.call();
      await new Promise(() => {});
    });
    const after = durable('work', async (ctx) => {
      await lead(ctx);
      return act(ctx, () => (executed += 1));
    });
    // Nothing of it is written any more from the moment on at which its process would be gone.
    let gone = false;
    const dead: Store = {
      ...opened.store,
      commit: (given) => (gone ? new Promise(() => {}) : opened.store.commit(given)),
      renew: (...held) => (gone ? new Promise(() => {}) : opened.store.renew(...held)),
    };
    void engineOn(dead, [before], { clock, limits: { parkAfterMs: 60_000 } }).run('work', null, { id: 'r' });
    await lost.called;
    gone = true;
    clock.advance(120_000);

    expect(await engineOn(opened.store, [after], { clock }).drive(key('r'))).toMatchObject({
      status: 'blocked',
      code: 'STEP_IN_DOUBT',
    });
    expect(executed).toBe(0);
  });

  it('DUR-14: is on record as not executed where its run is cancelled before', async () => {
    await using opened = open();
    const led = untilCalled();
    const work = durable('work', async (ctx) => {
      await lead(ctx);
      led.call();
      await new Promise(() => {});
    });
    const engine = engineOn(opened.store, [work], { limits: { parkAfterMs: 60_000 } });
    const running = engine.run('work', null, { id: 'r' });
    await led.called;
    await engine.cancel(key('r'));

    expect(await running).toMatchObject({ status: 'cancelled' });
    expect(ofOnce(await entriesOf(opened.store, key('r'))).at(-1)).toMatchObject({
      type: 'step-end',
      outcome: { ok: false, error: { code: 'RUN_ENDED' } },
    });
    expect(ofOnce(await entriesOf(opened.store, key('r'))).at(-1)).not.toHaveProperty('settledBy');
  });

  it('DUR-18: is executed by whoever takes up a run that was given back before', async () => {
    await using opened = open();
    const led = untilCalled();
    let executed = 0;
    const held = gate();
    const before = durable('work', async (ctx) => {
      await lead(ctx);
      led.call();
      await held.opened;
      return act(ctx, () => (executed += 1));
    });
    const after = durable('work', async (ctx) => {
      await lead(ctx);
      return act(ctx, () => (executed += 1));
    });
    const first = engineOn(opened.store, [before], { limits: { parkAfterMs: 60_000 } });
    const running = first.run('work', null, { id: 'r' }).catch(() => undefined);
    await led.called;
    await first[Symbol.asyncDispose]();
    await running;
    held.open();
    await turns();

    expect(await engineOn(opened.store, [after]).drive(key('r'))).toMatchObject({ status: 'completed' });
    expect(executed).toBe(1);
    expect(typesOf(ofOnce(await entriesOf(opened.store, key('r'))))).toEqual([
      'step-intent',
      'step-pause',
      'step-intent',
      'step-end',
    ]);
  });

  it('DUR-10: is executed once its function comes to it, where that waits for something first', async () => {
    await using opened = open();
    const engine = engineOn(opened.store, [
      durable('work', async (ctx) => {
        await lead(ctx);
        await ctx.receive('go');
        return act(ctx, () => 'done');
      }),
    ]);
    expect(await engine.run('work', null, { id: 'r' })).toMatchObject({ status: 'waiting' });
    await engine.signal(key('r'), 'go', null);

    expect(await engine.drive(key('r'))).toMatchObject({ status: 'completed', output: 'done' });
  });

  it('DUR-6: is on record as not executed where the function ends without it', async () => {
    await using opened = open();
    const work = durable('work', async (ctx) => {
      await lead(ctx);
      return 'no more';
    });

    expect(await engineOn(opened.store, [work]).run('work', null, { id: 'r' })).toMatchObject({ output: 'no more' });
    expect(ofOnce(await entriesOf(opened.store, key('r')))).toMatchObject([
      { type: 'step-intent' },
      { type: 'step-end', outcome: { ok: false, error: { code: 'RUN_ENDED' } } },
    ]);
  });

  it('I4: is in doubt where it is asked for as another step than was announced', async () => {
    await using opened = open();
    let executed = 0;
    const work = durable('work', async (ctx) => {
      await lead(ctx);
      return ctx.step('once', () => (executed += 1));
    });

    expect(await engineOn(opened.store, [work]).run('work', null, { id: 'r' })).toMatchObject({
      status: 'blocked',
      code: 'STEP_IN_DOUBT',
    });
    expect(executed).toBe(0);
  });

  const hints: Record<string, NonNullable<StepOptions['leadsTo']>> = {
    'it throws': () => {
      throw new Error('no idea');
    },
    'the step is on its way already': () => [{ key: 'beside' }],
  };
  it.each(Object.entries(hints))('DUR-5: writes its own where the hint says nothing: %s', async (_why, leadsTo) => {
    await using opened = open();
    const work = durable('work', async (ctx) => {
      const beside = ctx.step('beside', () => turns(2), { effect: 'once' });
      await ctx.step('lead', () => 1, { leadsTo });
      await beside;
      return act(ctx, () => 'done');
    });

    expect(await engineOn(opened.store, [work]).run('work', null, { id: 'r' })).toMatchObject({ output: 'done' });
    const intents = (await entriesOf(opened.store, key('r'))).filter(({ type }) => type === 'step-intent');
    expect(intents).toMatchObject([{ key: 'beside' }, { key: 'once' }]);
  });
});
