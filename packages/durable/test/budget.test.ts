import { memoryStore } from '@prusik/store-memory';
import { PrusikError, type Budget, type DurableContext, type StepOptions } from '@prusik/core';
import { describe, expect, it } from 'vitest';
import { durable, engineOn, entriesOf, key } from './support.ts';

/** A call that may take `reserve` tokens and tells that it took `used`. */
const spend = (ctx: DurableContext, step: string, reserve: number, used: number, options: StepOptions = {}) =>
  ctx.step(step, ({ usage }) => void usage({ inputTokens: used, outputTokens: 0 }, 0), {
    kind: 'model',
    reserve: { calls: 1, tokens: reserve, costMicros: 0 },
    ...options,
  });

const codeOf = (error: unknown): unknown =>
  error instanceof PrusikError ? [error.code, error.meta['run'], error.meta['dimension']] : error;

describe('budgets of parts of a tree', () => {
  it('WFL-4: a child spends from its own budget and from all above it; what its own refuses leaves room for its siblings', async () => {
    const store = memoryStore();
    const part = durable('part', async (ctx, input) => {
      const [reserve, used] = input as [number, number];
      await spend(ctx, 'first', reserve, used);
      await spend(ctx, 'second', reserve, used);
    });
    const tree = durable('tree', async (ctx) => {
      const narrow = await ctx.child('narrow', 'part', [30, 30], { budget: { tokens: 50 } }).then(() => 'done', codeOf);
      await ctx.child('wide', 'part', [30, 10]);
      return narrow;
    });
    const engine = engineOn(store, [tree, part]);

    const result = await engine.run('tree', null, { id: 'r', budget: { tokens: 100 } });

    const [narrow] = (await store.listRuns({ tenant: 'default', parent: 'r', limit: 9 })).items.toReversed();
    expect(result).toMatchObject({ output: ['BUDGET_EXCEEDED', narrow?.key.run, 'tokens'] });
    expect(await store.ledger(narrow?.key ?? key('r'))).toMatchObject({
      limits: { tokens: 50 },
      used: { tokens: 30 },
      reserved: { tokens: 0 },
    });
    expect(await store.ledger(key('r'))).toMatchObject({ used: { tokens: 50, runs: 2 }, reserved: { tokens: 0 } });
  });

  it.each<[string, Budget | undefined, Budget | undefined, Budget | undefined]>([
    ['the definition', undefined, { tokens: 9 }, { tokens: 9 }],
    ['the call', { tokens: 9 }, undefined, { tokens: 9 }],
    [
      'the narrower of both in each dimension',
      { tokens: 5, calls: 9 },
      { tokens: 7, calls: 2 },
      { tokens: 5, calls: 2 },
    ],
    ['nobody', undefined, undefined, undefined],
  ])('WFL-4: the budget of a child is what %s says', async (_, said, defined, limits) => {
    const store = memoryStore();
    const part = { ...durable('part', () => null), ...(defined === undefined ? {} : { budget: defined }) };
    const tree = durable('tree', (ctx) => ctx.child('c', 'part', null, said === undefined ? {} : { budget: said }));

    await engineOn(store, [tree, part]).run('tree', null, { id: 'r' });

    const [child] = (await store.listRuns({ tenant: 'default', parent: 'r', limit: 9 })).items;
    expect((await store.ledger(child?.key ?? key('r')))?.limits).toEqual(limits);
  });

  it('I12: a budget of a child that is none rejects the call, and nothing is started', async () => {
    const store = memoryStore();
    const tree = durable('tree', (ctx) =>
      ctx.child('c', 'part', null, { budget: { tokens: Number.NaN } }).then(
        () => 'started',
        (error: unknown) => error instanceof TypeError,
      ),
    );
    const engine = engineOn(store, [tree, durable('part', () => null)]);

    expect(await engine.run('tree', null, { id: 'r' })).toMatchObject({ output: true });
    expect((await store.listRuns({ tenant: 'default', limit: 9 })).items).toHaveLength(1);
  });
});

describe('a budget of runs', () => {
  it('WFL-4: holds for the whole tree below; a call past it is told so, on replay too, and the run goes on', async () => {
    const store = memoryStore();
    const leaf = durable('leaf', () => null);
    const middle = durable('middle', async (ctx) => {
      const starts = ['a', 'b', 'c'].map((name) => ctx.child(name, 'leaf', null).then(() => name, codeOf));
      return Promise.all(starts);
    });
    const tree = durable('tree', async (ctx) => {
      const { output: below } = await ctx.child('m', 'middle', null);
      const own = await ctx.child('one', 'leaf', null).then(() => 'one', codeOf);
      await ctx.receive('go');
      return [below, own];
    });
    const engine = engineOn(store, [tree, middle, leaf]);
    const refused = ['BUDGET_EXCEEDED', 'r', 'runs'];

    expect(await engine.run('tree', null, { id: 'r', budget: { runs: 3 } })).toMatchObject({ status: 'waiting' });
    await engine.signal(key('r'), 'go', null);
    expect(await engineOn(store, [tree, middle, leaf]).drive(key('r'))).toMatchObject({
      output: [['a', 'b', refused], refused],
    });

    expect((await store.ledger(key('r')))?.used.runs).toBe(3);
    expect((await store.listRuns({ tenant: 'default', limit: 9 })).items).toHaveLength(4);
    const ends = (await entriesOf(store, key('r'))).filter(({ type }) => type === 'wait-end' || type === 'run-block');
    expect(ends).toMatchObject([{ key: 'm' }, { key: 'one', outcome: { ok: false } }, { key: 'go' }]);
  });
});
