import type { DurableContext, DurableDefinition, Store } from '@prusik/core';
import type { RunResult } from '@prusik/durable';
import { agentTool, defineAgent, modelRegistry, type LanguageModelObject } from '@prusik/agents';
import { defineHarness } from '@prusik/harness';
import { defineWorkflow } from '@prusik/workflows-delegation';
import { describe, expectTypeOf, it } from 'vitest';
import { z } from 'zod';

declare const store: Store;
declare const model: LanguageModelObject;
const needy: DurableDefinition<{ prompt: string }, string, { git: string }> = {
  name: 'needy',
  kind: 'agent',
  version: '1',
  run: (ctx: DurableContext<{ git: string }>) => ctx.deps.git,
};
const easy: DurableDefinition<number, boolean> = { name: 'easy', kind: 'agent', version: '1', run: () => true };
const release = defineWorkflow({
  name: 'release',
  input: z.object({ from: z.string().default('v1') }),
  agents: { needy },
  delegation: {},
  types: {} as { deps: { clock: number } },
  run: async (ctx) => ctx.deps.clock,
});

describe('defineHarness', () => {
  it('DEF-1: names infer input and output', () => {
    const harness = defineHarness({ store, agents: { easy }, workflows: { plain: release }, deps: () => both });
    const both = { git: '', clock: 1 };

    expectTypeOf(harness.run<'easy'>)
      .parameter(1)
      .toEqualTypeOf<number>();
    expectTypeOf(harness.run('plain', {})).toEqualTypeOf<Promise<RunResult<number>>>();
    expectTypeOf(harness.run('plain', { from: 'v2' })).toEqualTypeOf<Promise<RunResult<number>>>();
    expectTypeOf(harness.run('easy', 1)).toEqualTypeOf<Promise<RunResult<boolean>>>();
    // @ts-expect-error -- there is no such name
    void harness.run('scribe', 1);
    // @ts-expect-error -- it takes a number
    void harness.run('easy', 'one');
  });

  it('DEF-8: asks for the live objects that its definitions and their agents need', () => {
    const complete = defineHarness({ store, workflows: { release }, deps: () => ({ git: '', clock: 1 }) });
    expectTypeOf(complete.run('release', {})).toEqualTypeOf<Promise<RunResult<number>>>();
    // @ts-expect-error -- the workflow's agent needs git
    defineHarness({ store, workflows: { release }, deps: () => ({ clock: 1 }) });
    // @ts-expect-error -- the workflow needs deps
    defineHarness({ store, workflows: { release } });
    defineHarness({ store, agents: { easy } });
  });

  it('DEF-1: definitions may be written where they are assembled', () => {
    const harness = defineHarness({
      store,
      agents: { helper: defineAgent({ name: 'helper', instructions: 'Help.', model }) },
      workflows: { wait: defineWorkflow({ name: 'wait', input: z.number(), run: async (_ctx, ms) => ms }) },
    });
    expectTypeOf(harness.run('helper', 'a text')).toEqualTypeOf<Promise<RunResult<string>>>();
    expectTypeOf(harness.run('wait', 1)).toEqualTypeOf<Promise<RunResult<number>>>();
    // @ts-expect-error -- nobody gives it its mail
    defineHarness({
      store,
      agents: {
        helper: defineAgent({ name: 'helper', instructions: 'Help.', model, types: {} as { deps: { mail: string } } }),
      },
    });
  });

  it('DEF-8: types the context that runs are started with', () => {
    const harness = defineHarness({ store, agents: { easy }, context: z.object({ user: z.string() }) });

    expectTypeOf(harness.run('easy', 1, { context: { user: 'u' } })).toEqualTypeOf<Promise<RunResult<boolean>>>();
    // @ts-expect-error -- user is a text
    void harness.run('easy', 1, { context: { user: 1 } });
  });

  it('DEF-1: asks for every model alias that its definitions, their agents and policies name', () => {
    const writer = defineAgent({ name: 'writer', instructions: 'Write.', model: 'fast' });
    const plan = defineWorkflow({
      name: 'plan',
      input: z.null(),
      agents: { writer },
      delegation: { models: ['large'], agentModels: { writer: ['tiny'] } },
      run: async (ctx) => ctx.agents.writer.run('write', 'a text'),
    });
    const some = modelRegistry({ fast: model, large: model });
    const all = modelRegistry({ fast: model, large: model, tiny: model, unused: model });

    const harness = defineHarness({ store, agents: { writer }, workflows: { plan }, models: all });
    expectTypeOf(harness.run('writer', 'a text')).toEqualTypeOf<Promise<RunResult<string>>>();
    expectTypeOf(harness.run('plan', null)).toEqualTypeOf<Promise<RunResult<string>>>();
    defineHarness({ store, agents: { writer }, models: some });
    // @ts-expect-error -- the policy names tiny
    defineHarness({ store, workflows: { plan }, models: some });
    // @ts-expect-error -- the workflow's agent needs models
    defineHarness({ store, workflows: { plan } });
    // @ts-expect-error -- the agent needs models
    defineHarness({ store, agents: { writer } });
  });

  it('DEF-1, DEF-8: asks for what the agents need that an agent calls: their aliases and live objects', () => {
    const inner = defineAgent({
      name: 'inner',
      description: 'Helps.',
      instructions: 'Help.',
      model: 'tiny',
      types: {} as { deps: { mail: string } },
    });
    const outer = defineAgent({
      name: 'outer',
      instructions: 'Lead.',
      model: 'fast',
      tools: [agentTool(inner)],
      delegation: { agents: ['inner'], models: ['large'] },
    });
    const deps = () => ({ mail: '' });
    const all = modelRegistry({ fast: model, large: model, tiny: model });

    const harness = defineHarness({ store, agents: { outer }, models: all, deps });
    expectTypeOf(harness.run('outer', 'a text')).toEqualTypeOf<Promise<RunResult<string>>>();
    // @ts-expect-error -- the agent that it calls needs tiny
    defineHarness({ store, agents: { outer }, models: modelRegistry({ fast: model, large: model }), deps });
    // @ts-expect-error -- its policy names large
    defineHarness({ store, agents: { outer }, models: modelRegistry({ fast: model, tiny: model }), deps });
    // @ts-expect-error -- the agent that it calls needs mail
    defineHarness({ store, agents: { outer }, models: all });
  });
});
