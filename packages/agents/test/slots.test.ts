import { defineSlot } from '@prusik/core';
import { scriptedModel } from '@prusik/testing-contracts';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool } from '../src/index.ts';
import { newEngine, newStore, resultsOf } from './support.ts';

const basket = defineSlot({
  name: 'basket',
  schema: z.object({ items: z.array(z.string()) }),
  initial: { items: [] },
});

const put = defineTool({
  name: 'put',
  description: 'Puts something into the basket.',
  input: z.object({ item: z.string() }),
  effect: 'repeatable',
  async execute({ item }, { slots }) {
    // Without an annotation: the slot knows what it holds.
    const { items } = await slots.update(basket, (held) => ({ items: [...held.items, item] }));
    return items.length;
  },
});

it('SES-9: tools of one reply change a slot side by side, and those of a later turn find what they made', async () => {
  const store = newStore();
  const model = scriptedModel([
    [
      { call: 'put', input: { item: 'rope' } },
      { call: 'put', input: { item: 'knife' } },
    ],
    'Two things.',
    { call: 'put', input: { item: 'lamp' } },
    'Three.',
  ]);
  const engine = newEngine([defineAgent({ name: 'shop', instructions: '', model, tools: [put] })], { store });
  const session = { id: 's' };

  await engine.run('shop', 'Rope and knife', { id: 'one', session });
  await engine.run('shop', 'And a lamp', { id: 'two', session });

  const slots = await store.slots({ tenant: 'default', of: 'session', id: 's' });
  expect(slots).toEqual([{ name: 'basket', value: { items: ['rope', 'knife', 'lamp'] } }]);
});

it('SES-9: a tool that would write what does not fit tells the model, and writes nothing', async () => {
  const store = newStore();
  const wrong = defineTool({
    name: 'wrong',
    description: 'Writes nonsense.',
    input: z.object({}),
    effect: 'repeatable',
    execute: (_, { slots }) => slots.set(basket, { items: [7] } as never),
  });
  const model = scriptedModel([{ call: 'wrong', input: {} }, 'Done.']);
  const engine = newEngine([defineAgent({ name: 'shop', instructions: '', model, tools: [wrong] })], { store });

  await engine.run('shop', 'Go', { id: 'r' });

  expect(Object.values(await resultsOf(store, 'r'))).toMatchObject([{ type: 'error', code: 'SLOT_INVALID' }]);
  expect(await store.slots({ tenant: 'default', of: 'run', id: 'r' })).toEqual([]);
});
