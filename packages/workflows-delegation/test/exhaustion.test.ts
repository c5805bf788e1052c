import {
  type Amount,
  type AnyDefinition,
  type Budget,
  type DelegationPolicy,
  type DurableContext,
  type DurableDefinition,
  type PrusikError,
} from '@prusik/core';
import { defineWorkflow } from '@prusik/workflows-delegation';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { childrenOf, engineFor } from './engines.ts';

const parent = { tenant: 'default', run: 'parent' };

/** Reserves so much for its one model call, and uses ten tokens. */
const asking = (name: string, reserve: Amount): DurableDefinition<null, string> => ({
  name,
  kind: 'agent',
  version: '1',
  run: (ctx: DurableContext) =>
    ctx.step(
      'model',
      (step) => {
        step.usage({ inputTokens: 5, outputTokens: 5 }, 10);
        return name;
      },
      { kind: 'model', reserve },
    ),
});
const agents = {
  big: asking('big', { calls: 1, tokens: 300, costMicros: 300 }),
  small: asking('small', { calls: 1, tokens: 20, costMicros: 20 }),
};
const fateOf = (call: Promise<string>): Promise<string> =>
  call.catch(({ code, meta }: PrusikError) => `${code} ${String(meta['reason'] ?? meta['dimension'])}`);

/** Calls these one after another, `*` with a budget of its own that is too small. */
const calling = (delegation: DelegationPolicy<'big' | 'small'>, names: readonly string[]) =>
  defineWorkflow({
    name: 'calling',
    input: z.null(),
    agents,
    delegation,
    run: async (ctx) => {
      const fates: string[] = [];
      for (const [index, name] of names.entries()) {
        const { run } = ctx.agents[name.replace('*', '') as 'big' | 'small'];
        fates.push(await fateOf(run(`call ${index}`, null, name.endsWith('*') ? { budget: { tokens: 5 } } : {})));
      }
      return fates;
    },
  });

async function fatesOf(
  delegation: DelegationPolicy<'big' | 'small'>,
  names: readonly string[],
  budget?: Budget,
): Promise<readonly [unknown, number]> {
  const engine = engineFor([calling(delegation, names)]);
  const result = await engine.run('calling', null, { id: 'parent', ...(budget ? { budget } : {}) });
  return [result.status === 'completed' ? result.output : result, (await childrenOf(engine.store, 'parent')).length];
}

describe('a budget that is used up', () => {
  it.each<[string, DelegationPolicy<'big' | 'small'>, Budget | undefined, string, string]>([
    ["the policy's tokens", { tokens: 305 }, undefined, 'tokens', 'max_tokens'],
    ["the policy's cost", { costMicros: 305 }, undefined, 'costMicros', 'max_cost'],
    ["the caller's tokens", {}, { tokens: 305 }, 'tokens', 'max_tokens'],
    ["the caller's cost", {}, { costMicros: 305 }, 'costMicros', 'max_cost'],
  ])(
    'WFL-4: %s: what was refused to an agent is not asked for again, and one that wants less is asked',
    async (_, policy, budget, dimension, reason) => {
      const [fates, children] = await fatesOf(policy, ['big', 'big', 'big', 'small'], budget);

      expect(fates).toEqual(['big', `BUDGET_EXCEEDED ${dimension}`, `DELEGATION_REFUSED ${reason}`, 'small']);
      expect(children).toBe(3);
    },
  );

  it("WFL-2: the caller's model calls are told as calls, not as tokens", async () => {
    const [fates] = await fatesOf({}, ['small', 'small', 'small'], { calls: 1 });

    expect(fates).toEqual(['small', 'BUDGET_EXCEEDED calls', 'DELEGATION_REFUSED max_calls']);
  });

  it("WFL-4: a child's own is not its caller's", async () => {
    const [fates] = await fatesOf({ tokens: 1_000 }, ['small*', 'small', 'small*', 'big']);

    expect(fates).toEqual(['BUDGET_EXCEEDED tokens', 'small', 'BUDGET_EXCEEDED tokens', 'big']);
  });

  it('WFL-4: what siblings only hold is waited for, and nobody is refused for it', async () => {
    const workflow = defineWorkflow({
      name: 'crowded',
      input: z.null(),
      agents,
      delegation: { tokens: 1_000, parallel: 8 },
      run: (ctx) => Promise.all(['a', 'b', 'c', 'd', 'e'].map((key) => fateOf(ctx.agents.big.run(key, null)))),
    });
    const engine = engineFor([workflow], { parkAfterMs: 5_000 });

    expect(await engine.run('crowded', null, { id: 'parent' })).toMatchObject({
      output: ['big', 'big', 'big', 'big', 'big'],
    });
    expect(await engine.store.ledger(parent)).toMatchObject({ used: { tokens: 50 }, reserved: { tokens: 0 } });
  });
});

describe('calls of a whole tree', () => {
  const leaf = asking('leaf', { tokens: 20 });
  const middle = defineWorkflow({
    name: 'middle',
    input: z.number(),
    agents: { leaf },
    delegation: { calls: 3 },
    run: async (ctx, count) => {
      const fates: string[] = [];
      for (let n = 0; n < count; n += 1) fates.push(await fateOf(ctx.agents.leaf.run(`leaf ${n}`, null)));
      return fates.join(', ');
    },
  });
  const top = (calls: number): AnyDefinition =>
    defineWorkflow({
      name: 'top',
      input: z.null(),
      agents: { middle, leaf },
      delegation: { calls, depth: 2 },
      run: async (ctx) => [
        await fateOf(ctx.agents.middle.run('middle', 3)),
        await fateOf(ctx.agents.leaf.run('own', null)),
        await fateOf(ctx.agents.leaf.run('more', null)),
      ],
    });

  it.each([
    [3, 'leaf, leaf, DELEGATION_REFUSED max_calls', 'DELEGATION_REFUSED max_calls', 'DELEGATION_REFUSED max_calls', 3],
    [4, 'leaf, leaf, leaf', 'DELEGATION_REFUSED max_calls', 'DELEGATION_REFUSED max_calls', 4],
    [5, 'leaf, leaf, leaf', 'leaf', 'DELEGATION_REFUSED max_calls', 5],
  ])('WFL-2: %i of them are those of children too', async (calls, below, own, more, runs) => {
    const engine = engineFor([top(calls)]);

    expect(await engine.run('top', null, { id: 'parent' })).toMatchObject({ output: [below, own, more] });
    const { items } = await engine.store.listRuns({ tenant: 'default', root: 'parent', limit: 100 });
    expect(items).toHaveLength(1 + runs);
    expect(await engine.store.ledger(parent)).toMatchObject({ limits: { runs: calls }, used: { runs } });
  });
});
