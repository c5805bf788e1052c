import { toJsonSchema, toStandardJsonSchema } from '@valibot/to-json-schema';
import { scriptedModel } from '@prusik/testing-contracts';
import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool, type AnyTool } from '../src/index.ts';
import { newEngine, newStore, resultsOf } from './support.ts';

const seen: unknown[] = [];
const execute = (input: unknown): string => {
  seen.push(input);
  return 'done';
};
const named = { name: 'look', description: 'Looks.', effect: 'repeatable', execute } as const;
/** The same input, as each library says it: `n` is completed. */
const valibotInput = v.object({ q: v.string(), n: v.optional(v.number(), 3) });
const TOOLS: Record<string, AnyTool> = {
  zod: defineTool({ ...named, input: z.object({ q: z.string(), n: z.number().default(3) }) }),
  arktype: defineTool({ ...named, input: type({ q: 'string', n: 'number = 3' }) }),
  'valibot, by the option': defineTool({ ...named, input: valibotInput, toJsonSchema }),
  'valibot, as Standard JSON Schema': defineTool({ ...named, input: toStandardJsonSchema(valibotInput) }),
};

describe('DEF-2: Standard Schema of whichever library', () => {
  it.each(Object.entries(TOOLS))('%s: the model is shown what its calls are checked by', async (_library, tool) => {
    seen.length = 0;
    const model = scriptedModel([
      [
        { call: 'look', input: { q: 1 } },
        { call: 'look', input: { q: 'a' } },
      ],
      'Done.',
    ]);
    const store = newStore();
    const agent = defineAgent({ name: 'a', instructions: '', model, tools: [tool] });

    await newEngine([agent], { store }).run('a', 'Go', { id: 'r' });

    expect(model.requests[0]?.tools).toMatchObject([
      { name: 'look', inputSchema: { type: 'object', properties: { q: { type: 'string' } }, required: ['q'] } },
    ]);
    const results = Object.values(await resultsOf(store, 'r'));
    expect(results).toEqual([
      { type: 'error', code: 'TOOL_INPUT_INVALID', text: expect.stringContaining('q: ') },
      { type: 'text', text: 'done' },
    ]);
    expect(seen).toEqual([{ q: 'a', n: 3 }]);
  });

  it.each([
    ['zod', { output: z.object({ n: z.number() }) }],
    ['arktype', { output: type({ n: 'number' }) }],
    ['valibot', { output: v.object({ n: v.number() }), toJsonSchema }],
  ])('%s: an output is asked for by its schema, and a miss is told', async (_library, schema) => {
    const model = scriptedModel(['{"n":"one"}', '{"n":1}']);
    const agent = defineAgent({ name: 'a', instructions: '', model, ...(schema as { output: typeof TYPED }) });

    const result = await newEngine([agent]).run('a', 'Go', { id: 'r' });

    expect(result).toMatchObject({ status: 'completed', output: { n: 1 } });
    expect(agent.outputJsonSchema).toMatchObject({ type: 'object', required: ['n'] });
  });

  it('says what to do about a schema that cannot say itself as JSON Schema, and about what is no schema', () => {
    const untyped = (input: unknown, more = {}) => defineTool({ ...named, input: input as typeof TYPED, ...more });

    expect(() => untyped(valibotInput)).toThrow(
      'The input of tool look is a schema that does not say itself as JSON Schema: give the option toJsonSchema (toJsonSchema of @valibot/to-json-schema)',
    );
    expect(() => untyped({ type: 'object' })).toThrow('must be a Standard Schema');
    expect(() => untyped(valibotInput, { toJsonSchema: () => 'object' })).toThrow('the converter returned no object');
    expect(() => untyped(valibotInput, { toJsonSchema: () => ({ at: new Date() }) })).toThrow('cannot be converted');
    const failing = () => {
      throw new Error('not this one');
    };
    expect(() => untyped(valibotInput, { toJsonSchema: failing })).toThrow(
      'cannot be converted to JSON Schema: not this',
    );
  });
});

const TYPED = z.object({ n: z.number() });
