import { PrusikError, type DurableDefinition, type Json } from '@prusik/core';
import { durable } from './support.ts';

export const PARTS = 40;
const CALLS = 4;
/** What one call reserves at most, and tells at most. */
export const CALL_TOKENS = 100;

/** A tree whose parts make calls until there is no room for one, and say how many they made. */
export const spenders: readonly DurableDefinition<Json, unknown>[] = [
  durable('spender', async (ctx) => {
    let made = 0;
    try {
      for (; made < CALLS; made += 1)
        await ctx.step(
          `call-${made}`,
          async ({ usage }) => {
            await new Promise((resolve) => setTimeout(resolve, 50 + ctx.random(`ms-${made}`) * 200));
            usage({ inputTokens: 1 + Math.floor(ctx.random(`tokens-${made}`) * CALL_TOKENS), outputTokens: 0 });
          },
          { kind: 'model', reserve: { calls: 1, tokens: CALL_TOKENS } },
        );
    } catch (error) {
      if (!(error instanceof PrusikError && error.code === 'BUDGET_EXCEEDED' && error.meta['held'] === false))
        throw error;
    }
    return made;
  }),
  durable('spend-all', async (ctx) => {
    const names = Array.from({ length: PARTS }, (_, n) => `part-${n}`);
    // Half of them have a budget of their own, which is narrower than what they would like to spend.
    const parts = names.map((name, n) =>
      ctx.child<number>(name, 'spender', null, n % 2 === 0 ? {} : { budget: { tokens: 2 * CALL_TOKENS } }),
    );
    return (await Promise.all(parts)).map(({ output }) => output);
  }),
];
