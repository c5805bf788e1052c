import type { DelegationPolicy } from '@prusik/core';
import { scriptedModel } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { agentTool, defineAgent } from '../src/index.ts';

const model = scriptedModel([]);
const writer = defineAgent({ name: 'writer', description: 'Writes texts.', instructions: '', model });

describe('WFL-9: an agent as a tool', () => {
  it('is named and described as the agent is, and takes the text that it is asked', () => {
    const tool = agentTool(writer);

    expect(tool).toMatchObject({ name: 'writer', description: 'Writes texts.', delegates: { agent: writer } });
    expect(tool.inputJsonSchema).toEqual({
      type: 'object',
      properties: { prompt: { type: 'string', minLength: 1 } },
      required: ['prompt'],
      additionalProperties: false,
    });
  });

  it('takes what the agent takes where that is an object, as it is given', async () => {
    const input = z.object({ topic: z.string(), words: z.coerce.number().default(100) });
    const agent = defineAgent({ name: 'a', description: 'A.', instructions: '', model, input });
    const tool = agentTool(agent);

    expect(tool.inputJsonSchema).toEqual(agent.inputJsonSchema);
    // The child makes of it what its schema says, once.
    expect(await tool.input['~standard'].validate({ topic: 'x', words: '7' })).toEqual({
      value: { topic: 'x', words: '7' },
    });
    expect(await tool.input['~standard'].validate({ topic: 1 })).toHaveProperty('issues');
  });

  it.each([
    ['no text', { prompt: [{ type: 'text', text: 'x' }] }],
    ['a blank one', { prompt: ' ' }],
    ['none at all', {}],
    ['nothing', null],
    ['more than that', { prompt: 'x', model: 'large' }],
  ])('refuses %s for a text', async (_, given) => {
    expect(await agentTool(writer).input['~standard'].validate(given)).toHaveProperty('issues');
  });

  it('REQ-2: is another tool to approvals when the agent is another, has another version, or is called in another way', () => {
    const base = { description: 'Writes texts.', instructions: '', model };
    const hashes = [
      agentTool(writer),
      agentTool(defineAgent({ ...base, name: 'writer', version: '2' })),
      agentTool(defineAgent({ ...base, name: 'author' }), { name: 'writer' }),
      agentTool(writer, { description: 'Writes.' }),
      agentTool(writer, { model: 'large' }),
      agentTool(writer, { version: '2' }),
      agentTool(writer, { history: 'snapshot' }),
    ].map(({ hash }) => hash);

    expect(new Set(hashes).size).toBe(hashes.length);
    expect(agentTool(writer, { timeoutMs: 5_000, priority: 1, maxOutputBytes: 10 }).hash).toBe(hashes[0]);
  });

  it.each([
    ['has no description', { name: 'a', description: undefined }, /has no description/],
    ['has a name that providers refuse', { name: 'the writer' }, /must be 1 to 64 .* option name/],
    ['takes a list', { name: 'a', input: z.array(z.string()) }, /neither an object nor a text/],
    ['takes what nobody can say as JSON Schema', { name: 'a', input: z.custom<string>() }, /JSON Schema/],
  ])('DEF-3: refuses an agent that %s, and says what to do', (_, more, message) => {
    const agent = defineAgent({ description: 'A.', instructions: '', model, ...more } as never);

    expect(() => agentTool(agent as typeof writer)).toThrow(message);
  });

  it.each([
    [{ approvals: 'always' }, /no option approvals/],
    [{ timeoutMs: 0 }, /timeoutMs must be more than 0/],
    [{ priority: 0.5 }, /whole number/],
    [{ maxResultBytes: 0.5 }, /maxResultBytes/],
    [{ budget: { tokens: -1 } }, /tokens/],
  ])('DEF-3: the options %j are refused', (options, message) => {
    expect(() => agentTool(writer, options as never)).toThrow(message);
  });
});

describe('WFL-2: the policy of an agent that calls agents', () => {
  const define = (delegation?: DelegationPolicy<'writer'>, tool = agentTool(writer)) =>
    defineAgent({ name: 'lead', instructions: '', model, tools: [tool], ...(delegation ? { delegation } : {}) });

  it('is needed, shows what may be called by the names of the tools, and opens a budget', () => {
    const lead = define({ tokens: 1_000, costMicros: 5 });

    expect(lead).toMatchObject({ agents: { writer }, delegation: { tokens: 1_000 } });
    expect(lead.budget).toEqual({ tokens: 1_000, costMicros: 5 });
    expect(() => define()).toThrow(/writer is an agent, and nothing says how much .* give it delegation/);
    expect(writer).toMatchObject({ agents: {}, delegation: undefined });
  });

  it.each([
    [{ agents: ['author'] }, /names "author", which/],
    [{ agentModels: { author: [] } }, /names "author", which/],
    [{ calls: -1 }, /delegation\.calls/],
  ] as const)('DEF-3: %j is refused', (policy, message) => {
    expect(() => define(policy as unknown as DelegationPolicy<'writer'>)).toThrow(message);
  });

  it('DEF-3: a model that the policy does not list is refused when the agent is defined', () => {
    const tool = agentTool(writer, { model: 'large' }) as ReturnType<typeof agentTool<typeof writer>>;

    expect(() => define({}, tool)).toThrow(/asks for the model large, which delegation\.models does not list/);
    expect(() => define({ models: ['large'] }, tool)).not.toThrow();
    expect(() => define({ models: ['large'], agentModels: { writer: [] } }, tool)).toThrow(/large/);
  });

  it('WFL-4: a tree that is deeper than its root allows is refused when the root is defined', () => {
    const inner = defineAgent({
      name: 'inner',
      description: 'I.',
      instructions: '',
      model,
      tools: [agentTool(writer)],
      delegation: {},
    });

    expect(() => define({ depth: 1 }, agentTool(inner, { name: 'writer' }) as never)).toThrow(/Agent lead.*depth is 1/);
    expect(() => define({ depth: 2 }, agentTool(inner, { name: 'writer' }) as never)).not.toThrow();
  });

  it('WFL-4: one that would be called by itself is refused, by whatever object of its name', () => {
    const twin = defineAgent({ name: 'lead', description: 'L.', instructions: '', model });
    const middle = defineAgent({
      name: 'middle',
      description: 'M.',
      instructions: '',
      model,
      tools: [agentTool(twin)],
      delegation: {},
    });

    expect(() => define({ depth: 9 }, agentTool(middle, { name: 'writer' }) as never)).toThrow(/lead → middle → lead/);
  });
});
