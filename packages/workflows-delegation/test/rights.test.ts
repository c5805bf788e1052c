import {
  withChildren,
  type AnyDefinition,
  type DelegationPolicy,
  type DurableContext,
  type DurableDefinition,
  type PrusikError,
} from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { fakeClock } from '@prusik/testing-contracts';
import { createEngine } from '@prusik/durable';
import { defineWorkflow, type WorkflowDefinition } from '@prusik/workflows-delegation';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { childrenOf, engineFor } from './engines.ts';

const parent = { tenant: 'default', run: 'parent' };
const fateOf = (call: Promise<unknown>): Promise<unknown> =>
  call.catch(({ code, meta }: PrusikError) => `${code} ${String(meta['reason'] ?? '')}`.trim());

const echo: DurableDefinition<string, string> = {
  name: 'echo',
  kind: 'function',
  version: '1',
  run: (ctx: DurableContext, text) => ctx.step('echo', () => text),
};
const waiting: DurableDefinition<null, string> = {
  name: 'waiting',
  kind: 'agent',
  version: '1',
  run: async (ctx: DurableContext) => {
    await ctx.receive('never');
    return 'told';
  },
};

describe('a policy that changes while a workflow runs', () => {
  const calls = (delegation: DelegationPolicy | undefined): WorkflowDefinition<null, null, unknown[]> =>
    defineWorkflow({
      name: 'calls',
      input: z.null(),
      agents: { echo },
      ...(delegation === undefined ? {} : { delegation: delegation as DelegationPolicy<'echo'> }),
      run: async (ctx) => {
        const before = await Promise.all(['a', 'b', 'c'].map((key) => fateOf(ctx.agents.echo.run(key, key))));
        await ctx.receive('go');
        return [...before, await fateOf(ctx.agents.echo.run('d', 'd'))];
      },
    });

  it.each<[DelegationPolicy | undefined, DelegationPolicy | undefined, unknown[]]>([
    [{ calls: 4 }, { calls: 1 }, ['a', 'b', 'c', 'd']],
    [{ calls: 2 }, { calls: 9 }, ['a', 'b', 'DELEGATION_REFUSED max_calls', 'DELEGATION_REFUSED max_calls']],
    [{ parallel: 3 }, undefined, ['a', 'b', 'c', 'd']],
    [undefined, {}, Array.from({ length: 4 }, () => 'DELEGATION_REFUSED delegation_disabled')],
    [{ calls: 3 }, { agents: [] }, ['a', 'b', 'c', 'DELEGATION_REFUSED max_calls']],
  ])('WFL-3, DUR-15: does not change for that run: %j, %j', async (before, after, output) => {
    const store = memoryStore();
    await engineFor([calls(before)], { store }).run('calls', null, { id: 'parent' });
    const later = engineFor([calls(after)], { store });
    await later.signal(parent, 'go', null);

    expect(await later.drive(parent)).toMatchObject({ status: 'completed', output });
    expect((await store.run(parent))?.rights).toEqual({ delegation: before ?? null });
  });

  it('WFL-3: is that of its start for a child too', async () => {
    const outer = (inner: AnyDefinition): AnyDefinition =>
      defineWorkflow({
        name: 'outer',
        input: z.null(),
        agents: { inner: inner as WorkflowDefinition<null, null, unknown> },
        delegation: { depth: 2 },
        run: (ctx) => ctx.agents.inner.run('inner', null),
      });
    const store = memoryStore();
    await engineFor([outer(calls({ calls: 2 }))], { store }).run('outer', null, { id: 'parent' });
    const [child] = await childrenOf(store, 'parent');
    const later = engineFor([outer(calls({ calls: 9 }))], { store });
    await later.signal(child!.key, 'go', null);
    await later.drive(child!.key);

    expect(await later.drive(parent)).toMatchObject({
      output: ['a', 'b', 'DELEGATION_REFUSED max_calls', 'DELEGATION_REFUSED max_calls'],
    });
  });
});

describe('levels of children', () => {
  // Calls by the context itself, past every policy.
  const digging: DurableDefinition<number, unknown> = {
    name: 'digging',
    kind: 'function',
    version: '1',
    run: async (ctx: DurableContext, deeper) =>
      deeper === 0 ? 'bottom' : fateOf(ctx.child('next', 'digging', deeper - 1).then(({ output }) => output)),
  };
  const top = (depth: number, levels?: number): AnyDefinition =>
    defineWorkflow({
      name: 'top',
      input: z.number(),
      agents: { digging },
      delegation: { depth },
      run: (ctx, deeper) =>
        fateOf(ctx.agents.digging.run('dig', deeper, levels === undefined ? {} : { rights: { levels } })),
    });

  it.each([
    [1, undefined, 0, 'bottom'],
    [1, undefined, 1, 'DELEGATION_REFUSED max_depth'],
    [3, undefined, 2, 'bottom'],
    [3, undefined, 3, 'DELEGATION_REFUSED max_depth'],
    [3, 1, 1, 'bottom'],
    [3, 1, 2, 'DELEGATION_REFUSED max_depth'],
    [1, 5, 1, 'DELEGATION_REFUSED max_depth'],
  ])(
    'WFL-2: a depth of %i, with levels %s in the call, holds for whatever calls below: %i deep is %s',
    async (depth, levels, deeper, output) => {
      expect(await engineFor([top(depth, levels)]).run('top', deeper)).toMatchObject({ output });
    },
  );

  it('WFL-2, WFL-4: what a caller leaves holds for a policy that would go deeper', async () => {
    const inner = defineWorkflow({
      name: 'inner',
      input: z.null(),
      agents: { echo },
      delegation: {},
      run: (ctx) => fateOf(ctx.agents.echo.run('a', 'a')),
    });
    const outer = defineWorkflow({
      name: 'outer',
      input: z.null(),
      agents: { inner },
      delegation: { depth: 2 },
      run: (ctx) =>
        Promise.all([
          ctx.agents.inner.run('free', null),
          ctx.agents.inner.run('bound', null, { rights: { levels: 0 } }),
        ]),
    });

    expect(await engineFor([outer]).run('outer', null)).toMatchObject({
      output: ['a', 'DELEGATION_REFUSED max_depth'],
    });
  });

  it('WFL-3: which a caller leaves are looked at in the order of the reasons', async () => {
    const inner = (name: string, delegation: DelegationPolicy<'echo'>) =>
      defineWorkflow({
        name,
        input: z.null(),
        agents: { echo },
        delegation,
        run: (ctx) => fateOf(ctx.agents.echo.run('a', 'a')),
      });
    const outer = defineWorkflow({
      name: 'outer',
      input: z.null(),
      agents: { nobody: inner('nobody', { agents: [] }), none: inner('none', { calls: 0 }) },
      delegation: { depth: 2 },
      run: (ctx) => {
        const rights = { levels: 0 };
        return Promise.all([ctx.agents.nobody.run('n', null, { rights }), ctx.agents.none.run('c', null, { rights })]);
      },
    });

    expect(await engineFor([outer]).run('outer', null)).toMatchObject({
      output: ['DELEGATION_REFUSED agent_not_allowed', 'DELEGATION_REFUSED max_depth'],
    });
  });
});

describe('the time of a policy', () => {
  it.each([
    [undefined, 1_000],
    [400, 400],
    [5_000, 1_000],
  ])(
    'WFL-2, WFL-4: is the deadline of the children that it lets start; with timeoutMs %s they have %i ms',
    async (timeoutMs, ms) => {
      const clock = fakeClock();
      const store = memoryStore({ clock });
      const workflow = defineWorkflow({
        name: 'hurried',
        input: z.null(),
        agents: { waiting },
        delegation: { wallMs: 1_000 },
        run: async (ctx) => [
          await fateOf(ctx.agents.waiting.run('a', null, timeoutMs === undefined ? {} : { timeoutMs })),
          await fateOf(ctx.agents.waiting.run('b', null, { timeoutMs: 0 })),
        ],
      });
      const engine = createEngine({ store, clock, definitions: withChildren(workflow), limits: { parkAfterMs: 0 } });
      onTestFinished(() => engine[Symbol.asyncDispose]());
      const { createdAt } = await engine.start('hurried', null, { id: 'parent' });
      expect(await engine.drive(parent)).toMatchObject({ status: 'waiting' });
      const [child] = await childrenOf(store, 'parent');
      expect(child?.rights).toEqual({ levels: 0, deadlineAt: createdAt + ms });
      clock.advance(ms);

      expect(await engine.drive(parent)).toMatchObject({
        output: ['RUN_DEADLINE', ms < 1_000 ? 'RUN_DEADLINE' : 'DELEGATION_REFUSED deadline'],
      });
    },
  );
});

describe('agents that are called when everything is used up', () => {
  const turns: unknown[] = [];
  const agent: DurableDefinition<null, string> = {
    name: 'agent',
    kind: 'agent',
    version: '1',
    run: (ctx: DurableContext) => {
      turns.push(ctx.run.turn);
      ctx.partial({ code: 'BUDGET_EXCEEDED', message: 'no more' });
      return 'so far';
    },
  };

  it('WFL-10: are told by the policy to hand back what they have, and what they hand back says that it is not whole', async () => {
    const workflow = defineWorkflow({
      name: 'collecting',
      input: z.null(),
      agents: { agent, echo },
      delegation: { whenExhausted: 'partial' },
      run: async (ctx) => {
        const { output, partial } = await ctx.agents.agent.result('a', null);
        await ctx.agents.agent.run('b', null, { turn: { whenExhausted: 'fail', mode: 'task' } });
        // A function has no turns to be told of.
        const whole = await ctx.agents.echo.result('c', 'x');
        return [output, partial?.code ?? null, whole.partial ?? null];
      },
    });

    expect(await engineFor([workflow]).run('collecting', null)).toMatchObject({
      output: ['so far', 'BUDGET_EXCEEDED', null],
    });
    expect(turns).toEqual([{ whenExhausted: 'partial' }, { whenExhausted: 'fail', mode: 'task' }]);
  });
});
