import { memoryStore } from '@prusik/store-memory';
import { fakeClock } from '@prusik/testing-contracts';
import { PrusikError, type Budget, type DurableContext, type Json, type StepOptions } from '@prusik/core';
import { describe, expect, it } from 'vitest';
import { durable, engineOn, entriesOf, gate, hurried, key, turns, untilCalled } from './support.ts';

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

describe('what others only hold', () => {
  it('WFL-4: is waited for, and looked at again as soon as it is settled here', async () => {
    // Nobody moves these clocks: no pause is ever over.
    const store = memoryStore({ clock: fakeClock() });
    const [seen, live] = [new Set<number>(), new Set<string>()];
    const part = durable('part', (ctx) =>
      ctx.step(
        'call',
        async ({ usage }) => {
          live.add(ctx.run.key.run);
          await turns(10);
          seen.add(live.size);
          live.delete(ctx.run.key.run);
          usage({ inputTokens: 10, outputTokens: 0 });
        },
        { reserve: { calls: 1, tokens: 300 } },
      ),
    );
    const tree = durable('tree', async (ctx) => {
      const names = Array.from({ length: 20 }, (_, n) => `c${n}`);
      return (await Promise.all(names.map((name) => ctx.child(name, 'part', null)))).length;
    });

    const result = await engineOn(store, [tree, part], { clock: fakeClock() }).run('tree', null, {
      id: 'r',
      budget: { tokens: 1_000 },
    });

    expect(result).toMatchObject({ status: 'completed', output: 20 });
    expect(Math.max(...seen)).toBe(3);
    expect(await store.ledger(key('r'))).toMatchObject({ used: { tokens: 200, calls: 20 }, reserved: { tokens: 0 } });
  });

  it('WFL-4: is taken by as many as have room in what one returns; who is woken in vain has waited no longer for it', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const [large, rest, small] = [gate(), gate(), untilCalled()];
    const begun = new Set<string>();
    const reserving = (ctx: DurableContext, name: string, tokens: number, until: Promise<void>) =>
      ctx.step(
        name,
        async ({ usage }) => {
          begun.add(name);
          await until;
          usage({ inputTokens: 0, outputTokens: 0 });
        },
        { reserve: { tokens }, retry: { attempts: 1, capacityWaitMs: 2_000 } },
      );
    const tree = durable('tree', async (ctx) => {
      const first = reserving(ctx, 'large', 900, large.opened);
      const waiting = Promise.all(['a', 'b', 'c'].map((name) => reserving(ctx, name, 300, rest.opened)));
      // Each settles a little, which is not enough for those who wait.
      for (let n = 0; n < 40; n += 1) await reserving(ctx, `small-${n}`, 10, turns(3));
      small.call();
      await first;
      await waiting;
    });
    const running = engineOn(store, [tree], { clock }).run('tree', null, { id: 'r', budget: { tokens: 1_000 } });
    await small.called;
    expect(begun.has('a') || begun.has('b') || begun.has('c')).toBe(false);
    large.open();
    await turns(100);
    expect([...begun].slice(-3)).toEqual(expect.arrayContaining(['a', 'b', 'c']));
    rest.open();

    expect(await running).toMatchObject({ status: 'completed' });
  });

  it('WFL-4: may be settled by another process: it is asked for again, ever less often, and the run parks', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const waiter = durable('waiter', (ctx) => spend(ctx, 'call', 50, 50));
    const engine = engineOn(store, [durable('tree', () => null), waiter], { clock });
    await engine.start('tree', null, { id: 'r', budget: { tokens: 100 } });
    const started = clock.now();
    // The other process, which knows nothing of this one.
    const query = { worker: 'w', leaseMs: 30_000, limit: 1, suspects: { room: 0, alone: 1 }, definitions: [] };
    const definitions = [{ name: 'tree', versions: ['1'] }];
    const [claim] = (await store.claim({ ...query, definitions })).claims;
    const lease = { run: key('r'), epoch: claim?.run.epoch ?? 0 };
    const of = { root: 'r', parent: { run: 'r', key: 'c' }, depth: 1, definition: 'waiter', version: '1' };
    const child = { kind: 'function', key: key('c'), ...of, input: null, inputHash: '', context: null } as const;
    const commit = { ...lease, entries: [], progress: true };
    await store.commit({
      ...commit,
      children: [{ ...child, priority: 0, messages: [] }],
      ledger: { reserve: { tokens: 80 } },
    });

    const worker = engineOn(store, [waiter], { clock }).worker();
    const until = async (status: string): Promise<void> => {
      for (let s = 0; s < 200 && (await store.run(key('c')))?.status !== status; s += 1) {
        await turns(4);
        clock.advance(1_000);
      }
    };
    await until('waiting');
    expect(clock.now() - started).toBeGreaterThan(10_000);
    const pauses = (await entriesOf(store, key('c'))).filter(({ type }) => type === 'step-pause');
    const error = { code: 'BUDGET_EXCEEDED', meta: { run: 'r', held: true } };
    expect(pauses).toMatchObject([{ attempt: 0, failures: 0, error }]);

    await store.commit({ ...commit, ledger: { release: { tokens: 80 }, use: { tokens: 10 } } });
    await until('completed');
    const ends = (await entriesOf(store, key('c'))).filter(({ type }) => type === 'step-end');
    expect(ends).toMatchObject([{ attempt: 1 }]);
    expect(await store.ledger(key('r'))).toMatchObject({ used: { tokens: 60 }, reserved: { tokens: 0 } });
    await worker[Symbol.asyncDispose]();
  });

  it('WFL-4, I9: is not waited for longer than for any other room; what can never fit is not waited for at all', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const held = gate();
    const started = clock.now();
    const tree = durable('tree', async (ctx) => {
      const holder = ctx.step('holder', () => held.opened, { reserve: { tokens: 80 } });
      const never = await spend(ctx, 'never', 101, 0).then(() => 'done', codeOf);
      const neverAt = clock.now() - started;
      const late = await spend(ctx, 'late', 50, 0, { retry: { attempts: 1, capacityWaitMs: 5_000 } }).catch(
        (error: PrusikError) => error.meta as Json,
      );
      const lateAt = clock.now() - started;
      held.open();
      await holder;
      return [never, neverAt, late, lateAt];
    });

    const result = await hurried(
      clock,
      engineOn(store, [tree], { clock }).run('tree', null, { id: 'r', budget: { tokens: 100 } }),
    );

    const noRoom = { dimension: 'tokens', wanted: 50, limit: 100, run: 'r', held: true };
    expect(result).toMatchObject({ output: [['BUDGET_EXCEEDED', 'r', 'tokens'], 0, noRoom, expect.any(Number)] });
    const [, , , lateAt] = (result as { readonly output: readonly number[] }).output;
    expect(lateAt).toBeGreaterThanOrEqual(5_000);
    expect(lateAt).toBeLessThan(20_000);
  });
});

/** A call whose first execution never ends; any other takes 7 tokens. */
function lostOnce(options: StepOptions) {
  const begun = untilCalled();
  let executions = 0;
  const work = durable('work', (ctx) =>
    ctx.step(
      'call',
      ({ usage }) => {
        executions += 1;
        begun.call();
        if (executions === 1) return new Promise(() => {});
        usage({ inputTokens: 7, outputTokens: 0 });
      },
      options,
    ),
  );
  return { work, begun: begun.called };
}

describe('what nobody knows the use of', () => {
  it.each(['retry', 'happened', 'fail'] as const)(
    'WFL-4: a run that is blocked holds nothing: it is charged in full, and not again when a person says %s',
    async (choice) => {
      const store = memoryStore();
      const clock = fakeClock();
      const { work, begun } = lostOnce({ effect: 'once', reserve: { tokens: 40 }, timeoutMs: 1_000 });
      const engine = engineOn(store, [work], { clock });
      const running = engine.run('work', null, { id: 'r', budget: { tokens: 100 } });
      await begun;
      clock.advance(2_000);
      expect(await running).toMatchObject({ status: 'blocked', code: 'STEP_IN_DOUBT' });
      expect(await store.ledger(key('r'))).toMatchObject({ used: { tokens: 40 }, reserved: { tokens: 0 } });

      await engine.decide(key('r'), 'intervention-1', { status: 'answered', value: { choice } });
      await engineOn(store, [work], { clock }).drive(key('r'));

      const used = choice === 'retry' ? 47 : 40;
      expect(await store.ledger(key('r'))).toMatchObject({ used: { tokens: used }, reserved: { tokens: 0 } });
    },
  );

  it.each([
    ['is charged in full', undefined, 47],
    ['is charged nothing where it surely did not happen', () => ({ became: 'not-run' }) as const, 7],
  ])('WFL-4: a call whose process was lost %s, and may be made again', async (_, check, used) => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const { work, begun } = lostOnce({ reserve: { tokens: 40 }, ...(check ? { check, effect: 'once' } : {}) });
    const dead = engineOn(store, [work], { clock: { ...clock, after: () => ({ [Symbol.dispose]: () => {} }) } });
    await dead.start('work', null, { id: 'r', budget: { tokens: 100 } });
    dead.worker();
    await begun;
    clock.advance(60_000);

    expect(await engineOn(store, [work], { clock }).drive(key('r'))).toMatchObject({ status: 'completed' });
    expect(await store.ledger(key('r'))).toMatchObject({ used: { tokens: used }, reserved: { tokens: 0 } });
  });

  it('WFL-4: a call that was reserved and lost is charged by a build that reserves nothing for it', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const begun = untilCalled();
    const build = (reserves: boolean) =>
      durable('work', (ctx) =>
        ctx.step(
          'call',
          () => {
            if (!reserves) return null;
            begun.call();
            return new Promise(() => {});
          },
          reserves ? { reserve: { tokens: 40 } } : {},
        ),
      );
    const still = { ...clock, after: () => ({ [Symbol.dispose]: () => {} }) };
    const dead = engineOn(store, [build(true)], { clock: still });
    await dead.start('work', null, { id: 'r', budget: { tokens: 100 } });
    dead.worker();
    await begun.called;
    clock.advance(60_000);

    expect(await engineOn(store, [build(false)], { clock }).drive(key('r'))).toMatchObject({ status: 'completed' });
    expect(await store.ledger(key('r'))).toMatchObject({ used: { tokens: 40 }, reserved: { tokens: 0 } });
  });

  it('WFL-4: a lost call holds nothing while it waits to be made again', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const [begun, held, again] = [untilCalled(), gate(), untilCalled()];
    let lives = 0;
    const work = durable('work', async (ctx) => {
      lives += 1;
      const life = lives;
      const holder = ctx.step(
        'holder',
        ({ usage }) => {
          if (life === 2) again.call();
          usage({ inputTokens: 0, outputTokens: 0 });
          return life === 1 ? new Promise(() => {}) : held.opened;
        },
        { reserve: { tokens: 80 } },
      );
      const call = ctx.step('call', () => (life === 1 ? (begun.call(), new Promise(() => {})) : null), {
        reserve: { tokens: 80 },
      });
      await Promise.all([holder, call]);
    });
    const dead = engineOn(store, [work], { clock: { ...clock, after: () => ({ [Symbol.dispose]: () => {} }) } });
    await dead.start('work', null, { id: 'r', budget: { tokens: 300 } });
    dead.worker();
    await begun.called;
    clock.advance(60_000);

    const running = engineOn(store, [work], { clock }).drive(key('r'));
    await again.called;
    await turns(40);
    expect(await store.ledger(key('r'))).toMatchObject({ used: { tokens: 160 }, reserved: { tokens: 80 } });
    held.open();
    expect(await running).toMatchObject({ status: 'completed' });
  });

  it('WFL-4: what surely did not happen returns its reservation; its failed executions that tell nothing are charged', async () => {
    const store = memoryStore();
    let executions = 0;
    const work = durable('work', async (ctx) => {
      const never = await ctx
        .step('never', () => new Promise(() => {}), {
          effect: 'once',
          reserve: { tokens: 40 },
          timeoutMs: 1,
          check: () => ({ became: 'not-run' }),
        })
        .catch((error: PrusikError) => error.code);
      const { used, reserved } = (await store.ledger(key('r'))) ?? {};
      await ctx.step(
        'silent',
        ({ usage }) => {
          executions += 1;
          if (executions === 1) throw new Error('broke off');
          usage({ inputTokens: 5, outputTokens: 0 });
        },
        { reserve: { calls: 1, tokens: 30 }, retry: { attempts: 2, backoffMs: 1 } },
      );
      return [never, used?.tokens, reserved?.tokens];
    });

    const result = await engineOn(store, [work]).run('work', null, { id: 'r', budget: { tokens: 100 } });

    expect(result).toMatchObject({ output: ['STEP_TIMEOUT', 0, 0] });
    expect(await store.ledger(key('r'))).toMatchObject({ used: { calls: 2, tokens: 35 }, reserved: { tokens: 0 } });
  });
});

describe('a call that reserves nothing', () => {
  it.each<[string, Budget, StepOptions, unknown]>([
    ['nothing', { tokens: 100 }, {}, 'BUDGET_NOT_RESERVED'],
    ['no calls', { calls: 9, tokens: 100 }, { reserve: { tokens: 1 } }, 'BUDGET_NOT_RESERVED'],
    ['no cost', { costMicros: 9 }, { reserve: { calls: 1, tokens: 1 } }, 'BUDGET_COST_UNKNOWN'],
    ['nothing, of a budget of cost', { costMicros: 9 }, {}, 'BUDGET_NOT_RESERVED'],
    ['nothing, of a budget of runs', { runs: 9 }, {}, undefined],
    ['nothing, without a budget', {}, {}, undefined],
  ])('WFL-4: a model call with %s reserved where it is limited never starts', async (_, budget, options, code) => {
    const store = memoryStore();
    let executions = 0;
    const work = durable('work', (ctx) => ctx.step('call', () => (executions += 1), { kind: 'model', ...options }));

    const result = await engineOn(store, [work]).run('work', null, { id: 'r', budget });

    expect(result).toMatchObject(code === undefined ? { status: 'completed' } : { status: 'failed', error: { code } });
    expect(executions).toBe(code === undefined ? 1 : 0);
  });

  it('WFL-4: what a step tells that it used is used all the same', async () => {
    const store = memoryStore();
    const work = durable('work', async (ctx) => {
      await ctx.step('tool', ({ usage }) => usage({ inputTokens: 30, outputTokens: 10 }, 5), { kind: 'tool' });
      await ctx.step(
        'again',
        ({ usage, attempt }) => {
          usage({ inputTokens: 5, outputTokens: 0 }, 1);
          if (attempt === 1) throw new Error('broke off');
        },
        { retry: { attempts: 2, backoffMs: 1 } },
      );
      await spend(ctx, 'model', 60, 1);
    });

    await engineOn(store, [work]).run('work', null, { id: 'r', budget: { tokens: 100 } });

    expect(await store.ledger(key('r'))).toMatchObject({
      used: { tokens: 50, costMicros: 7 },
      reserved: { tokens: 0 },
    });
  });

  it('WFL-4: a budget of runs costs a model call no commit, and counts what it used', async () => {
    const store = memoryStore();
    const work = durable('work', (ctx) => spend(ctx, 'call', 60, 12));

    await engineOn(store, [work]).run('work', null, { id: 'r', budget: { runs: 5 } });

    expect((await entriesOf(store, key('r'))).map(({ type }) => type)).not.toContain('step-intent');
    expect(await store.ledger(key('r'))).toMatchObject({ used: { calls: 1, tokens: 12 }, reserved: { tokens: 0 } });
  });
});

describe('a run that is started again', () => {
  it.each<[string, Budget | undefined, Budget]>([
    ['the same budget', undefined, { tokens: 70 }],
    ['the budget that its caller gives', { tokens: 9 }, { tokens: 9 }],
  ])('WFL-4: has %s', async (_, budget, limits) => {
    const store = memoryStore();
    const engine = engineOn(store, [durable('work', () => null)]);
    await engine.run('work', null, { id: 'r', budget: { tokens: 70 } });

    await engine.startAgain(key('r'), { id: 'again', ...(budget ? { budget } : {}) });

    expect((await store.ledger(key('again')))?.limits).toEqual(limits);
  });
});
