import { memoryStore } from '@prusik/store-memory';
import { fakeClock } from '@prusik/testing-contracts';
import { PrusikError, type DurableContext, type Json } from '@prusik/core';
import { describe, expect, it } from 'vitest';
import { durable, engineOn, entriesOf, gate, key, turns, untilCalled } from './support.ts';

describe('code that no longer fits', () => {
  const step = (ctx: DurableContext, name: string) => ctx.step(name, () => name);
  const versions: Record<string, (ctx: DurableContext) => Promise<unknown>> = {
    'a step is gone': (ctx) => step(ctx, 'b'),
    'the order is another': async (ctx) => {
      await step(ctx, 'b');
      await step(ctx, 'a');
    },
    'a receive is gone': () => Promise.resolve(),
  };

  it.each(Object.entries(versions))(
    'DUR-6, I5: blocks with RUN_DIVERGED and does not wait for ever when %s',
    async (_, changed) => {
      const store = memoryStore();
      const old = durable('work', async (ctx) => {
        await step(ctx, 'a');
        await step(ctx, 'b');
        await ctx.receive('go');
      });
      await engineOn(store, [old]).run('work', null, { id: 'r' });
      const before = await entriesOf(store, key('r'));
      const engine = engineOn(store, [durable('work', changed)]);
      await engine.signal(key('r'), 'go', null);

      expect(await engine.drive(key('r'))).toMatchObject({ status: 'blocked', code: 'RUN_DIVERGED' });
      expect((await entriesOf(store, key('r'))).slice(0, before.length)).toEqual(before);
    },
  );

  it('DUR-5: a once step in doubt that the new code no longer asks for does not vanish', async () => {
    const store = memoryStore();
    const begun = untilCalled();
    const stop = new AbortController();
    const pay = durable('work', (ctx) =>
      ctx.step('pay', () => (begun.call(), new Promise(() => {})), { effect: 'once' }),
    );
    const driving = engineOn(store, [pay]).run('work', null, { id: 'r', signal: stop.signal });
    await begun.called;
    stop.abort(new Error('killed'));
    await expect(driving).rejects.toThrow('killed');

    const engine = engineOn(store, [durable('work', () => 'nothing to pay')]);
    expect(await engine.drive(key('r'))).toMatchObject({ status: 'blocked', code: 'STEP_IN_DOUBT' });
  });
});

it('DEF-3: an option of a start that is none is refused, and nothing is stored', async () => {
  const store = memoryStore();
  const engine = engineOn(store, [durable('work', () => null)]);

  await expect(engine.run('work', null, { id: 'r', timeout: 5 } as object)).rejects.toThrow(
    new TypeError('A start of work has no option timeout: use timeoutMs'),
  );
  expect(await store.run(key('r'))).toBeUndefined();
});

it.each([
  ['step s has no option effects: there are .*effect', (ctx) => ctx.step('s', () => 1, { effects: 'once' } as object)],
  [
    'step s: retry has no option retries: use attempts',
    (ctx) => ctx.step('s', () => 1, { retry: { retries: 3 } as never }),
  ],
  ['receive s has no option timeout: use timeoutMs', (ctx) => ctx.receive('s', { timeout: 5 } as object)],
  [
    'request s has no option timeoutMs: use expiresInMs',
    (ctx) => ctx.request('s', { kind: 'question', body: null, timeoutMs: 5 } as never),
  ],
] as const satisfies readonly [string, (ctx: DurableContext) => Promise<unknown>][])(
  'DEF-3: a misspelt option is refused, not passed over: %s',
  async (message, call) => {
    const result = await engineOn(memoryStore(), [durable('work', call)]).run('work', null);

    expect(result).toMatchObject({ status: 'failed', error: { message: expect.stringMatching(message) } });
  },
);

const LABELS: Record<string, object> = {
  'a kind that is none': { kind: 'child' },
  'a name that is no text': { name: 5 },
  'a fingerprint that is no text': { fingerprint: 5 },
  'a long fingerprint': { fingerprint: 'x'.repeat(201) },
  'a fingerprint that a file cannot hold': { fingerprint: 'a\0b' },
};

describe.each(Object.entries(LABELS))('a step with %s', (_, labels) => {
  it('DUR-4, REC-1: is refused before anything of it is on record, which no other store would take in', async () => {
    const store = memoryStore();
    const work = durable('work', (ctx) => ctx.step('s', () => 1, labels));
    expect(await engineOn(store, [work]).run('work', null, { id: 'r' })).toMatchObject({
      status: 'failed',
      error: { code: 'RUN_FAILED', message: expect.stringContaining('step s: its ') },
    });
    expect((await entriesOf(store, key('r'))).map(({ type }) => type)).toEqual(['run-start', 'run-claim', 'run-end']);
  });

  it('DUR-5, REC-1: is not announced', async () => {
    const store = memoryStore();
    const work = durable('work', (ctx) =>
      ctx.step('lead', () => 1, { leadsTo: () => [{ key: 's', ...labels } as { key: string }] }),
    );
    expect(await engineOn(store, [work]).run('work', null, { id: 'r' })).toMatchObject({ status: 'completed' });
    expect((await entriesOf(store, key('r'))).map(({ type }) => type)).not.toContain('step-intent');
  });
});

describe('what a function or its steps get wrong', () => {
  it('AGT-13: an error that only looks like one of ours is recorded once, and its step is not run again', async () => {
    let calls = 0;
    const imitation = Object.assign(new Error('x'), { name: 'PrusikError', code: 'X', meta: undefined });
    const engine = engineOn(memoryStore(), [
      durable('work', (ctx) =>
        ctx.step('s', () => {
          calls += 1;
          throw imitation;
        }),
      ),
    ]);

    expect(await engine.run('work', null)).toMatchObject({ status: 'failed', error: { code: 'X', message: 'x' } });
    expect(calls).toBe(1);
  });

  const wrong: Record<string, (ctx: DurableContext) => Promise<unknown>> = {
    'receive until NaN': (ctx) => ctx.receive('s', { timeoutMs: Number.NaN }),
    'receive until Infinity': (ctx) => ctx.receive('s', { timeoutMs: Infinity }),
    'a request that expires in NaN': (ctx) =>
      ctx.request('q', { kind: 'question', body: null, expiresInMs: Number.NaN }),
    'a request about a function': (ctx) => ctx.request('q', { kind: 'question', body: (() => 1) as unknown as Json }),
    'usage of NaN': (ctx) => ctx.step('s', ({ usage }) => usage({ inputTokens: Number.NaN })),
    'a reservation of NaN': (ctx) => ctx.step('s', () => 1, { reserve: { tokens: Number.NaN } }),
    'a child of half a priority': (ctx) => ctx.child('c', 'child', null, { priority: 1.5 }),
    'meta that is not JSON': (ctx) =>
      ctx.step('s', () => {
        throw new PrusikError('X', 'x', { meta: { at: new Date(0) as unknown as Json } });
      }),
    'a call in the body of a step': (ctx) => ctx.step('outer', () => ctx.step('inner', () => 1)),
    'a child whose opening messages cannot be made': (ctx) => ctx.child('c', 'mute', null),
  };

  it.each(Object.entries(wrong))('I9: %s fails the run at once, with its own reason', async (_, run) => {
    const mute = durable('mute', () => 1, {
      openingMessages() {
        throw new Error('no words');
      },
    });
    const engine = engineOn(memoryStore(), [durable('work', run), durable('child', () => 1), mute]);

    const result = await engine.run('work', null);

    expect(result).toMatchObject({ status: 'failed' });
    expect(JSON.stringify(result)).not.toContain('STORE_UNAVAILABLE');
  });

  it('a function may change what a step gave it, also in a replay on a store that freezes', async () => {
    const store = memoryStore();
    const work = durable('work', async (ctx) => {
      const list = await ctx.step('list', () => [3, 1, 2]);
      list.sort((a, b) => a - b);
      await ctx.receive('go');
      return list;
    });
    const engine = engineOn(store, [work]);
    await engine.run('work', null, { id: 'r' });
    await engine.signal(key('r'), 'go', null);

    expect(await engine.drive(key('r'))).toMatchObject({ status: 'completed', output: [1, 2, 3] });
  });

  it('REQ-1: as many questions as are allowed still leave room to ask for help', async () => {
    const store = memoryStore();
    const begun = untilCalled();
    const stop = new AbortController();
    const work = durable('work', async (ctx) => {
      const questions = Array.from({ length: 64 }, (_, n) => ctx.request(`q${n}`, { kind: 'question', body: n }));
      await ctx.step('pay', () => (begun.call(), new Promise(() => {})), { effect: 'once' });
      await Promise.all(questions);
    });
    const driving = engineOn(store, [work]).run('work', null, { id: 'r', signal: stop.signal });
    await begun.called;
    stop.abort(new Error('killed'));
    await expect(driving).rejects.toThrow('killed');

    expect(await engineOn(store, [work]).drive(key('r'))).toMatchObject({ status: 'blocked', code: 'STEP_IN_DOUBT' });
  });
});

describe('the process around an engine', () => {
  it('I8: thousands of instant steps on a store in memory let timers in', async () => {
    let ticks = 0;
    const ticking = setInterval(() => (ticks += 1), 1);
    const work = durable('work', async (ctx) => {
      for (let n = 0; n < 3_000; n += 1) await ctx.step(`s${n}`, () => n);
    });
    const began = performance.now();
    await engineOn(memoryStore(), [work]).run('work', null);
    clearInterval(ticking);

    // One for every 5 ms, were nothing else to do; without a turn of the event loop there is none.
    expect(ticks).toBeGreaterThan((performance.now() - began) / 50);
  });

  it('I8: many runs without one step do so too', async () => {
    let ticks = 0;
    const ticking = setInterval(() => (ticks += 1), 1);
    const store = memoryStore();
    const engine = engineOn(store, [durable('work', () => 1)]);
    for (let n = 0; n < 500; n += 1) await engine.start('work', n, { id: `r${n}` });
    const began = performance.now();
    ticks = 0;
    const worker = engine.worker();
    for await (const event of engine.events(key('r499'))) void event;
    clearInterval(ticking);
    await worker[Symbol.asyncDispose]();

    expect(ticks).toBeGreaterThan((performance.now() - began) / 50);
  });

  const nested = { limits: { slots: 1 } };

  it('DUR-11: run() and drive() inside a step or a function of the same engine are refused at once, and would wait for ever', async () => {
    const inner = durable('inner', () => 'inner');
    const outer = durable('outer', (ctx, where) => {
      const call = (): Promise<unknown> => engine.run('inner', null);
      return where === 'step' ? ctx.step('s', call) : call();
    });
    const engine = engineOn(memoryStore(), [inner, outer], nested);

    for (const where of ['step', 'function'])
      expect(await engine.run('outer', where)).toMatchObject({ status: 'failed', error: { code: 'RUN_NESTED' } });
  });

  it('DUR-11: a step may run something on another engine, and what a step left behind is in no place', async () => {
    const other = engineOn(memoryStore(), [durable('inner', (ctx) => ctx.step('s', () => 'inner'))], nested);
    const later = gate();
    let leftBehind: Promise<unknown> | undefined;
    const outer = durable('outer', (ctx) =>
      ctx.step('s', async () => {
        leftBehind = later.opened.then(() => engine.run('plain', null));
        return other.run('inner', null);
      }),
    );
    const engine = engineOn(memoryStore(), [outer, durable('plain', () => 'plain')], nested);

    expect(await engine.run('outer', null)).toMatchObject({ output: { status: 'completed', output: 'inner' } });
    later.open();
    expect(await leftBehind).toMatchObject({ output: 'plain' });
  });
});

describe('ends that come from outside', () => {
  it('I7: what a function made of its calls and has not awaited yet does not end the process when it is cancelled', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    const work = durable('work', async (ctx) => {
      const part = async (name: string): Promise<unknown> => ctx.receive(name);
      const a = part('a');
      const b = part('b');
      return [await a, await b];
    });
    const engine = engineOn(memoryStore(), [work], { limits: { parkAfterMs: 60_000 } });
    const driving = engine.run('work', null, { id: 'r' });
    await turns();
    await engine.cancel(key('r'));

    expect(await driving).toMatchObject({ status: 'cancelled' });
    await turns();
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });

  it('I7: a function that waits for all of its calls hears of the cancel in each', async () => {
    const heard: string[] = [];
    const work = durable('work', async (ctx) => {
      const part = (name: string): Promise<unknown> =>
        ctx.receive(name).catch((error: PrusikError) => heard.push(`${name} ${error.code}`));
      await Promise.all([part('a'), part('b'), part('c')]);
    });
    const engine = engineOn(memoryStore(), [work], { limits: { parkAfterMs: 60_000, cancelGraceMs: 1_000 } });
    const driving = engine.run('work', null, { id: 'r' });
    await turns();
    await engine.cancel(key('r'));

    expect(await driving).toMatchObject({ status: 'cancelled' });
    expect(heard).toEqual(['a RUN_CANCELLED', 'b RUN_CANCELLED', 'c RUN_CANCELLED']);
  });

  it('I7: a step that ends within the grace of a cancel keeps its outcome, and the run ends after it', async () => {
    const store = memoryStore();
    const begun = untilCalled();
    const charge = gate<string>();
    const work = durable('work', (ctx) => ctx.step('charge', () => (begun.call(), charge.opened), { effect: 'once' }));
    const engine = engineOn(store, [work], { limits: { cancelGraceMs: 60_000 } });
    const driving = engine.run('work', null, { id: 'r' });
    await begun.called;
    await engine.cancel(key('r'));
    await turns();
    expect(await store.run(key('r'))).toMatchObject({ status: 'running' });

    charge.open('receipt');

    expect(await driving).toMatchObject({ status: 'cancelled' });
    const ends = (await entriesOf(store, key('r'))).filter((entry) => entry.type === 'step-end');
    expect(ends).toMatchObject([{ key: 'charge', outcome: { ok: true, value: 'receipt' } }]);
  });

  it('DUR-18: a caller whose engine is disposed is told so', async () => {
    const begun = untilCalled();
    const work = durable('work', (ctx) => ctx.step('s', () => (begun.call(), new Promise(() => {}))));
    const engine = engineOn(memoryStore(), [work]);
    const told = engine.run('work', null, { id: 'r' }).catch((error: PrusikError) => error.code);
    await begun.called;
    await engine[Symbol.asyncDispose]();

    expect(await told).toBe('ENGINE_CLOSED');
  });

  it('DUR-15: a run of a version that is not here is refused instead of waited for', async () => {
    const store = memoryStore();
    await engineOn(store, [durable('work', (ctx) => ctx.receive('go'))]).run('work', null, { id: 'r' });
    const engine = engineOn(store, [durable('work', () => 1, { version: '2' })]);

    await expect(engine.drive(key('r'))).rejects.toMatchObject({ code: 'NO_DEFINITION' });
    const compatible = engineOn(store, [
      durable('work', (ctx) => ctx.receive('go'), { version: '2', continues: ['1'] }),
    ]);
    await compatible.signal(key('r'), 'go', 1);
    expect(await compatible.drive(key('r'))).toMatchObject({ status: 'completed' });
  });

  it('I7: dependencies that hang do not keep a run from being cancelled', async () => {
    const engine = engineOn(memoryStore(), [durable('work', () => 1)], { deps: () => new Promise(() => {}) });
    const driving = engine.run('work', null, { id: 'r' });
    await turns();
    await engine.cancel(key('r'));

    expect(await driving).toMatchObject({ status: 'cancelled' });
  });

  it('DUR-10: heartbeats do not keep a run that only waits from being parked', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const limits = { parkAfterMs: 25_000, heartbeatMs: 10_000, leaseMs: 30_000 };
    const engine = engineOn(store, [durable('work', (ctx) => ctx.receive('go'))], { clock, limits });
    const driving = engine.run('work', null, { id: 'r' });
    for (let i = 0; i < 6; i += 1) {
      await turns();
      clock.advance(5_000);
    }

    expect(await driving).toMatchObject({ status: 'waiting' });
  });

  it('a follower that goes away leaves the run to the worker that drives it', async () => {
    const store = memoryStore();
    const begun = untilCalled();
    const done = gate<string>();
    const work = durable('work', (ctx) => ctx.step('s', () => (begun.call(), done.opened), { effect: 'once' }));
    const engine = engineOn(store, [work]);
    await engine.start('work', null, { id: 'r' });
    const worker = engine.worker();
    await begun.called;
    const leave = new AbortController();
    const following = engine.drive(key('r'), { signal: leave.signal });
    await turns();
    leave.abort(new Error('enough'));
    await expect(following).rejects.toThrow('enough');

    done.open('done');
    expect(await engine.drive(key('r'))).toMatchObject({ status: 'completed', output: 'done' });
    await worker[Symbol.asyncDispose]();
  });

  it('a child that somebody cancelled is CHILD_CANCELLED to its parent', async () => {
    const store = memoryStore();
    const parent = durable('parent', (ctx) => ctx.child('c', 'child', null).catch((error: PrusikError) => error.code));
    const engine = engineOn(store, [parent, durable('child', (ctx) => ctx.receive('never'))]);
    await engine.run('parent', null, { id: 'r' });
    const { items } = await store.listRuns({ tenant: 'default', parent: 'r', limit: 10 });
    for (const child of items) await engine.cancel(child.key);

    expect(await engine.drive(key('r'))).toMatchObject({ status: 'completed', output: 'CHILD_CANCELLED' });
  });

  it('the signal of a context does not fire when the function ends by itself', async () => {
    let fired = false;
    const work = durable('work', (ctx) => {
      ctx.signal.addEventListener('abort', () => (fired = true));
      return 1;
    });

    expect(await engineOn(memoryStore(), [work]).run('work', null)).toMatchObject({ status: 'completed' });
    await turns();
    expect(fired).toBe(false);
  });
});
