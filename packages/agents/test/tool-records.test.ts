import { listArtifacts } from '@prusik/core';
import { scriptedModel } from '@prusik/testing-contracts';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool } from '../src/index.ts';
import { entriesOf, keyOf, newEngine, newStore } from './support.ts';

const weigh = defineTool({
  name: 'weigh',
  description: 'Weighs something.',
  input: z.object({ grams: z.number() }),
  effect: 'repeatable',
  execute({ grams }, { metrics }) {
    metrics.record('shop.weight', grams, { unit: 'g' });
    if (grams > 5) throw new Error('Too heavy');
    return grams;
  },
});

it('TEL-4: what a tool measures is recorded with its call, also where the call fails', async () => {
  const store = newStore();
  const model = scriptedModel([
    [
      { call: 'weigh', input: { grams: 3 } },
      { call: 'weigh', input: { grams: 8 } },
    ],
    'Done.',
  ]);
  const engine = newEngine([defineAgent({ name: 'shop', instructions: '', model, tools: [weigh] })], { store });

  await engine.run('shop', 'Weigh it', { id: 'r' });

  const measured = (await entriesOf(store, 'r')).flatMap((entry) =>
    entry.type === 'step-end' && entry.kind === 'tool' ? [entry.measurements] : [],
  );
  const value = (grams: number) => ({
    kind: 'histogram',
    name: 'shop.weight',
    value: grams,
    attributes: { unit: 'g' },
  });
  expect(measured).toHaveLength(2);
  expect(measured).toEqual(expect.arrayContaining([[value(3)], [value(8)]]));
});

it('REC-5: a tool makes artifacts of its run, also of one in a session; the model is told of them what the tool says', async () => {
  const store = newStore();
  const draw = defineTool({
    name: 'draw',
    description: 'Draws a map.',
    input: z.object({ of: z.string() }),
    effect: 'repeatable',
    async execute({ of }, { artifact }) {
      const { name } = await artifact(`${of}.svg`, '<svg/>', { type: 'image/svg+xml' });
      return `Drawn: ${name}`;
    },
  });
  const model = scriptedModel([{ call: 'draw', input: { of: 'north' } }, 'Done.']);
  const engine = newEngine([defineAgent({ name: 'guide', instructions: '', model, tools: [draw] })], { store });

  await engine.run('guide', 'Draw it', { id: 'r', session: { id: 's' } });

  expect(await listArtifacts(store, keyOf('r'))).toMatchObject([
    { name: 'north.svg', type: 'image/svg+xml', size: 6, run: keyOf('r'), definition: 'guide' },
  ]);
  expect((await store.listNotes({ tenant: 'default', session: 's', limit: 9 })).items).toEqual([]);
});
