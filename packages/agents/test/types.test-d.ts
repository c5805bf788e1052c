import { createRecorder, scriptedModel, type ContractModel } from '@prusik/testing-contracts';
import type { CallAnswer, DurableDefinition, Json, ToolSource } from '@prusik/core';
import { toJsonSchema, toStandardJsonSchema } from '@valibot/to-json-schema';
import type { LanguageModel } from 'ai';
import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import {
  agentTool,
  bindModels,
  callNeeds,
  defineAgent,
  defineTool,
  modelRegistry,
  type AgentPrompt,
  type AgentSource,
  type AnyTool,
  type ListedTool,
} from '../src/index.ts';

interface Deps {
  readonly db: { query(sql: string): Promise<readonly string[]> };
}

describe('TST-1, TST-4: models of the AI SDK', () => {
  it('can be held to the suite and recorded without a cast', () => {
    type Real = Extract<LanguageModel, { readonly specificationVersion: 'v4' }>;

    expectTypeOf<Real>().toExtend<ContractModel>();
    const { model, tool } = createRecorder({ file: 'recording.json' });
    expectTypeOf(model<Real>)
      .parameter(1)
      .toEqualTypeOf<Real>();
    expectTypeOf(tool<AnyTool>).toEqualTypeOf<(tool: AnyTool) => AnyTool>();
  });
});

describe('DEF-1, DEF-8: what is inferred', () => {
  const types = {} as { deps: Deps; context: { user: string } };
  const lookup = defineTool({
    types,
    name: 'lookup',
    description: 'Looks up.',
    input: z.object({ id: z.number(), limit: z.number().default(10) }),
    approval: (call) => {
      expectTypeOf(call.input).toEqualTypeOf<{ id: number; limit: number }>();
      expectTypeOf(call.context).toEqualTypeOf<{ user: string }>();
      return call.input.limit > 10 ? 'user-approval' : 'not-applicable';
    },
    check: (input, { deps }) => {
      expectTypeOf(input.id).toEqualTypeOf<number>();
      expectTypeOf(deps).toEqualTypeOf<Deps>();
      return { became: 'unknown' };
    },
    async execute(input, scope) {
      expectTypeOf(input).toEqualTypeOf<{ id: number; limit: number }>();
      expectTypeOf(scope.deps).toEqualTypeOf<Deps>();
      expectTypeOf(scope.context).toEqualTypeOf<{ user: string }>();
      expectTypeOf(scope.signal).toEqualTypeOf<AbortSignal>();
      return { rows: await scope.deps.db.query(String(input.id)) };
    },
  });
  const clock = defineTool({
    types: {} as { deps: { now(): number } },
    name: 'clock',
    description: 'Tells the time.',
    input: z.object({}),
    execute: (_input, { deps, context }) => {
      expectTypeOf(context).toEqualTypeOf<Json>();
      return deps.now();
    },
  });
  const plain = defineTool({
    name: 'plain',
    description: 'Needs nothing.',
    input: z.object({ a: z.string() }),
    execute: ({ a }, { deps }) => {
      expectTypeOf(deps).toEqualTypeOf<unknown>();
      return a.length;
    },
  });
  const model = scriptedModel([]);

  it('a tool says its name, its input as parsed and its output', () => {
    expectTypeOf(lookup.name).toEqualTypeOf<'lookup'>();
    expectTypeOf(lookup['~types'].input).toEqualTypeOf<{ id: number; limit: number }>();
    expectTypeOf(lookup['~types'].output).toEqualTypeOf<{ rows: readonly string[] }>();
    expectTypeOf(lookup).toExtend<AnyTool>();
    expectTypeOf([lookup, clock, plain]).toExtend<readonly AnyTool[]>();
  });

  it('REQ-6: what a call needs is no output of its tool', () => {
    const base = { name: 'book', description: '', input: z.object({ seat: z.number() }) } as const;
    const asking = defineTool({
      ...base,
      execute: ({ seat }, { answers, state }) => {
        expectTypeOf(answers).toEqualTypeOf<Readonly<Record<string, CallAnswer>> | undefined>();
        expectTypeOf(state).toEqualTypeOf<Json | undefined>();
        if (answers === undefined) return callNeeds({ name: { kind: 'question', body: { text: 'Who?' } } }, seat);
        return { booked: seat };
      },
    });
    const later = defineTool({
      ...base,
      async execute({ seat }, { answers }) {
        const named = answers?.['name'];
        if (named?.status !== 'answered') return callNeeds({ name: { kind: 'sign-in', body: {} } });
        expectTypeOf(named.value).toEqualTypeOf<Json>();
        return seat > 1 ? 'many' : 'one';
      },
    });

    expectTypeOf(asking['~types'].output).toEqualTypeOf<{ booked: number }>();
    expectTypeOf(later['~types'].output).toEqualTypeOf<string>();
    expectTypeOf(asking).toExtend<AnyTool>();
    // @ts-expect-error -- no such kind
    callNeeds({ name: { kind: 'approval', body: {} } });
  });

  it('an agent needs what all of its tools need together', () => {
    const agent = defineAgent({ name: 'a', instructions: '', model, tools: [lookup, clock, plain] });

    expectTypeOf(agent).toExtend<DurableDefinition<Json, string, Deps & { now(): number }>>();
    expectTypeOf<Parameters<typeof agent.run>[0]['deps']>().toEqualTypeOf<Deps & { now(): number }>();
    expectTypeOf(agent.name).toEqualTypeOf<'a'>();
    expectTypeOf(agent.tools[0].name).toEqualTypeOf<'lookup'>();
  });

  it('an agent without schemas takes a prompt and gives text', () => {
    const agent = defineAgent({ name: 'a', instructions: '', model });

    expectTypeOf(agent['~types'].input).toEqualTypeOf<AgentPrompt>();
    expectTypeOf(agent['~types'].output).toEqualTypeOf<string>();
    expectTypeOf(agent).toExtend<DurableDefinition<never, unknown, unknown>>();
  });

  it('an agent with schemas takes what a caller may leave out and gives what was checked', () => {
    const agent = defineAgent({
      name: 'a',
      model: 'fast',
      types,
      instructions: ({ context, deps }) => {
        expectTypeOf(context).toEqualTypeOf<{ user: string }>();
        expectTypeOf(deps).toEqualTypeOf<Deps>();
        return context.user;
      },
      input: z.object({ area: z.string(), depth: z.number().default(1) }),
      prompt: ({ area, depth }) => {
        expectTypeOf(depth).toEqualTypeOf<number>();
        return area;
      },
      output: z.object({ notes: z.array(z.string()) }),
    });

    expectTypeOf(agent['~types'].input).toEqualTypeOf<{ area: string; depth?: number | undefined }>();
    expectTypeOf(agent['~types'].output).toEqualTypeOf<{ notes: string[] }>();
    expectTypeOf(agent.model).toEqualTypeOf<'fast'>();
  });

  it('the registry knows its aliases, and binding changes no type', () => {
    const registry = modelRegistry({ fast: model, good: model });
    const agent = defineAgent({ name: 'a', instructions: '', model: 'fast' });

    expectTypeOf(registry.aliases).toEqualTypeOf<readonly ('fast' | 'good')[]>();
    expectTypeOf(bindModels(agent, registry)).toEqualTypeOf(agent);
    // @ts-expect-error -- AGT-7: a string is no model
    modelRegistry({ fast: 'openai/gpt-5' });
  });

  it('AGT-11: the choice of tools knows their names, the context and the live objects', () => {
    defineAgent({
      name: 'a',
      instructions: '',
      model,
      types,
      tools: [lookup, plain],
      activeTools: ({ step, context, deps }) => {
        expectTypeOf(step).toEqualTypeOf<number>();
        expectTypeOf(context).toEqualTypeOf<{ user: string }>();
        expectTypeOf(deps).toEqualTypeOf<Deps>();
        return step === 1 ? ['lookup'] : ['plain', 'lookup'];
      },
    });
    defineAgent({
      name: 'a',
      instructions: '',
      model,
      tools: [plain],
      // @ts-expect-error -- it has no such tool
      activeTools: () => ['lookup'],
    });
  });

  it('WFL-9: an agent as a tool takes what the agent takes, and the policy knows the names of such tools', () => {
    const base = { instructions: '', model, description: 'Helps.' };
    const asked = defineAgent({ ...base, name: 'asked' });
    const typed = defineAgent({
      ...base,
      name: 'typed',
      types,
      input: z.object({ n: z.number(), m: z.number().default(1) }),
      output: z.object({ done: z.boolean() }),
    });
    const tool = agentTool(typed, {
      name: 'count',
      approval: ({ input }) => {
        expectTypeOf(input).toEqualTypeOf<{ n: number; m?: number | undefined }>();
        return input.n > 1 ? 'denied' : 'approved';
      },
    });

    expectTypeOf(tool.name).toEqualTypeOf<'count'>();
    expectTypeOf(tool['~types'].output).toEqualTypeOf<{ done: boolean }>();
    expectTypeOf(agentTool(asked)['~types'].input).toEqualTypeOf<{ readonly prompt: string }>();
    expectTypeOf(agentTool(asked).name).toEqualTypeOf<'asked'>();
    expectTypeOf(tool).toExtend<AnyTool>();

    const lead = defineAgent({
      name: 'lead',
      instructions: '',
      model,
      tools: [tool, plain, agentTool(asked)],
      delegation: { agents: ['count', 'asked'], agentModels: { count: ['large'] } },
    });
    expectTypeOf<Parameters<typeof lead.run>[0]['deps']>().toEqualTypeOf<Deps>();
    defineAgent({
      name: 'lead',
      instructions: '',
      model,
      tools: [tool, plain],
      // @ts-expect-error -- that tool is no agent
      delegation: { agents: ['plain'] },
    });
  });

  it('DEF-2: zod, arktype and valibot infer alike, and a schema without JSON Schema needs its converter', () => {
    const base = { name: 'x', description: '' } as const;
    const byArktype = defineTool({
      ...base,
      input: type({ id: 'number', limit: 'number = 10' }),
      execute: ({ id, limit }) => {
        expectTypeOf(id).toEqualTypeOf<number>();
        return limit;
      },
    });
    const valibot = v.object({ id: v.number(), limit: v.optional(v.number(), 10) });
    const byValibot = defineTool({
      ...base,
      input: valibot,
      toJsonSchema,
      execute: ({ id, limit }) => {
        expectTypeOf(id).toEqualTypeOf<number>();
        return limit;
      },
    });
    const byAdapter = defineTool({ ...base, input: toStandardJsonSchema(valibot), execute: ({ limit }) => limit });

    expectTypeOf(byArktype['~types'].input).toEqualTypeOf<{ id: number; limit: number }>();
    expectTypeOf(byValibot['~types'].input).toEqualTypeOf<{ id: number; limit: number }>();
    expectTypeOf(byAdapter['~types'].input).toEqualTypeOf<{ id: number; limit: number }>();
    expectTypeOf(byValibot['~types'].output).toEqualTypeOf<number>();
    // @ts-expect-error -- toJsonSchema is missing
    defineTool({ ...base, input: valibot, execute: () => 1 });

    const agent = defineAgent({ name: 'a', instructions: '', model, output: valibot, toJsonSchema });
    expectTypeOf(agent['~types'].output).toEqualTypeOf<{ id: number; limit: number }>();
    // @ts-expect-error -- toJsonSchema is missing
    defineAgent({ name: 'a', instructions: '', model, output: valibot });
    const answering = defineAgent({ name: 'a', instructions: '', model, output: type({ done: 'boolean' }) });
    expectTypeOf(answering['~types'].output).toEqualTypeOf<{ done: boolean }>();
  });

  it('TST-4: the scripted model is a language model of the AI SDK', () => {
    expectTypeOf(model).toExtend<Exclude<LanguageModel, string>>();
  });

  it('what cannot work does not compile', () => {
    const input = z.object({});
    const base = { name: 'x', description: '', input, execute: () => 1 };
    expectTypeOf(defineTool(base)).toExtend<AnyTool>();
    // @ts-expect-error -- no such effect
    defineTool({ ...base, effect: 'maybe' });
    // @ts-expect-error -- an input must have a schema
    defineTool({ name: 'x', description: '', execute: () => 1 });
    defineTool({
      ...base,
      // @ts-expect-error -- no such status
      approval: () => 'perhaps',
    });
  });
});

describe('DEF-8, AGT-11, AGT-16: sources of tools', () => {
  const source = {} as ToolSource;
  const plain = defineTool({ name: 'plain', description: 'Plain.', input: z.object({}), execute: () => 1 });
  const model = scriptedModel([]);

  it('change nothing of what an agent infers, and are named in a choice only as they are listed', () => {
    const agent = defineAgent({
      name: 'a',
      instructions: '',
      model,
      tools: [plain],
      sources: [source, { source, required: true }],
      activeTools: ({ listed }) => {
        expectTypeOf(listed).toEqualTypeOf<readonly ListedTool[]>();
        return ['plain', ...listed.filter((tool) => tool.source === 'far').map(({ name }) => name)];
      },
    });

    expectTypeOf(agent.name).toEqualTypeOf<'a'>();
    expectTypeOf(agent.tools).toEqualTypeOf<readonly [typeof plain]>();
    expectTypeOf(agent.sources).toEqualTypeOf<readonly AgentSource[]>();
    defineAgent({
      name: 'a',
      instructions: '',
      model,
      tools: [plain],
      sources: [source],
      // @ts-expect-error a name of which nothing is known
      activeTools: () => ['alpha'],
    });
    // @ts-expect-error a tool is no source
    defineAgent({ name: 'a', instructions: '', model, sources: [plain] });
  });
});
