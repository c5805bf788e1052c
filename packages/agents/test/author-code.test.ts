import type { StandardSchema } from '@prusik/core';
import { fakeClock, scriptedModel, type ScriptedReply } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool, type ModelSchema } from '../src/index.ts';
import { finish, streamModel, text } from './stream-model.ts';
import { entriesOf, hurried, newEngine, newStore, resultsOf } from './support.ts';

type Misbehaviour = (value: unknown) => unknown;
const MISBEHAVIOURS: readonly [string, Misbehaviour][] = [
  [
    'throws',
    () => {
      throw new Error('no');
    },
  ],
  [
    'throws nothing',
    () => {
      throw undefined;
    },
  ],
  ['rejects', () => Promise.reject(new Error('no'))],
  ['never settles', () => new Promise(() => {})],
  ['gives nothing', () => undefined],
  ['gives nonsense', () => ({ issues: 'many' })],
];

/** A schema that says itself like zod's and behaves badly when it is asked. */
const bad = (validate: Misbehaviour): ModelSchema<{ q: string }> => {
  const { '~standard': standard } = z.object({ q: z.string() });
  return { '~standard': { ...standard, validate } } as unknown as ModelSchema<{ q: string }>;
};

async function play(script: readonly ScriptedReply[], more: object) {
  const clock = fakeClock();
  const model = scriptedModel(script);
  const limits = { modelStallMs: 1e9, modelTimeoutMs: 1e9 };
  const agent = defineAgent({ name: 'a', instructions: '', model, clock, limits, ...more });
  const store = newStore();
  const engine = newEngine([agent], { store });
  const started = clock.now();
  const result = await hurried(clock, engine.run('a', 'Go', { id: 'r' }));
  return { result, model, results: await resultsOf(store, 'r').catch(() => ({})), tookMs: clock.now() - started };
}

describe('AGT-13: code of the author may do anything, and the run goes on or ends in a defined way', () => {
  it.each(MISBEHAVIOURS)('the schema of a tool that %s is an invalid input', async (_, validate) => {
    const tool = defineTool({ name: 'look', description: 'Looks.', input: bad(validate), execute: () => 'ran' });

    const { result, results } = await play([{ call: 'look', input: { q: 'x' } }, 'Done.'], { tools: [tool] });

    expect(result).toMatchObject({ status: 'completed', output: 'Done.' });
    expect(results).toMatchObject({ call_1: { type: 'error', code: 'TOOL_INPUT_INVALID' } });
  });

  it.each(MISBEHAVIOURS)(
    'the schema of the output that %s is told to the model, within the bound',
    async (_, validate) => {
      const { result, model } = await play(['{}', '{}', '{}', '{}'], { output: bad(validate) });

      expect(result).toMatchObject({ status: 'failed', error: { code: 'AGENT_OUTPUT_INVALID' } });
      expect(model.requests).toHaveLength(3);
    },
  );

  it.each(MISBEHAVIOURS)('the schema of the input that %s refuses the run', async (_, validate) => {
    const input: StandardSchema = bad(validate);

    await expect(play([], { input })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  it.each(MISBEHAVIOURS)(
    'instructions: a function that %s fails the run at once, and no model is asked',
    async (_, misbehave) => {
      let asked = 0;
      const instructions = (): unknown => {
        asked += 1;
        return misbehave(undefined);
      };

      const { result, model, tookMs } = await play(['Never.'], { instructions });

      expect(result).toMatchObject({ status: 'failed', error: { code: 'AGENT_INSTRUCTIONS_FAILED' } });
      expect(asked).toBe(1);
      expect(model.requests).toEqual([]);
      expect(tookMs).toBeLessThan(30_000);
    },
  );
});

describe('AGT-13: what answers at once and is async all the same, or gives what nobody can read, harms nothing', () => {
  it('a tap on raw events that rejects is heard by nobody', async () => {
    const raw = { type: 'raw', rawValue: {} };
    const model = streamModel('p:m', [[raw, ...text('Done.'), finish()]]);
    const onRaw = (): unknown => Promise.reject(new Error('no'));

    // An unhandled rejection fails the run of the tests.
    expect(await newEngine([defineAgent({ name: 'a', instructions: '', model, onRaw })]).run('a', 'Go')).toMatchObject({
      output: 'Done.',
    });
  });

  it('a context manager that is async has no plan', async () => {
    const manager = { name: 'async', plan: () => Promise.reject(new Error('no')) };

    const { result } = await play(['Never.'], { context: { limit: 10_000, manager } });

    expect(result).toMatchObject({
      error: { code: 'CONTEXT_PLAN_INVALID', message: expect.stringContaining('promise') },
    });
  });

  it.each<readonly [string, () => unknown]>([
    ['throws', () => JSON.parse('{')],
    ['rejects', () => Promise.reject(new Error('no'))],
    ['says nothing', () => ' '],
    ['has nothing to say', () => [{ type: 'text', text: '' }]],
    ['gives nothing', () => undefined],
  ])('a prompt() that %s refuses the run', async (_, prompt) => {
    await expect(play([], { input: z.string(), prompt })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  it.each<readonly [string, readonly unknown[]]>([
    ['nothing', [null]],
    ['a path that is none', [{ message: 'no', path: 7 }]],
    ['a message that throws', [Object.defineProperty({}, 'message', { get: refuse })]],
    ['a message without end', [{ message: 'x'.repeat(1_000_000) }]],
  ])('a schema whose issue is %s says that much, and no model is asked again for it', async (_, issues) => {
    const tool = defineTool({ name: 'look', description: '', input: bad(() => ({ issues })), execute: () => 'ran' });

    const { result, results, model } = await play([{ call: 'look', input: {} }, 'Done.'], { tools: [tool] });

    expect(result).toMatchObject({ status: 'completed', output: 'Done.' });
    expect(results).toMatchObject({ call_1: { code: 'TOOL_INPUT_INVALID' } });
    expect(JSON.stringify(results).length).toBeLessThan(2_000);
    expect(model.requests).toHaveLength(2);
  });

  it.each<readonly [string, unknown]>([
    ['a list of what is no name', [1n]],
    ['a set', new Set(['look'])],
  ])('a choice of tools that is %s fails the run at once', async (_, chosen) => {
    const { result, model } = await play(['Never.'], { activeTools: () => chosen });

    expect(result).toMatchObject({ status: 'failed', error: { code: 'ACTIVE_TOOLS_FAILED' } });
    expect(model.requests).toEqual([]);
  });

  it('a model whose error throws when it is looked at has failed like any other', async () => {
    const thrown = new Proxy(new Error('no'), { get: refuse });

    const { result } = await play([{ reject: thrown }], {});

    expect(result).toMatchObject({ status: 'failed', error: { code: 'MODEL_CALL_FAILED' } });
  });

  it.each([Number.NaN, -100, Number.POSITIVE_INFINITY, 1.5])(
    'a provider that counts %d tokens has not said how many, and its reply counts',
    async (count) => {
      const model = streamModel('p:m', [[...text('Done.'), finish('stop', count, 7)]]);
      const store = newStore();

      const result = await newEngine([defineAgent({ name: 'a', instructions: '', model })], { store }).run('a', 'Go', {
        id: 'r',
      });

      expect(result).toMatchObject({ output: 'Done.' });
      expect(model.asked).toHaveLength(1);
      const end = (await entriesOf(store, 'r')).find(({ type }) => type === 'step-end');
      expect(end).toMatchObject({ usage: { outputTokens: 7 }, outcome: { value: { estimated: true } } });
      expect(end).not.toHaveProperty('usage.inputTokens');
    },
  );
});

function refuse(): never {
  throw new Error('no');
}
