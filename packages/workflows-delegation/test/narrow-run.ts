import {
  withChildren,
  type AnyDefinition,
  type DurableContext,
  type DurableDefinition,
  type PrusikError,
  type Store,
} from '@prusik/core';
import { createEngine } from '@prusik/durable';
import type { Life, WriteLine } from '@prusik/testing-contracts';
import { defineWorkflow } from '@prusik/workflows-delegation';
import { expect } from 'vitest';
import { z } from 'zod';
import { childrenOf } from './engines.ts';

const ROOT = { tenant: 'default', run: 'narrow' };

/** Five calls of a tree that may have three: the ledger counts them, since the policy goes two levels deep. */
function definitions(write: WriteLine): readonly AnyDefinition[] {
  const child: DurableDefinition<number, number> = {
    name: 'child',
    kind: 'agent',
    version: '1',
    run: (ctx: DurableContext, n) =>
      ctx.step('work', ({ idempotencyKey }) => {
        write({ type: 'effect', run: ctx.run.key, step: 'work', effect: 'repeatable', idempotencyKey });
        return n * 10;
      }),
  };
  return withChildren(
    defineWorkflow({
      name: 'narrow',
      input: z.array(z.number()),
      agents: { child },
      delegation: { calls: 3, parallel: 2, depth: 2 },
      run: (ctx, items) =>
        ctx.fanOut(items, (item) =>
          ctx.agents.child
            .run(`child ${item}`, item)
            .catch((error: PrusikError) => `${error.code} ${String(error.meta['reason'])}`),
        ),
    }),
  );
}

export async function bringNarrowToEnd({ store, clock, write }: Life, parkAfterMs: number): Promise<void> {
  const limits = { leaseMs: 30_000, heartbeatMs: 10_000, parkAfterMs };
  const engine = createEngine({ store, definitions: definitions(write), clock, limits });
  await engine.run('narrow', [1, 2, 3, 4, 5], { id: ROOT.run });
  await engine[Symbol.asyncDispose]();
}

export async function checkNarrow(store: Store): Promise<void> {
  const refused = 'DELEGATION_REFUSED max_calls';
  expect((await store.run(ROOT))?.output).toEqual([10, 20, 30, refused, refused]);
  expect(await childrenOf(store, ROOT.run)).toHaveLength(3);
  expect((await store.ledger(ROOT))?.used.runs).toBe(3);
}
