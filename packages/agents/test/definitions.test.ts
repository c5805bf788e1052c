import { scriptedModel } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { askTool, bindModels, defineAgent, defineTool, modelRegistry } from '../src/index.ts';
import { callFingerprint } from '../src/define-tool.ts';
import { newEngine, newStore } from './support.ts';

const tool = (more: object = {}) =>
  defineTool({ name: 'look', description: 'Looks.', input: z.object({ q: z.string() }), execute: () => 1, ...more });
const model = scriptedModel([]);

describe('DEF-3: what is wrong is found at definition', () => {
  it.each(['', 'two words', 'ünder', 'a'.repeat(65)])('refuses the tool name %j, which providers would', (name) => {
    expect(() => tool({ name })).toThrow(TypeError);
  });

  it('DEF-2: refuses a schema without JSON Schema, and says which have one', () => {
    const plain = { '~standard': { version: 1, vendor: 'x', validate: (value: unknown) => ({ value }) } };

    expect(() => tool({ input: plain })).toThrow(/tool look.*zod/s);
    expect(() => tool({ input: z.object({ at: z.date() }) })).toThrow(/tool look.*Date/s);
  });

  it.each([{ timeoutMs: 0 }, { maxOutputBytes: -1 }, { effect: 'perhaps' }, { approvalExpiresMs: Number.NaN }])(
    'refuses the options %j',
    (more) => {
      expect(() => tool(more)).toThrow(TypeError);
    },
  );

  it('refuses two tools of one name, and limits below one', () => {
    const base = { name: 'a', instructions: '', model };

    expect(() => defineAgent({ ...base, tools: [tool(), tool({ description: 'Other.' })] })).toThrow(
      /two tools are named look/,
    );
    expect(() => defineAgent({ ...base, limits: { steps: 0 } })).toThrow(/limits.steps/);
    expect(() => defineAgent({ ...base, limits: { tokens: '500' as never } })).toThrow(/limits.tokens/);
    expect(() => defineAgent({ ...base, limits: { modelAttempts: Infinity } })).toThrow(/limits.modelAttempts/);
    expect(() => defineAgent({ ...base, name: '' })).toThrow(TypeError);
  });
});

describe('DEF-3: what the type checker sees only in place is refused when it is defined', () => {
  const base = { name: 'a', instructions: '', model };
  const agent = (more: object) => () => defineAgent({ ...base, ...more });
  const registry = (more: object) => () => modelRegistry({ a: { model, ...more } });

  it.each([true, 'user-approval', null, {}])('an approval that is %j gates nothing, so it is no tool', (approval) => {
    expect(() => tool({ approval })).toThrow(/Tool look: approval is never, once, always/);
  });

  it.each<[object, RegExp]>([
    [{ approvals: 'always' }, /Tool look has no option approvals: there are .*approval,/],
    [{ needsApproval: true }, /Tool look has no option needsApproval: use approval/],
    [{ inputSchema: z.object({}) }, /has no option inputSchema: use input/],
    [{ input: undefined }, /The input of tool look must be a Standard Schema/],
    [{ execute: undefined }, /Tool look: execute must be a function/],
  ])('a tool with %j', (more, message) => {
    expect(() => tool(more)).toThrow(message);
  });

  it('a question that would wait for ever because its time is misspelt', () => {
    const misspelt = { expiresMs: 5 };

    expect(() => askTool(misspelt as object)).toThrow(/Tool ask_user has no option expiresMs/);
  });

  it.each<[object, RegExp]>([
    [{ system: 'Be brief.' }, /Agent a has no option system: use instructions/],
    [{ instructions: undefined }, /Agent a: instructions must be a text/],
    [{ maxSteps: 3 }, /Agent a has no option maxSteps: use limits.steps/],
    [{ limits: { maxSteps: 3 } }, /Agent a: limits has no option maxSteps: there are steps,/],
    [{ tools: { look: tool() } }, /Agent a: tools must be a list/],
    [{ tools: [tool(), { description: 'Looks.' }] }, /Agent a: tool 2 must be made with defineTool/],
  ])('an agent with %j', (more, message) => {
    expect(agent(more)).toThrow(message);
  });

  it.each<[object, RegExp]>([
    [{ fallback: ['b'] }, /The model a has no option fallback: there are model, fallbacks/],
    [{ prices: { input: 0.25, output: 2 } }, /prices.input must be whole micros .* 3_000_000/],
    [{ prices: { input: 1, output: 2, cached: 1 } }, /prices has no option cached/],
  ])('a model with %j', (more, message) => {
    expect(registry(more)).toThrow(message);
  });
});

describe('REQ-2: what an approval is bound to', () => {
  it('changes with name, description, schema, effect, version and input, and with nothing else', () => {
    const input = { q: 'x' };
    const fingerprint = callFingerprint(tool(), input);

    for (const more of [
      { name: 'look2' },
      { description: 'Else.' },
      { input: z.object({ q: z.string().max(3) }) },
      { effect: 'repeatable' },
      { version: '2' },
    ])
      expect(callFingerprint(tool(more), input)).not.toBe(fingerprint);
    expect(callFingerprint(tool(), { q: 'y' })).not.toBe(fingerprint);
    expect(callFingerprint(tool({ timeoutMs: 5, execute: () => 2 }), input)).toBe(fingerprint);
  });

  it('asks a person about a gated call in doubt, and tells the model about another', () => {
    expect(tool().inDoubt).toBe('tell-model');
    expect(tool({ approval: 'always' }).inDoubt).toBe('ask');
    expect(tool({ approval: () => 'approved' }).inDoubt).toBe('ask');
    expect(tool({ approval: 'always', inDoubt: 'fail' }).inDoubt).toBe('fail');
    expect(tool().effect).toBe('once');
  });
});

describe('AGT-7: models by alias', () => {
  it('refuses a string where a model belongs: it would reach a network service', () => {
    expect(() => modelRegistry({ fast: 'openai/gpt-5' as never })).toThrow(/"openai\/gpt-5"/);
    expect(() => defineAgent({ name: 'a', instructions: '', model: {} as never })).toThrow(TypeError);
  });

  it('names what is registered when an alias is not', () => {
    const agent = defineAgent({ name: 'a', instructions: '', model: 'fst' });

    expect(() => bindModels(agent, modelRegistry({ fast: model, good: model }))).toThrow(
      expect.objectContaining({ code: 'MODEL_UNKNOWN', message: expect.stringContaining('fast, good') }),
    );
  });

  it('stores and runs nothing for an alias that nobody resolved', async () => {
    const agent = defineAgent({ name: 'a', instructions: '', model: 'fast' });
    const store = newStore();

    await expect(newEngine([agent], { store }).run('a', 'Go', { id: 'r' })).rejects.toMatchObject({
      code: 'MODEL_UNKNOWN',
    });
    expect(await store.run({ tenant: 'default', run: 'r' })).toBeUndefined();
  });

  it('runs with the model that its alias was bound to', async () => {
    const agent = defineAgent({ name: 'a', instructions: '', model: 'fast' });
    const bound = bindModels(agent, modelRegistry({ fast: scriptedModel(['hello']) }));

    expect(await newEngine([bound]).run('a', 'Go')).toMatchObject({ status: 'completed', output: 'hello' });
    expect(bound.hash).toBe(agent.hash);
  });
});

describe('DEF-2: inputs', () => {
  it.each([[''], ['  '], [undefined], [{}], [[]], [[{ type: 'tool-call' }]]])(
    'refuses the prompt %j before anything is stored',
    async (input) => {
      const agent = defineAgent({ name: 'a', instructions: '', model });

      await expect(newEngine([agent]).run('a', input)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    },
  );

  it('shows the model an input of its own schema, with its defaults, as JSON or as its prompt says', async () => {
    const asked = scriptedModel(['a', 'b']);
    const input = z.object({ area: z.string(), depth: z.number().default(2) });
    const base = { instructions: '', model: asked, input };
    const plain = defineAgent({ ...base, name: 'plain' });
    const told = defineAgent({ ...base, name: 'told', prompt: ({ area, depth }) => `${area} to ${depth}` });
    const engine = newEngine([plain, told]);

    await engine.run('plain', { area: 'core' });
    await engine.run('told', { area: 'core' });

    const shown = asked.requests.map(
      ({ prompt: [said] }) => (said?.content as readonly { text: string }[] | undefined)?.[0]?.text,
    );
    expect(JSON.parse(shown[0] ?? '')).toEqual({ area: 'core', depth: 2 });
    expect(shown[1]).toBe('core to 2');
  });
});
