import { defineSlot, type Json, type StandardSchema, type Store } from '@prusik/core';
import { everyDeath, type Life } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { STORAGES } from './storages.ts';
import { STORES } from './stores.ts';
import { durable, engineOn, gate, key } from './support.ts';

/** A schema by hand: lists of texts, and nothing else. */
const texts: StandardSchema<string[], string[]> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) =>
      Array.isArray(value) && value.every((one) => typeof one === 'string')
        ? { value }
        : { issues: [{ message: 'a list of texts' }] },
  },
};
const basket = defineSlot({ name: 'basket', schema: texts, initial: [] });
const session = { id: 'shop', whenBusy: 'queue' } as const;
const thread = { tenant: 'default', of: 'session', id: 'shop' } as const;
const stored = async (store: Store): Promise<Json | undefined> =>
  (await store.slots(thread)).find(({ name }) => name === 'basket')?.value;

describe.each(Object.entries(STORES))('typed state of a session (%s)', (_name, open) => {
  it('SES-9: is written with the step, seen by the next one and by the next run, and nobody else’s', async () => {
    await using opened = open();
    const { store } = opened;
    const shop = durable('shop', async (ctx, input) => {
      await ctx.step('put', async ({ slots }) => {
        const before = await slots.get(basket);
        await slots.set(basket, [...before, String(input)]);
        before.push('not stored');
        expect(await slots.get(basket)).toEqual([...before.slice(0, -1), String(input)]);
      });
      return ctx.step('look', ({ slots }) => slots.get(basket));
    });
    await using engine = engineOn(store, [shop]);

    expect(await engine.run('shop', 'rope', { session })).toMatchObject({ output: ['rope'] });
    expect(await engine.run('shop', 'knife', { session })).toMatchObject({ output: ['rope', 'knife'] });
    expect(await engine.run('shop', 'lamp')).toMatchObject({ output: ['lamp'] });
    expect(await stored(store)).toEqual(['rope', 'knife']);
  });

  it('SES-9: of steps at once none undoes what another did, by update; by set the last that is recorded wins', async () => {
    await using opened = open();
    const all = gate();
    const together = durable('shop', async (ctx, input) => {
      let there = 0;
      await Promise.all(
        ['a', 'b', 'c'].map((name) =>
          ctx.step(name, async ({ slots }) => {
            if (input === 'set') await slots.set(basket, [...(await slots.get(basket)), name]);
            else await slots.update(basket, (held) => [...held, name]);
            if ((there += 1) === 3) all.open();
            await all.opened;
          }),
        ),
      );
      return ctx.step('look', ({ slots }) => slots.get(basket));
    });
    await using engine = engineOn(opened.store, [together]);

    expect(await engine.run('shop', 'update')).toMatchObject({ output: ['a', 'b', 'c'] });
    expect(await engine.run('shop', 'set')).toMatchObject({ output: ['c'] });
  });

  it('SES-9: is not written by a step that fails, and what does not fit is refused before it is written', async () => {
    await using opened = open();
    const { store } = opened;
    const shop = durable('shop', async (ctx) => {
      const codes = [];
      for (const [name, value] of [
        ['throws', ['x']],
        ['misfit', [1]],
        ['large', ['x'.repeat(70_000)]],
      ] as const)
        codes.push(
          await ctx
            .step(name, async ({ slots }) => {
              await slots.set(basket, value as never);
              throw new Error('after all');
            })
            .catch((error: { code: string }) => error.code),
        );
      return codes;
    });
    await using engine = engineOn(store, [shop]);

    expect(await engine.run('shop', null, { session })).toMatchObject({
      output: ['STEP_FAILED', 'SLOT_INVALID', 'VALUE_TOO_LARGE'],
    });
    expect(await store.slots(thread)).toEqual([]);
  });

  it('I9: one slot too many fails the step that would fill it', async () => {
    await using opened = open();
    const shop = durable('shop', (ctx) =>
      ctx.step('fill', async ({ slots }) => {
        for (let n = 0; n <= 64; n += 1) await slots.set(defineSlot({ name: `s${n}`, schema: texts, initial: [] }), []);
      }),
    );
    await using engine = engineOn(opened.store, [shop]);

    expect(await engine.run('shop', null, { session })).toMatchObject({ error: { code: 'TOO_MANY_SLOTS' } });
    expect(await opened.store.slots(thread)).toEqual([]);
  });

  it('SES-9: what no longer fits its schema is told, and not handed out', async () => {
    await using opened = open();
    const any: StandardSchema<Json, Json> = {
      '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: value as Json }) },
    };
    const before = defineSlot({ name: 'basket', schema: any, initial: null });
    const shop = durable('shop', async (ctx) => {
      await ctx.step('old', ({ slots }) => slots.set(before, 7));
      return ctx.step('new', ({ slots }) => slots.get(basket));
    });
    await using engine = engineOn(opened.store, [shop]);

    expect(await engine.run('shop', null)).toMatchObject({ error: { code: 'SLOT_INVALID' } });
  });

  it('SES-9: a schema that answers later, and a name that is none, are wrong arguments', async () => {
    await using opened = open();
    const later: StandardSchema<string, string> = {
      '~standard': { version: 1, vendor: 'test', validate: async (value) => ({ value: String(value) }) },
    };
    const slot = defineSlot({ name: 'later', schema: later, initial: '' });
    const shop = durable('shop', (ctx) => ctx.step('set', ({ slots }) => slots.set(slot, 'x')));
    await using engine = engineOn(opened.store, [shop]);

    expect(await engine.run('shop', null)).toMatchObject({ status: 'failed', error: { message: /answers later/ } });
    expect(() => defineSlot({ name: '', schema: texts, initial: [] })).toThrow(TypeError);
  });
});

/** Three steps at once, each of which puts itself into the basket. */
async function shopping({ store, clock, write }: Life): Promise<void> {
  const shop = durable('shop', (ctx) =>
    Promise.all(
      ['a', 'b', 'c'].map((name) =>
        ctx.step(name, async (step) => {
          write({
            type: 'effect',
            run: ctx.run.key,
            step: name,
            effect: 'repeatable',
            idempotencyKey: step.idempotencyKey,
          });
          await step.slots.update(basket, (held) => [...held, name]);
        }),
      ),
    ),
  );
  await using engine = engineOn(store, [shop], { clock, limits: { leaseMs: 30_000, heartbeatMs: 10_000 } });
  await engine.start('shop', null, { id: 'r', session });
  await engine.drive(key('r'));
}

it.each(Object.entries(STORAGES))(
  'TST-3, SES-9: a process dies at any write of steps that change one slot, and each has changed it once (%s)',
  async (_name, create) => {
    const points = await everyDeath({
      create,
      live: shopping,
      check: async ({ store }) => expect(((await stored(store)) as string[]).toSorted()).toEqual(['a', 'b', 'c']),
    });

    expect(points.size).toBeGreaterThan(3);
  },
  60_000,
);
