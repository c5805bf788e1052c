import { AsyncLocalStorage } from 'node:async_hooks';
import { PrusikError, type Json } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { describe, expect, it } from 'vitest';
import { createEngine } from '../src/index.ts';
import { durable, engineOn, gate, key, untilCalled } from './support.ts';
import { STORES } from './stores.ts';

describe.each(Object.entries(STORES))('callers of run() on %s', (_, create) => {
  it('DUR-10: a timer of a child runs out while its parent is in a step', async () => {
    await using test = create();
    const woken = gate();
    const child = durable('child', async (ctx) => {
      await ctx.sleep('short', 60);
      woken.open();
    });
    const parent = durable('parent', async (ctx) => {
      await Promise.all([ctx.child('c', 'child', null), ctx.step('until it is awake', () => woken.opened)]);
    });

    expect(await engineOn(test.store, [parent, child]).run('parent', null)).toMatchObject({ status: 'completed' });
  });

  it('DUR-10: a timer that runs out while there is news of other trees is not forgotten', async () => {
    await using test = create();
    const woken = gate();
    const child = durable('child', async (ctx) => {
      await ctx.sleep('short', 60);
      woken.open();
    });
    const parent = durable('parent', async (ctx) => {
      await Promise.all([ctx.child('c', 'child', null), ctx.step('until it is awake', () => woken.opened)]);
    });
    const engine = engineOn(test.store, [parent, child, durable('other', () => 1)]);
    let done = false;
    const run = engine.run('parent', null).finally(() => (done = true));
    const others = Array.from({ length: 4 }, async () => {
      for (const start = Date.now(); !done && Date.now() - start < 500;) await engine.run('other', null);
    });
    await Promise.all(others);

    expect(await run).toMatchObject({ status: 'completed' });
  });

  it('DUR-12: a child whose worker was lost is taken up while its parent is in a step', async () => {
    await using test = create();
    const begun = untilCalled();
    const again = gate();
    let executions = 0;
    const child = durable('child', (ctx) =>
      ctx.step('lost once', () => {
        executions += 1;
        if (executions > 1) return again.open();
        begun.call();
        return new Promise<void>(() => {});
      }),
    );
    const parent = durable('parent', async (ctx) => {
      await Promise.all([ctx.child('c', 'child', null), ctx.step('until it was done', () => again.opened)]);
    });
    // Holds the other place, so that the child is not taken here at first.
    const other = durable('other', (ctx) => ctx.step('until it is lost', () => begun.called));
    const limits = { slots: 2, leaseMs: 300, heartbeatMs: 100 };
    const engine = engineOn(test.store, [parent, child, other], { limits });
    const before = engine.run('other', null);
    const run = engine.run('parent', null);
    const lost = engineOn({ ...test.store, renew: () => new Promise(() => {}) }, [child], { limits });
    lost.worker();
    await before;

    expect(await run).toMatchObject({ status: 'completed' });
    expect(executions).toBe(2);
    await engine[Symbol.asyncDispose]();
    await lost[Symbol.asyncDispose]();
  });

  it('SES-1: one that waits behind the run of its session is answered when that comes to rest', async () => {
    await using test = create();
    const begun = untilCalled();
    const rest = gate();
    const work = durable('work', async (ctx) => {
      await ctx.step('work', () => {
        begun.call();
        return rest.opened;
      });
      await ctx.receive('go');
    });
    const engine = engineOn(test.store, [work]);
    const session = { id: 's', whenBusy: 'queue' } as const;
    const first = engine.run('work', null, { id: 'first', session });
    await begun.called;
    const second = engine.run('work', null, { id: 'second', session });
    for (let n = 0; n < 20; n += 1) await new Promise((resolve) => setImmediate(resolve));
    rest.open();

    expect(await first).toMatchObject({ status: 'waiting' });
    expect(await second).toMatchObject({ status: 'waiting', requests: [], wakeAt: null });
  });

  it('DEF-7: one that follows what another engine drives is answered when that comes to rest', async () => {
    await using test = create();
    const begun = untilCalled();
    const rest = gate();
    const child = durable('child', async (ctx) => {
      await ctx.step('work', () => {
        begun.call();
        return rest.opened;
      });
      await ctx.receive('go');
    });
    const definitions = [durable('parent', (ctx) => ctx.child('c', 'child', null)), child];
    const other = engineOn(test.store, definitions);
    other.worker();
    await other.start('parent', null, { id: 'r' });
    await begun.called;
    const run = engineOn(test.store, definitions).drive(key('r'));
    for (let n = 0; n < 20; n += 1) await new Promise((resolve) => setImmediate(resolve));
    rest.open();

    expect(await run).toMatchObject({ status: 'waiting', requests: [], wakeAt: null });
    await other[Symbol.asyncDispose]();
  });

  it('DUR-7: a run that waits says when the first timer of its tree runs out', async () => {
    await using test = create();
    const child = durable('child', (ctx) => ctx.sleep('short', 60_000));
    const parent = durable('parent', (ctx) =>
      Promise.all([ctx.child('c', 'child', null), ctx.sleep('long', 3_600_000)]),
    );
    const result = await engineOn(test.store, [parent, child]).run('parent', null);

    if (result.status !== 'waiting') throw new Error(`It is ${result.status}`);
    expect((result.wakeAt ?? Infinity) - Date.now()).toBeLessThan(120_000);
  });

  it('DUR-11: an engine with more places than one claim may take uses them', async () => {
    await using test = create();
    const count = 1_100;
    const all = gate();
    let begun = 0;
    const work = durable('work', (ctx) =>
      ctx.step('work', () => {
        begun += 1;
        if (begun === count) all.open();
        return all.opened;
      }),
    );
    const engine = engineOn(test.store, [work], { limits: { slots: 2_000 } });
    const runs = await Promise.all(
      Array.from({ length: count }, (_one, n) => engine.run('work', null, { id: String(n) })),
    );

    expect(new Set(runs.map(({ status }) => status))).toEqual(new Set(['completed']));
  });
});

describe('what a caller brings along', () => {
  it('the async context of one caller never reaches the function of another', async () => {
    const tenants = new AsyncLocalStorage<string>();
    const seen: Json[] = [];
    const work = durable('work', (ctx) => {
      seen.push(tenants.getStore() ?? null);
      return ctx.step('work', () => 1);
    });
    const engine = engineOn(memoryStore(), [work]);
    await Promise.all(['a', 'b', 'c'].map((name) => tenants.run(name, () => engine.run('work', name))));

    expect(seen).toEqual([null, null, null]);
  });

  it('EVT-2: a reader whose signal had fired before it was opened asks to cancel, if it cancels on close', async () => {
    const store = memoryStore();
    const engine = engineOn(store, [durable('work', (ctx) => ctx.receive('never'))]);
    await engine.run('work', null, { id: 'r' });
    const reader = engine.events(key('r'), { cancelOnClose: true, signal: AbortSignal.abort(new Error('gone')) });

    await expect(reader.next()).rejects.toThrow('gone');
    expect(await engine.drive(key('r'))).toMatchObject({ status: 'cancelled' });
  });
});

describe('what user code throws and hands in', () => {
  const trap = (): never => {
    throw null;
  };
  const revoked = (): unknown => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  };
  const hostile: Record<string, () => unknown> = {
    'a proxy': () => new Proxy(new Error('no'), { get: trap }),
    'a revoked proxy': revoked,
    'an error whose name throws': () => Object.defineProperty(new Error('no'), 'name', { get: trap }),
    'an error of ours whose retryable throws': () =>
      Object.defineProperty(new PrusikError('A', 'no'), 'retryable', { get: trap }),
    'an error of ours whose meta throws': () =>
      Object.defineProperty(new PrusikError('A', 'no'), 'meta', { get: trap }),
  };

  it.each(Object.entries(hostile))('ERR-2: %s fails the run that throws it, at once', async (_, make) => {
    const fails = durable('fails', () => {
      throw make();
    });
    const step = durable('step', (ctx) =>
      ctx.step('s', () => {
        throw make();
      }),
    );
    const engine = engineOn(memoryStore(), [fails, step]);

    expect(await engine.run('fails', null)).toMatchObject({ status: 'failed', error: { code: 'RUN_FAILED' } });
    expect(await engine.run('step', null)).toMatchObject({ status: 'failed', error: { code: 'STEP_FAILED' } });
  });

  it.each(Object.entries(hostile))('ERR-2: %s as what dependencies throw blocks the run', async (_, make) => {
    const engine = engineOn(memoryStore(), [durable('work', () => 1)], {
      deps: () => {
        throw make();
      },
    });

    expect(await engine.run('work', null)).toMatchObject({ status: 'blocked', code: 'DEPS_FAILED' });
  });

  it.each(Object.entries(STORES))(
    'a function may change its input and what it receives, and sees the messages of its steps as they were stored, on %s',
    async (_, create) => {
      await using test = create();
      const work = durable('work', async (ctx, input) => {
        Object.assign(input as object, { mine: 1 });
        const signal = await ctx.receive<{ mine?: number }>('go');
        if (!signal.timedOut) signal.value.mine = 2;
        const content = [{ type: 'text' as const, text: 'stored' }];
        const message = { v: 1, id: 'm', role: 'user', kind: 'user', content } as const;
        await ctx.step('s', (step) => step.append(message));
        Object.assign(message, { content: [] });
        const [stored] = await ctx.thread.read();
        return { input, signal, content: stored?.message.content ?? null };
      });
      const engine = engineOn(test.store, [work]);
      await engine.start('work', {}, { id: 'r' });
      await engine.signal(key('r'), 'go', {});

      expect(await engine.drive(key('r'))).toMatchObject({
        status: 'completed',
        output: { input: { mine: 1 }, signal: { value: { mine: 2 } }, content: [{ text: 'stored' }] },
      });
    },
  );

  it('DUR-4: an effect that is none is refused and not taken for one that may be repeated', async () => {
    let executions = 0;
    const work = durable('work', (ctx) => ctx.step('s', () => (executions += 1), { effect: 'Once' as never }));

    expect(await engineOn(memoryStore(), [work]).run('work', null)).toMatchObject({ status: 'failed' });
    expect(executions).toBe(0);
  });

  it('WFL-4: a budget that limits nothing is refused, also where the definition has one', async () => {
    const work = { ...durable('work', () => 'done'), budget: { tokens: 5 } };
    const budget = { cost: 5 } as object;

    await expect(engineOn(memoryStore(), [work]).run('work', null, { budget })).rejects.toThrow(/nothing called cost/);
  });

  it('DUR-12: a store that fails while a ledger is looked for costs the drive, and blocks no run', async () => {
    const sound = memoryStore();
    let fails = true;
    const ledger: typeof sound.ledger = (root) => {
      if (!fails) return sound.ledger(root);
      fails = false;
      return Promise.reject(new Error('away'));
    };
    const work = durable('work', (ctx) => ctx.step('s', () => 'done', { reserve: { calls: 1 } }));
    const engine = engineOn({ ...sound, ledger }, [work], { limits: { leaseMs: 100, heartbeatMs: 50 } });

    expect(await engine.run('work', null, { budget: { calls: 2 } })).toMatchObject({ status: 'completed' });
  });

  it('a listener for warnings that throws changes nothing', async () => {
    const sound = memoryStore();
    let away = true;
    const entries: typeof sound.entries = (run, page) => {
      if (!away) return sound.entries(run, page);
      away = false;
      return Promise.reject(new Error('away'));
    };
    const engine = createEngine({
      store: { ...sound, entries },
      definitions: [durable('work', () => 'done')],
      limits: { leaseMs: 100, heartbeatMs: 50 },
      onWarning: () => trap(),
    });

    expect(await engine.run('work', null)).toMatchObject({ status: 'completed', output: 'done' });
    await engine[Symbol.asyncDispose]();
  });

  it('ERR-2: an output that throws when it is looked at fails the run', async () => {
    const work = durable('work', () => ({
      get member() {
        return trap();
      },
    }));

    expect(await engineOn(memoryStore(), [work]).run('work', null)).toMatchObject({
      status: 'failed',
      error: { code: 'RUN_OUTPUT_NOT_JSON' },
    });
  });

  it.each([null, undefined, {}, { v: 1, id: 'm', role: 'user', kind: 'user', content: [null] }, { id: 1n }])(
    'ERR-2: a step that appends what is no message (%#) fails, one that must not be repeated is in doubt, and what is beside it goes through',
    async (message) => {
      const work = durable('work', (ctx, effect) =>
        Promise.all([
          ctx.step('bad', (step) => step.append(message as never), { effect: effect as 'once' }),
          ctx.step('good', () => 1),
        ]),
      );
      const store = memoryStore();
      const engine = engineOn(store, [work]);

      expect(await engine.run('work', 'repeatable', { id: 'r' })).toMatchObject({
        status: 'failed',
        error: { code: 'MESSAGE_INVALID' },
      });
      const entries = await store.entries(key('r'), { after: 0, limit: 100 });
      expect(entries).toContainEqual(expect.objectContaining({ type: 'step-end', key: 'good' }));
      expect(await engine.run('work', 'once')).toMatchObject({ status: 'blocked', code: 'STEP_IN_DOUBT' });
    },
  );
});
