import { withChildren, type AnyDefinition, type DurableContext, type DurableDefinition } from '@prusik/core';
import type { WriteLine } from '@prusik/testing-contracts';
import { defineWorkflow } from '@prusik/workflows-delegation';
import { z } from 'zod';

/** What the parent is given and gives, and what each model call reserves and uses. */
export const TREE: {
  readonly items: readonly number[];
  readonly output: number;
  readonly reserved: number;
  readonly used: number;
} = { items: [1, 2, 3], output: 60, reserved: 100, used: 15 };

/** A parent that spreads its items over children, each of which calls a model and pays. */
export function treeDefinitions(write: WriteLine, work: () => Promise<void>): readonly AnyDefinition[] {
  const child: DurableDefinition<number, number> = {
    name: 'child',
    kind: 'agent',
    version: '1',
    async run(ctx: DurableContext, n) {
      await ctx.step(
        'model',
        async ({ idempotencyKey, usage }) => {
          write({ type: 'effect', run: ctx.run.key, step: 'model', effect: 'repeatable', idempotencyKey });
          await work();
          usage({ inputTokens: 10, outputTokens: TREE.used - 10 });
        },
        { kind: 'model', reserve: { calls: 1, tokens: TREE.reserved } },
      );
      return ctx.step(
        'pay',
        ({ idempotencyKey }) => {
          write({ type: 'effect', run: ctx.run.key, step: 'pay', effect: 'keyed', idempotencyKey });
          return n * 10;
        },
        { effect: 'keyed' },
      );
    },
  };
  const parent = defineWorkflow({
    name: 'parent',
    input: z.array(z.number()),
    agents: { child },
    delegation: { calls: 3, parallel: 3, tokens: 1_000 },
    async run(ctx, items) {
      const parts = await ctx.fanOut(items, (item) => ctx.agents.child.run(`child ${item}`, item));
      return ctx.step('sum', ({ idempotencyKey }) => {
        write({ type: 'effect', run: ctx.run.key, step: 'sum', effect: 'repeatable', idempotencyKey });
        return parts.reduce((sum, part) => sum + part, 0);
      });
    },
  });
  return withChildren(parent);
}
