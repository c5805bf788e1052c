import { describe, expectTypeOf, it } from 'vitest';
import type { CallInput, CallOutput, ChildResult, DurableContext, DurableDefinition, Json } from '@prusik/core';
import { z } from 'zod';
import { defineWorkflow } from '@prusik/workflows-delegation';

const echo: DurableDefinition<{ prompt: string }, { text: string }> = {
  name: 'echo',
  kind: 'function',
  version: '1',
  run: (_ctx: DurableContext, { prompt }) => ({ text: prompt }),
};
const inner = defineWorkflow({
  name: 'inner',
  input: z.object({ path: z.string().default('.') }),
  output: z.object({ files: z.number().default(0) }),
  run: () => ({}),
});

describe('defineWorkflow', () => {
  it('DEF-1: infers input, output and the calls of agents without annotation', () => {
    const release = defineWorkflow({
      name: 'release',
      input: z.object({ from: z.string(), limit: z.coerce.number().default(3) }),
      agents: { echo, inner },
      delegation: { agents: ['echo'], agentModels: { inner: ['fast'] } },
      run: async (ctx, input) => {
        expectTypeOf(input).toEqualTypeOf<{ from: string; limit: number }>();
        const said = await ctx.agents.echo.run('a', { prompt: input.from });
        expectTypeOf(said).toEqualTypeOf<{ text: string }>();
        const counted = await ctx.agents.inner.run('b', {});
        expectTypeOf(counted).toEqualTypeOf<{ files: number }>();
        const lengths = await ctx.fanOut([input.from], (item, { key, index }) => item.length + key.length + index);
        expectTypeOf(lengths).toEqualTypeOf<number[]>();
        const settled = await ctx.fanOut([input.from], (item) => item.length, { settle: true });
        expectTypeOf(settled).toEqualTypeOf<PromiseSettledResult<number>[]>();
        // @ts-expect-error -- the key is a text
        await ctx.fanOut([1], (item) => item, { key: (item) => item });
        const first = await ctx.race([
          (signal) => ctx.agents.echo.run('e', { prompt: '' }, { signal }),
          () => ctx.agents.inner.run('f', {}),
        ]);
        expectTypeOf(first).toEqualTypeOf<{ text: string } | { files: number }>();
        const whole = await ctx.agents.inner.result('d', { path: '.' });
        expectTypeOf(whole).toEqualTypeOf<ChildResult<{ files: number }>>();
        const answer = await ctx.ask('c', { text: 'Sure?', answer: z.boolean(), fallback: false });
        expectTypeOf(answer).toEqualTypeOf<boolean>();
        expectTypeOf(ctx.run.context).toEqualTypeOf<Json>();
        return { said, counted };
      },
    });

    expectTypeOf<CallInput<typeof release>>().toEqualTypeOf<{ from: string; limit?: unknown }>();
    expectTypeOf<CallOutput<typeof release>>().toEqualTypeOf<{ said: { text: string }; counted: { files: number } }>();
  });

  it('DEF-8: types the live objects', () => {
    defineWorkflow({
      name: 'typed',
      input: z.null(),
      types: {} as { deps: { git: string } },
      run: (ctx) => {
        expectTypeOf(ctx.deps).toEqualTypeOf<{ git: string }>();
      },
    });
  });

  it('WFL-1: an output schema binds what the function may return', () => {
    const bound = defineWorkflow({
      name: 'bound',
      input: z.null(),
      output: z.object({ text: z.string() }),
      // @ts-expect-error -- text is missing
      run: () => ({ txt: 'a' }),
    });

    expectTypeOf<CallOutput<typeof bound>>().toEqualTypeOf<{ text: string }>();
  });

  it('DEF-1: cross-checks names and inputs', () => {
    defineWorkflow({
      name: 'crossed',
      input: z.null(),
      agents: { echo },
      // @ts-expect-error -- there is no agent named scribe
      delegation: { agents: ['scribe'] },
      run: () => null,
    });
    defineWorkflow({
      name: 'crossed',
      input: z.null(),
      agents: { echo },
      delegation: {},
      run: async (ctx) => {
        // @ts-expect-error -- the prompt is a text
        await ctx.agents.echo.run('a', { prompt: 1 });
        // @ts-expect-error -- the policy lists no model
        await ctx.agents.echo.run('b', { prompt: '' }, { model: 'fast' });
        // @ts-expect-error -- there is no agent named scribe
        await ctx.agents.scribe.run('a', { prompt: '' });
      },
    });
    defineWorkflow({
      name: 'crossed',
      input: z.null(),
      agents: { echo },
      delegation: { models: ['fast'], whenExhausted: 'partial' },
      run: async (ctx) => {
        await ctx.agents.echo.run('a', { prompt: '' }, { model: 'fast', timeoutMs: 5, onParentEnd: 'leave' });
        // @ts-expect-error -- the policy lists another model
        await ctx.agents.echo.result('b', { prompt: '' }, { model: 'large' });
        // @ts-expect-error -- whether a call is admitted is the policy's to say
        await ctx.agents.echo.run('c', { prompt: '' }, { admit: async () => {} });
        // @ts-expect-error -- no policy would see a call by the context itself
        await ctx.child('d', 'echo', null);
      },
    });
    defineWorkflow({
      name: 'alone',
      input: z.null(),
      run: async (ctx) => {
        expectTypeOf<keyof typeof ctx.agents>().toEqualTypeOf<never>();
        // @ts-expect-error -- it has no agents
        await ctx.agents.echo.run('a', { prompt: '' });
      },
    });
  });
});
