import type { Store } from '@prusik/core';
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
  it('ends with the commit of its last model call, also where its answer has a schema', async () => {
    const inner = newStore();
    const commits: string[][] = [];
    const commit: Store['commit'] = (given) => {
      commits.push(given.entries.map(({ type }) => type));
      return inner.commit(given);
    };
    const store = { ...inner, commit };
    const model = (): ReturnType<typeof scriptedModel> =>
      scriptedModel([{ call: 'add', input: { n: 1 } }, ['{"sum":2}']]);
    const output = z.object({ sum: z.number() });
    const options = { instructions: 'Count.', tools: [add()] };
    const engine = newEngine(
      [
        defineAgent({ ...options, name: 'plain', model: model() }),
        defineAgent({ ...options, name: 'strict', model: model(), output }),
      ],
      { store },
    );

    expect(await engine.run('plain', 'Go', { id: 'p' })).toMatchObject({ status: 'completed', output: '{"sum":2}' });
    expect(commits.splice(0)).toEqual([['run-claim', 'step-end'], ['step-end'], ['step-end', 'run-end']]);
    expect(await engine.run('strict', 'Go', { id: 's' })).toMatchObject({ status: 'completed', output: { sum: 2 } });
    expect(commits).toEqual([['run-claim', 'step-end'], ['step-end'], ['step-end', 'run-end']]);
  });

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
