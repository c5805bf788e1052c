import type { Store } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { inspectStore } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { durable, engineOn, key } from '../support.ts';

const turns = async (count: number): Promise<void> => {
  for (let n = 0; n < count; n += 1) await new Promise((resolve) => setImmediate(resolve));
};

/** A store that takes its time, as one on a disk does: what was staged meanwhile is under way for a while. */
function slow(inner: Store): Store {
  return {
    ...inner,
    async commit(commit) {
      await turns(2);
      const answer = await inner.commit(commit);
      await turns(2);
      return answer;
    },
  };
}

describe('a run that ends while something of it is on its way to the store', () => {
  it('DUR-14, I2, WFL-4: is cancelled without grace at any instant of a step: one outcome, nothing after the end, no reservation left', async () => {
    const seen = new Set<string>();
    for (let wait = 0; wait < 40; wait += 1) {
      const store = memoryStore();
      const reserve = { calls: 1, tokens: 10 };
      const work = durable('work', async (ctx) => {
        await Promise.all([
          ctx.step('a', () => turns(3), { reserve }),
          ctx.step('b', () => turns(5), { reserve }),
          ctx.step('c', () => turns(8), { effect: 'once', reserve }),
        ]);
      });
      const engine = engineOn(slow(store), [work], { limits: { cancelGraceMs: 0 } });
      await engine.start('work', null, { id: 'r', budget: { tokens: 1_000 } });
      const driving = engine.drive(key('r'));
      await turns(wait);
      await engine.cancel(key('r'));
      seen.add((await driving).status);
      await turns(10);
      const { violations } = await inspectStore(store);
      expect(violations, `cancelled after ${wait} turns`).toEqual([]);
      await engine[Symbol.asyncDispose]();
    }
    expect([...seen].toSorted()).toEqual(['cancelled', 'completed']);
  });
});
