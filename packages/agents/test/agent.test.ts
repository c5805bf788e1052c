import { scriptedModel } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool } from '../src/index.ts';
import { entriesOf, newEngine, newStore, resultsOf, threadOf } from './support.ts';

const add = (calls: number[] = []) =>
  defineTool({
    name: 'add',
    description: 'Adds one.',
    input: z.object({ n: z.number() }),
    effect: 'repeatable',
    execute({ n }) {
      calls.push(n);
      return { sum: n + 1 };
    },
  });

describe('AGT-1: the loop', () => {
  it('makes ten tool steps, one commit each, and answers with the last text', async () => {
    const calls: number[] = [];
    const model = scriptedModel([
      ...Array.from({ length: 10 }, (_, n) => ({ call: 'add', input: { n } })),
      ['All ', 'done.'],
    ]);
    const agent = defineAgent({ name: 'counter', instructions: 'Count.', model, tools: [add(calls)] });
    const store = newStore();

    const result = await newEngine([agent], { store }).run('counter', 'Go', { id: 'r' });

    expect(result).toMatchObject({ status: 'completed', output: 'All done.' });
    expect(calls).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const steps = (await entriesOf(store, 'r')).filter(({ type }) => type === 'step-end');
    expect(steps.map((entry) => 'kind' in entry && entry.kind)).toEqual([
      ...Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? 'model' : 'tool')),
      'model',
    ]);
    expect(await resultsOf(store, 'r')).toMatchObject({ call_10: { type: 'json', value: { sum: 10 } } });
    expect((await threadOf(store, 'r')).map(({ role }) => role)).toEqual([
      'user',
      ...Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? 'assistant' : 'tool')),
      'assistant',
    ]);
    model.assertFinished();
  });
});
