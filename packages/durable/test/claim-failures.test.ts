import { PrusikError, type Store } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { fakeClock } from '@prusik/testing-contracts';
import { expect, it } from 'vitest';
import { durable, engineOn, gate, untilCalled } from './support.ts';

/** A store whose claims fail for as long as is said. */
function failing(inner: Store): { readonly store: Store; fail: boolean; readonly failures: () => number } {
  let failures = 0;
  const state = { store: inner, fail: false, failures: () => failures };
  state.store = {
    ...inner,
    async claim(query) {
      if (!state.fail) return inner.claim(query);
      failures += 1;
      throw new PrusikError('STORE_UNAVAILABLE', 'The disk is gone', { retryable: true });
    },
  };
  return state;
}

it('DUR-12: a caller whose run is driven here does not hear of a claim that fails, and its tree is asked for again', async () => {
  const clock = fakeClock();
  const shaky = failing(memoryStore({ clock }));
  const [hold, begun] = [gate(), untilCalled()];
  const child = durable('child', () => 'from the child');
  const parent = durable('parent', async (ctx) => {
    await ctx.step('before', () => {
      shaky.fail = true;
    });
    const [said] = await Promise.all([
      ctx.child('c', 'child', null),
      ctx.step('hold', () => (begun.call(), hold.opened)),
    ]);
    return said.output;
  });
  const engine = engineOn(shaky.store, [parent, child], { clock });
  const running = engine.run('parent', null, { id: 'r' });
  await begun.called;
  // The child is news of the tree: it is claimed at once, and that fails.
  while (shaky.failures() === 0) await new Promise((resolve) => setImmediate(resolve));
  shaky.fail = false;
  hold.open();
  const timer = setInterval(() => clock.advance(1_000), 1);

  expect(await running.finally(() => clearInterval(timer))).toMatchObject({ output: 'from the child' });
  await engine[Symbol.asyncDispose]();
});
