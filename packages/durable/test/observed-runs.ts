import type { DurableDefinition, Json } from '@prusik/core';
import { durable } from './support.ts';

/** A parent of three children, each with many small steps. */
export const observed: readonly DurableDefinition<Json, unknown>[] = [
  durable('child', async (ctx, name) => {
    for (let n = 0; n < 60; n += 1) await ctx.step(`s${n}`, () => `${String(name)} ${n}`);
    return name;
  }),
  durable('parent', async (ctx) => {
    const ended = await Promise.all(['a', 'b', 'c'].map((name) => ctx.child<string>(name, 'child', name)));
    return ended.map(({ output }) => output).join('');
  }),
];

/** Two steps, one after the other. */
export const order: DurableDefinition<Json, unknown> = durable('order', async (ctx) => {
  await ctx.step('a', () => 1);
  return ctx.step('b', () => 2);
});

/** Waits for a person between its steps. */
export const patient: DurableDefinition<Json, unknown> = durable('patient', async (ctx) => {
  await ctx.step('a', () => 1);
  await ctx.receive('go');
  return ctx.step('b', () => 2);
});
