import { scriptedModel, type ScriptedReply } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAgent } from '../src/index.ts';
import { newEngine, newStore } from './support.ts';

const count = {
  type: 'object',
  properties: { count: { type: 'integer', minimum: 1 } },
  required: ['count'],
  additionalProperties: false,
} as const;

function counter(script: readonly ScriptedReply[], output?: z.ZodType) {
  const model = scriptedModel(script);
  const agent = defineAgent({ name: 'a', instructions: '', model, ...(output === undefined ? {} : { output }) });
  const store = newStore();
  return { model, store, engine: newEngine([agent], { store }) };
}

/** What the model was told of the output, which the type of the recorded request leaves out. */
const formatOf = (model: ReturnType<typeof scriptedModel>, call = 0): unknown =>
  (model.requests[call] as { readonly responseFormat?: unknown }).responseFormat;

describe('SES-12: a turn may end in its own way', () => {
  it('with an output schema of its own, which the model is told and the reply has to fit', async () => {
    const { engine, model } = counter(['{"count":0}', '{"count":3}', 'Three.']);

    const counted = await engine.run('a', 'How many?', { id: 'r', turn: { output: count } });

    expect(counted).toMatchObject({ status: 'completed', output: { count: 3 } });
    expect(formatOf(model)).toMatchObject({ type: 'json', schema: count });
    expect(await engine.run('a', 'And in words?')).toMatchObject({ output: 'Three.' });
    expect(formatOf(model, 2)).not.toMatchObject({ type: 'json' });
  });

  it('as a conversation, whatever schema the agent has', async () => {
    const { engine, model } = counter(['Which ropes?', '{"n":3}'], z.object({ n: z.number() }));

    const asked = await engine.run('a', 'How many?', { turn: { mode: 'conversation' } });

    expect(asked).toMatchObject({ status: 'completed', output: 'Which ropes?' });
    expect(formatOf(model)).not.toMatchObject({ type: 'json' });
    expect(await engine.run('a', 'How many?')).toMatchObject({ output: { n: 3 } });
  });

  it('as a task: a question back is no end, an output is', async () => {
    const { engine, model } = counter([
      'Which ropes?',
      '{"output":null,"error":null}',
      '{"output":{"count":3},"error":null}',
    ]);

    const done = await engine.run('a', 'How many?', { turn: { mode: 'task', output: count } });

    expect(done).toMatchObject({ status: 'completed', output: { count: 3 } });
    expect(model.requests).toHaveLength(3);
    expect(JSON.stringify(formatOf(model))).toContain('Nobody is there to answer a question');
  });

  it('as a task that cannot be done: the run fails with the reason', async () => {
    const { engine } = counter(['{"output":null,"error":"There are no ropes"}']);

    const failed = await engine.run('a', 'How many?', { turn: { mode: 'task' } });

    const error = { code: 'AGENT_TASK_FAILED', message: 'The task could not be done: There are no ropes' };
    expect(failed).toMatchObject({ status: 'failed', error });
  });

  it('as a task whose output is text, or what the agent’s own schema makes of it', async () => {
    const text = counter(['{"output":"Three.","error":null}']);
    expect(await text.engine.run('a', 'x', { turn: { mode: 'task' } })).toMatchObject({ output: 'Three.' });

    const own = counter(
      ['{"output":{"n":3},"error":null}'],
      z.object({ n: z.number(), unit: z.string().default('m') }),
    );
    expect(await own.engine.run('a', 'x', { turn: { mode: 'task' } })).toMatchObject({ output: { n: 3, unit: 'm' } });
  });
});

describe('SES-7: how a turn is to end is part of what was asked', () => {
  it('the same id with another way to end is another run; the same one is the same', async () => {
    const { engine, store } = counter(['{"count":3}']);
    const turn = { output: count };
    const first = await engine.run('a', 'How many?', { id: 'r', turn });

    expect(await engine.run('a', 'How many?', { id: 'r', turn })).toEqual(first);
    await expect(engine.start('a', 'How many?', { id: 'r' })).rejects.toMatchObject({ code: 'RUN_INPUT_MISMATCH' });
    expect(await store.run({ tenant: 'default', run: 'r' })).toMatchObject({ turn });
  });

  it('what cannot be kept is a wrong argument', async () => {
    const { engine } = counter([]);
    for (const turn of [{ mode: 'chat' }, { output: 'text' }, { output: count, mode: 'conversation' }])
      await expect(engine.start('a', 'x', { turn: turn as never })).rejects.toThrow(TypeError);
  });
});
