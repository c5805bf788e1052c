import { PrusikError, type Store } from '@prusik/core';
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

  it('WFL-7, DUR-6: fails while a child of it ends, at any instant: what was asked for and stands to be handed over is no divergence', async () => {
    for (let wait = 0; wait < 40; wait += 1) {
      const store = memoryStore();
      const parent = durable('parent', async (ctx) => {
        void ctx.child('ends', 'ends', null);
        void ctx.child('waits', 'waits', null);
        await ctx.step('work', () => turns(20));
        throw new PrusikError('GAVE_UP', 'it had enough');
      });
      const ends = durable('ends', (ctx) => ctx.step('a', () => turns(wait)));
      const waits = durable('waits', (ctx) => ctx.receive('never'));
      const engine = engineOn(slow(store), [parent, ends, waits], { limits: { parkAfterMs: 1_000 } });

      expect(await engine.run('parent', null), `ended after ${wait} turns`).toMatchObject({
        error: { code: 'GAVE_UP' },
      });
      await engine[Symbol.asyncDispose]();
    }
  });

  it('WFL-4: of steps that settle what they reserved at one instant, all are in one commit', async () => {
    const settled: number[] = [];
    const store = memoryStore();
    const counted: Store = {
      ...store,
      async commit(commit) {
        const answer = await store.commit(commit);
        const ends = commit.entries.filter(({ type }) => type === 'step-end').length;
        if (answer.outcome === 'committed' && ends > 0) settled.push(ends);
        return answer;
      },
    };
    const go = Promise.withResolvers<void>();
    const reserve = { calls: 1, tokens: 10 };
    let begun = 0;
    const call = (): Promise<void> => {
      begun += 1;
      if (begun === 3) go.resolve();
      return go.promise;
    };
    const work = durable('work', async (ctx) => {
      await Promise.all(['a', 'b', 'c'].map((name) => ctx.step(name, call, { reserve })));
    });
    const engine = engineOn(counted, [work]);
    await engine.start('work', null, { id: 'r', budget: { tokens: 1_000 } });
    await engine.drive(key('r'));

    expect(settled).toEqual([3]);
    expect((await inspectStore(store)).violations).toEqual([]);
    await engine[Symbol.asyncDispose]();
  });

  it('DUR-14, ERR-3: whose end the store refuses is blocked, not taken up again and again, and a person can have it tried once more', async () => {
    const store = memoryStore();
    let refuses = true;
    let tried = 0;
    const refusing: Store = {
      ...store,
      async commit(commit) {
        if (commit.transition?.type !== 'end') return store.commit(commit);
        tried += 1;
        if (refuses) throw new TypeError('This is no end');
        return store.commit(commit);
      },
    };
    const work = durable('work', (ctx) => ctx.receive('never'));
    const engine = engineOn(refusing, [work]);
    await engine.run('work', null, { id: 'r' });
    await engine.cancel(key('r'));
    const blocked = await engine.drive(key('r'));
    expect(blocked).toMatchObject({ status: 'blocked', code: 'COMMIT_INVALID' });
    expect(tried).toBe(1);

    refuses = false;
    const request = blocked.status === 'blocked' ? blocked.request : '';
    await engine.decide(key('r'), request, { status: 'answered', value: { choice: 'retry' } });
    expect(await engine.drive(key('r'))).toMatchObject({ status: 'cancelled' });
    expect((await inspectStore(store)).violations).toEqual([]);
    await engine[Symbol.asyncDispose]();
  });
});
