import { PrusikError } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { describe, expect, it } from 'vitest';
import { durable, engineOn, entriesOf, gate, key, untilCalled } from './support.ts';

describe('steps', () => {
  it('DUR-4, I4: a finished run gives its recorded result again and does nothing twice', async () => {
    const store = memoryStore();
    let calls = 0;
    const engine = engineOn(store, [
      durable('double', (ctx, n) => ctx.step('double', () => ((calls += 1), Number(n) * 2))),
    ]);

    const first = await engine.run('double', 21, { id: 'r' });
    const again = await engine.run('double', 21, { id: 'r' });

    expect(first).toEqual({ run: key('r'), status: 'completed', output: 42 });
    expect(again).toEqual(first);
    expect(calls).toBe(1);
    expect((await entriesOf(store, key('r'))).map((entry) => entry.type)).toEqual([
      'run-start',
      'run-claim',
      'step-end',
      'run-end',
    ]);
  });

  it('DUR-1: the same id with another input is refused, and the run stays as it was', async () => {
    const store = memoryStore();
    const engine = engineOn(store, [durable('echo', (_, input) => input)]);
    await engine.run('echo', { a: 1, b: 2 }, { id: 'r' });

    await expect(engine.run('echo', { b: 2, a: 1 }, { id: 'r' })).resolves.toMatchObject({ status: 'completed' });
    await expect(engine.run('echo', { a: 2 }, { id: 'r' })).rejects.toMatchObject({ code: 'RUN_INPUT_MISMATCH' });

    expect(await store.run(key('r'))).toMatchObject({ status: 'completed', output: { a: 1, b: 2 } });
  });

  it('I4: what was given back in the middle goes on in another engine without a completed step running twice', async () => {
    const store = memoryStore();
    const ran: string[] = [];
    const stop = new AbortController();
    const inSecond = untilCalled();
    const work = durable('work', async (ctx) => {
      const a = await ctx.step('a', () => (ran.push('a'), 1));
      const b = await ctx.step('b', async ({ signal }) => {
        ran.push('b');
        if (!stop.signal.aborted) {
          inSecond.call();
          await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
        }
        return 2;
      });
      return a + b;
    });
    const first = engineOn(store, [work]);
    const driving = first.run('work', null, { id: 'r', signal: stop.signal });
    await inSecond.called;
    stop.abort(new Error('enough'));
    await expect(driving).rejects.toThrow('enough');
    expect(await store.run(key('r'))).toMatchObject({ status: 'queued' });

    const result = await engineOn(store, [work]).drive(key('r'));

    expect(result).toMatchObject({ status: 'completed', output: 3 });
    expect(ran).toEqual(['a', 'b', 'b']);
  });

  it('DUR-9: parallel steps all run, and a race has the same winner when it is replayed', async () => {
    const store = memoryStore();
    const slow = gate<string>();
    const race = durable('race', async (ctx) => {
      const winner = await Promise.race([ctx.step('slow', () => slow.opened), ctx.step('fast', () => 'fast')]);
      slow.open('slow');
      await ctx.receive('go');
      return winner;
    });
    const first = await engineOn(store, [race]).run('race', null, { id: 'r' });
    expect(first).toMatchObject({ status: 'waiting' });

    const engine = engineOn(store, [race]);
    await engine.signal(key('r'), 'go', null);
    const result = await engine.drive(key('r'));

    expect(result).toMatchObject({ status: 'completed', output: 'fast' });
    const ends = (await entriesOf(store, key('r'))).flatMap((entry) => (entry.type === 'step-end' ? [entry.key] : []));
    expect(ends.toSorted()).toEqual(['fast', 'slow']);
  });

  it('DUR-4: an outcome that is not JSON is refused before it is believed', async () => {
    const engine = engineOn(memoryStore(), [durable('bad', (ctx) => ctx.step('s', () => ({ big: 1n })))]);

    expect(await engine.run('bad', null)).toMatchObject({ status: 'failed', error: { code: 'STEP_RESULT_NOT_JSON' } });
  });

  it('DUR-13: a step is tried again as its policy says, and fails with its own error when it is used up', async () => {
    let calls = 0;
    const retry = { attempts: 3, backoffMs: 0 };
    const engine = engineOn(memoryStore(), [
      durable('flaky', (ctx) =>
        ctx.step(
          's',
          () => {
            calls += 1;
            if (calls < 3) throw new Error('not yet');
            return calls;
          },
          { retry },
        ),
      ),
      durable('hopeless', (ctx) =>
        ctx.step(
          's',
          () => {
            throw new Error('never');
          },
          { retry },
        ),
      ),
    ]);

    expect(await engine.run('flaky', null)).toMatchObject({ status: 'completed', output: 3 });
    expect(await engine.run('hopeless', null)).toMatchObject({
      status: 'failed',
      error: { code: 'STEP_FAILED', message: 'Error: never' },
    });
  });

  it('every call needs a key of its own', async () => {
    const engine = engineOn(memoryStore(), [
      durable('twice', async (ctx) => {
        await ctx.step('s', () => 1);
        await ctx.step('s', () => 2);
      }),
    ]);

    expect(await engine.run('twice', null)).toMatchObject({ status: 'failed', error: { code: 'STEP_KEY_REUSED' } });
  });

  it('DUR-7: uuid, random and now are the same when the function is replayed', async () => {
    const store = memoryStore();
    const seen: unknown[] = [];
    const work = durable('work', async (ctx) => {
      await ctx.step('s', () => null);
      seen.push([ctx.uuid('u'), ctx.random('r'), ctx.now()]);
      await ctx.receive('go');
      return null;
    });
    const engine = engineOn(store, [work]);
    await engine.run('work', null, { id: 'r' });
    await engine.signal(key('r'), 'go', null);
    await engine.drive(key('r'));

    expect(seen).toHaveLength(2);
    expect(seen[1]).toEqual(seen[0]);
  });
});

describe('a step in doubt', () => {
  const once = { effect: 'once' } as const;

  /** Leaves a run whose `once` step has an intent and no outcome. */
  async function inDoubt(more: object = {}) {
    const store = memoryStore();
    let effects = 0;
    const stop = new AbortController();
    const begun = untilCalled();
    const work = durable('work', (ctx) =>
      ctx.step(
        'pay',
        () => {
          effects += 1;
          begun.call();
          return effects === 1 ? new Promise(() => {}) : 'paid';
        },
        { ...once, ...more },
      ),
    );
    const driving = engineOn(store, [work]).run('work', null, { id: 'r', signal: stop.signal });
    await begun.called;
    stop.abort(new Error('killed'));
    await expect(driving).rejects.toThrow('killed');
    return { store, engine: engineOn(store, [work]), effects: () => effects };
  }

  it('DUR-5: never runs again by itself; the run is blocked with an intervention', async () => {
    const { engine, effects, store } = await inDoubt();

    const result = await engine.drive(key('r'));

    expect(result).toMatchObject({ status: 'blocked', code: 'STEP_IN_DOUBT' });
    expect(effects()).toBe(1);
    const { items } = await store.listRequests({ tenant: 'default', status: ['open'], limit: 10 });
    expect(items).toMatchObject([
      { kind: 'intervention', stepKey: 'pay', body: { choices: ['happened', 'retry', 'fail'] } },
    ]);
  });

  it.each([
    [{ choice: 'happened', output: 'was paid' }, { status: 'completed', output: 'was paid' }, 1],
    [{ choice: 'retry' }, { status: 'completed', output: 'paid' }, 2],
    [{ choice: 'fail' }, { status: 'failed', error: { code: 'STEP_IN_DOUBT' } }, 1],
  ])('DUR-5: goes on as the intervention says: %j', async (value, expected, times) => {
    const { engine, effects } = await inDoubt();
    const blocked = await engine.drive(key('r'));
    if (blocked.status !== 'blocked') throw new Error(blocked.status);

    await engine.decide(key('r'), blocked.request, { status: 'answered', value });

    expect(await engine.drive(key('r'))).toMatchObject(expected);
    expect(effects()).toBe(times);
  });

  it.each([{ choice: 'Retry' }, { choice: 'constructor' }, {}, 'retry', null, { choice: 'happened', ouput: 'paid' }])(
    'DUR-5, REQ-1: what is none of the choices of an intervention is refused, and ends nothing: %j',
    async (value) => {
      const { engine, store } = await inDoubt();
      const blocked = await engine.drive(key('r'));
      if (blocked.status !== 'blocked') throw new Error(blocked.status);

      await expect(engine.decide(key('r'), blocked.request, { status: 'answered', value })).rejects.toMatchObject({
        code: 'DECISION_INVALID',
      });
      expect(await store.request(key('r'), blocked.request)).toMatchObject({ status: 'open' });
      expect(await engine.drive(key('r'))).toMatchObject({ status: 'blocked' });
    },
  );

  it('DUR-5: what is none of the choices ends the run where a store was told it by somebody else', async () => {
    const { engine, effects, store } = await inDoubt();
    const blocked = await engine.drive(key('r'));
    if (blocked.status !== 'blocked') throw new Error(blocked.status);
    const decision = { status: 'answered', value: { choice: 'nonsense' } } as const;
    await store.decide({ run: key('r'), request: blocked.request, decision });

    expect(await engine.drive(key('r'))).toMatchObject({ status: 'failed', error: { code: 'STEP_IN_DOUBT' } });
    expect(effects()).toBe(1);
  });

  it('DUR-5: an intervention that is about no step takes no word that it happened', async () => {
    const store = memoryStore();
    const engine = engineOn(store, [durable('work', () => 1)], {
      deps: () => {
        throw new Error('away');
      },
    });
    const blocked = await engine.run('work', null, { id: 'r' });
    if (blocked.status !== 'blocked') throw new Error(blocked.status);
    const decision = { status: 'answered', value: { choice: 'happened' } } as const;
    await expect(engine.decide(key('r'), blocked.request, decision)).rejects.toMatchObject({
      code: 'DECISION_INVALID',
    });
  });

  it('DUR-5: check finds out what became of it', async () => {
    const done = await inDoubt({ check: () => ({ became: 'done', value: 'found' }) });
    expect(await done.engine.drive(key('r'))).toMatchObject({ status: 'completed', output: 'found' });
    expect(done.effects()).toBe(1);

    const notRun = await inDoubt({ check: () => ({ became: 'not-run' }) });
    expect(await notRun.engine.drive(key('r'))).toMatchObject({ status: 'completed', output: 'paid' });
    expect(notRun.effects()).toBe(2);

    const broken = await inDoubt({
      check: () => {
        throw new Error('check is broken');
      },
      inDoubt: 'fail',
    });
    expect(await broken.engine.drive(key('r'))).toMatchObject({ status: 'failed', error: { code: 'STEP_IN_DOUBT' } });
    expect(broken.effects()).toBe(1);
  });

  const lost = () => {
    throw new PrusikError('SHOP_LOST', 'The shop did not answer', { retryable: true, meta: { inDoubt: true } });
  };

  it.each([
    ['ask', { status: 'blocked', code: 'STEP_IN_DOUBT' }],
    [
      'fail',
      { status: 'failed', error: { code: 'STEP_IN_DOUBT', message: expect.stringContaining('did not answer') } },
    ],
  ] as const)(
    'DUR-5: a once step whose body says that nobody knows whether it happened is in doubt, and is not executed again (%s)',
    async (whatThen, expected) => {
      const store = memoryStore();
      let sent = 0;
      const engine = engineOn(store, [
        durable('work', (ctx) =>
          ctx.step('pay', () => ((sent += 1), lost()), {
            ...once,
            inDoubt: whatThen,
            retry: { attempts: 3, backoffMs: 1 },
          }),
        ),
      ]);

      expect(await engine.run('work', null, { id: 'r' })).toMatchObject(expected);
      expect(await engine.drive(key('r'))).toMatchObject(expected);
      expect(sent).toBe(1);
    },
  );

  it('ERR-2, DUR-5: a failure of cleaning up does not hide that a step is in doubt', async () => {
    let sent = 0;
    const pay = async () => {
      await using cleanup = new AsyncDisposableStack();
      cleanup.defer(() => {
        throw new Error('The connection could not be closed');
      });
      sent += 1;
      lost();
    };
    const engine = engineOn(memoryStore(), [durable('work', (ctx) => ctx.step('pay', pay, once))]);

    expect(await engine.run('work', null, { id: 'r' })).toMatchObject({ status: 'blocked', code: 'STEP_IN_DOUBT' });
    expect(sent).toBe(1);
  });

  it.each([
    ['final', new PrusikError('SHOP_REFUSED', 'No'), 1, { status: 'failed', error: { code: 'SHOP_REFUSED' } }],
    [
      'a refusal for want of room',
      new PrusikError('SHOP_FULL', 'Later', { retryable: true, meta: { retryAfterMs: 1 } }),
      2,
      { status: 'completed' },
    ],
  ])(
    'ERR-2, DUR-13: a failure of cleaning up makes nothing of a first error that is %s',
    async (_, first, executions, end) => {
      let executed = 0;
      const work = async () => {
        await using cleanup = new AsyncDisposableStack();
        executed += 1;
        if (executed > 1) return;
        cleanup.defer(() => {
          throw new Error('The connection could not be closed');
        });
        throw first;
      };
      const retry = first.retryable ? {} : { retry: { attempts: 3, backoffMs: 1 } };
      const engine = engineOn(memoryStore(), [durable('work', (ctx) => ctx.step('s', work, retry))], {
        limits: { parkAfterMs: 20_000 },
      });

      expect(await engine.run('work', null, { id: 'r' })).toMatchObject(end);
      expect(executed).toBe(executions);
    },
  );

  it('DUR-5: what says so in a step that may be repeated is a failure like others', async () => {
    const store = memoryStore();
    let sent = 0;
    const engine = engineOn(store, [
      durable('work', (ctx) =>
        ctx.step('read', () => ((sent += 1), sent === 1 ? lost() : 'read'), { retry: { attempts: 2, backoffMs: 1 } }),
      ),
    ]);

    expect(await engine.run('work', null, { id: 'r' })).toMatchObject({ status: 'completed', output: 'read' });
    expect(sent).toBe(2);
  });

  it('DUR-5: a keyed step runs again with the same idempotency key', async () => {
    const store = memoryStore();
    const keys: string[] = [];
    const stop = new AbortController();
    const begun = untilCalled();
    const work = durable('work', (ctx) =>
      ctx.step(
        'pay',
        ({ idempotencyKey }) => {
          keys.push(idempotencyKey);
          begun.call();
          return keys.length === 1 ? new Promise(() => {}) : 'paid';
        },
        { effect: 'keyed' },
      ),
    );
    const driving = engineOn(store, [work]).run('work', null, { id: 'r', signal: stop.signal });
    await begun.called;
    stop.abort(new Error('killed'));
    await expect(driving).rejects.toThrow('killed');

    expect(await engineOn(store, [work]).drive(key('r'))).toMatchObject({ status: 'completed', output: 'paid' });
    expect(keys).toHaveLength(2);
    expect(keys[0]).toBe(keys[1]);
  });
});

describe('waiting', () => {
  it('DUR-8, DUR-10: a run parks for a signal and another engine takes it up; the first signal per key wins', async () => {
    const store = memoryStore();
    const work = durable('work', async (ctx) => await ctx.receive('answer'));
    expect(await engineOn(store, [work]).run('work', null, { id: 'r' })).toMatchObject({
      status: 'waiting',
      requests: [],
    });

    const engine = engineOn(store, [work]);
    expect(await engine.signal(key('r'), 'answer', 1)).toMatchObject({ outcome: 'delivered' });
    expect(await engine.signal(key('r'), 'answer', 2)).toMatchObject({ outcome: 'duplicate', signal: { body: 1 } });

    expect(await engine.drive(key('r'))).toMatchObject({ status: 'completed', output: { timedOut: false, value: 1 } });
    expect(await engine.signal(key('r'), 'late', 3)).toEqual({ outcome: 'closed' });
  });

  it('DUR-8: a signal may come before anybody waits for it', async () => {
    const store = memoryStore();
    const engine = engineOn(store, [
      durable('work', async (ctx) => {
        await ctx.step('s', () => 1);
        return ctx.receive('early');
      }),
    ]);
    await engine.start('work', null, { id: 'r' });
    await engine.signal(key('r'), 'early', 'bird');

    expect(await engine.drive(key('r'))).toMatchObject({ status: 'completed', output: { value: 'bird' } });
  });

  it('REQ-1: a person decides in another engine; the second decider is told what was decided', async () => {
    const store = memoryStore();
    const work = durable('work', (ctx) => ctx.request('ask', { kind: 'approval', body: { tool: 'publish' } }));
    const waiting = await engineOn(store, [work]).run('work', null, { id: 'r' });
    if (waiting.status !== 'waiting') throw new Error(waiting.status);
    const request = waiting.requests[0]?.request ?? '';

    const engine = engineOn(store, [work]);
    expect(await engine.decide(key('r'), request, { status: 'approved', by: 'ann' })).toMatchObject({
      outcome: 'decided',
    });
    expect(await engine.decide(key('r'), request, { status: 'rejected', by: 'bob' })).toMatchObject({
      outcome: 'already',
      request: { decision: { status: 'approved', by: 'ann' } },
    });

    expect(await engine.drive(key('r'))).toMatchObject({
      status: 'completed',
      output: { status: 'approved', by: 'ann', request },
    });
  });

  it('DUR-14: a waiting run is cancelled by an engine that does not know its definition', async () => {
    const store = memoryStore();
    await engineOn(store, [durable('work', (ctx) => ctx.receive('never'))]).run('work', null, { id: 'r' });

    const other = engineOn(store, [durable('other', () => null)]);
    await other.cancel(key('r'), 'no longer wanted');
    const worker = other.worker();
    for await (const event of other.events(key('r'))) void event;
    await worker[Symbol.asyncDispose]();

    expect(await store.run(key('r'))).toMatchObject({ status: 'cancelled', error: { code: 'RUN_CANCELLED' } });
  });

  it('DUR-14, I7: cancelling a running function rejects what it waits for, so that finally runs, and tells its live steps', async () => {
    const store = memoryStore();
    const begun = untilCalled();
    const seen: string[] = [];
    const work = durable('work', async (ctx) => {
      try {
        await ctx.step('s', ({ signal }) => {
          begun.call();
          return new Promise((_, reject) =>
            signal.addEventListener('abort', () => {
              seen.push('step told');
              reject(signal.reason);
            }),
          );
        });
      } finally {
        seen.push('finally');
      }
    });
    const engine = engineOn(store, [work], { limits: { cancelGraceMs: 1_000 } });
    const driving = engine.run('work', null, { id: 'r' });
    await begun.called;
    await engine.cancel(key('r'));

    expect(await driving).toMatchObject({ status: 'cancelled', error: { code: 'RUN_CANCELLED' } });
    expect(seen.toSorted()).toEqual(['finally', 'step told']);
    expect((await entriesOf(store, key('r'))).filter((entry) => entry.type === 'run-end')).toHaveLength(1);
  });
});

describe('children', () => {
  const child = durable('child', (ctx, n) => ctx.step('work', () => Number(n) * 10));

  it.each([
    ['parked', 0],
    ['hot', 1_000],
  ])(
    'WFL-6: twenty children run and come back to a parent that waits %s, also with one place',
    async (_, parkAfterMs) => {
      for (const slots of [1, 16]) {
        const store = memoryStore();
        const parent = durable('parent', (ctx) =>
          Promise.all(
            Array.from({ length: 20 }, async (__, n) => (await ctx.child<number>(`c${n}`, 'child', n)).output),
          ),
        );

        const result = await engineOn(store, [parent, child], { limits: { parkAfterMs, slots } }).run('parent', null, {
          id: 'r',
        });

        expect(result).toMatchObject({ status: 'completed', output: Array.from({ length: 20 }, (__, n) => n * 10) });
        const { items } = await store.listRuns({ tenant: 'default', root: 'r', limit: 100 });
        expect(items.filter((run) => run.status === 'completed')).toHaveLength(21);
      }
    },
  );

  it('WFL-7: a parent that throws cancels its children, waits for them, and then ends', async () => {
    const store = memoryStore();
    const stuck = durable('stuck', (ctx) => ctx.receive('never'));
    const parent = durable('parent', async (ctx) => {
      void ctx.child('c', 'stuck', null);
      await ctx.step('s', () => null);
      throw new Error('broken');
    });

    const result = await engineOn(store, [parent, stuck]).run('parent', null, { id: 'r' });

    expect(result).toMatchObject({ status: 'failed', error: { code: 'RUN_FAILED', message: 'Error: broken' } });
    const { items } = await store.listRuns({ tenant: 'default', root: 'r', limit: 10 });
    expect(items.map((run) => run.status).toSorted()).toEqual(['cancelled', 'failed']);
  });

  it('WFL-7: a parent that returns waits for the children that it did not await', async () => {
    const store = memoryStore();
    const parent = durable('parent', async (ctx) => {
      void ctx.child('c', 'child', 1);
      return 'done';
    });

    expect(await engineOn(store, [parent, child]).run('parent', null, { id: 'r' })).toMatchObject({
      status: 'completed',
      output: 'done',
    });
    const { items } = await store.listRuns({ tenant: 'default', root: 'r', limit: 10 });
    expect(items.every((run) => run.status === 'completed')).toBe(true);
  });

  it("WFL-8: a child's failure arrives as its typed error", async () => {
    const parent = durable('parent', (ctx) =>
      ctx.child('c', 'broken', null).catch((error: { code: string }) => error.code),
    );
    const broken = durable('broken', (ctx) => ctx.step('s', () => ({ never: 1n })));

    expect(await engineOn(memoryStore(), [parent, broken]).run('parent', null)).toMatchObject({
      status: 'completed',
      output: 'STEP_RESULT_NOT_JSON',
    });
  });

  it('I7: cancelling a parent cancels its children first', async () => {
    const store = memoryStore();
    const stuck = durable('stuck', (ctx) => ctx.receive('never'));
    const engine = engineOn(store, [durable('parent', (ctx) => ctx.child('c', 'stuck', null)), stuck]);
    expect(await engine.run('parent', null, { id: 'r' })).toMatchObject({ status: 'waiting' });

    await engine.cancel(key('r'));

    expect(await engine.drive(key('r'))).toMatchObject({ status: 'cancelled' });
    const { items } = await store.listRuns({ tenant: 'default', root: 'r', limit: 10 });
    expect(items.map((run) => run.status)).toEqual(['cancelled', 'cancelled']);
    const [inner, outer] = items.toSorted((a, b) => b.depth - a.depth);
    expect(inner?.endedAt).toBeLessThanOrEqual(outer?.endedAt ?? 0);
  });
});

describe('what the context itself awaits', () => {
  it('DUR-9: a run is not parked, nor taken for diverged, while a branch reads its thread or checks an input', async () => {
    const store = memoryStore();
    const slow = new Proxy(store, {
      get(target, name, receiver) {
        const value: unknown = Reflect.get(target, name, receiver);
        if (name !== 'messages') return value;
        return async (...given: Parameters<typeof store.messages>) => {
          for (let i = 0; i < 50; i += 1) await new Promise((resolve) => setImmediate(resolve));
          return store.messages(...given);
        };
      },
    });
    let reads = 0;
    const note = { v: 1, id: 'm', role: 'user', kind: 'user', content: [{ type: 'text', text: 'hi' }] } as const;
    const work = durable(
      'work',
      async (ctx) => {
        const [, seen] = await Promise.all([
          ctx.receive('never-in-time', { timeoutMs: 60_000 }),
          ctx.thread.read().then((messages) => {
            reads += 1;
            return ctx.step('after', () => messages.length);
          }),
        ]);
        return seen;
      },
      { openingMessages: () => [note] },
    );

    const first = engineOn(slow, [work]);
    await first.start('work', null, { id: 'r' });
    expect(await first.drive(key('r'))).toMatchObject({ status: 'waiting' });
    expect(
      (await entriesOf(store, key('r'))).filter((entry) => entry.type === 'step-end').map((entry) => entry.key),
    ).toEqual(['after']);
    expect((await entriesOf(store, key('r'))).filter((entry) => entry.type === 'run-park')).toHaveLength(1);
    expect(reads).toBe(1);
  });
});

describe('divergence', () => {
  it('DUR-6, I5: other code at a recorded key blocks the run and leaves what is recorded', async () => {
    const store = memoryStore();
    const version = (name: string) =>
      durable('work', async (ctx) => {
        await ctx.step(name, () => name);
        await ctx.receive('go');
        return name;
      });
    await engineOn(store, [version('old')]).run('work', null, { id: 'r' });
    const before = await entriesOf(store, key('r'));

    const engine = engineOn(store, [version('new')]);
    await engine.signal(key('r'), 'go', null);
    const result = await engine.drive(key('r'));

    expect(result).toMatchObject({ status: 'blocked', code: 'RUN_DIVERGED' });
    expect((await entriesOf(store, key('r'))).slice(0, before.length)).toEqual(before);

    const old = engineOn(store, [version('old')]);
    if (result.status !== 'blocked') throw new Error(result.status);
    await old.decide(key('r'), result.request, { status: 'answered', value: { choice: 'retry' } });
    expect(await old.drive(key('r'))).toMatchObject({ status: 'completed', output: 'old' });
  });

  it('DUR-6: another fingerprint at a recorded key is a divergence', async () => {
    const store = memoryStore();
    const version = (fingerprint: string) =>
      durable('work', async (ctx) => {
        await ctx.step('s', () => 1, { fingerprint });
        await ctx.receive('go');
      });
    await engineOn(store, [version('a')]).run('work', null, { id: 'r' });
    const engine = engineOn(store, [version('b')]);
    await engine.signal(key('r'), 'go', null);

    expect(await engine.drive(key('r'))).toMatchObject({ status: 'blocked', code: 'RUN_DIVERGED' });
  });
});

describe('events', () => {
  it('EVT-2: committed entries and live events come in order, end with the run, and closing a reader hurts nothing', async () => {
    const store = memoryStore();
    const engine = engineOn(store, [
      durable('work', (ctx) =>
        ctx.step('talk', ({ delta }) => {
          delta('hel');
          delta('lo');
          return 'hello';
        }),
      ),
    ]);
    await engine.start('work', null, { id: 'r' });
    const reading = (async () => {
      const seen: string[] = [];
      for await (const event of engine.events(key('r')))
        seen.push(
          event.live && event.event.type === 'step-delta'
            ? `${event.event.joined} deltas: ${event.event.text}`
            : event.live
              ? event.event.type
              : event.entry.type,
        );
      return seen;
    })();
    const dropped = engine.events(key('r'))[Symbol.asyncIterator]();
    await dropped.next();
    await dropped.return?.();

    expect(await engine.drive(key('r'))).toMatchObject({ status: 'completed' });

    expect(await reading).toEqual(['run-start', 'step-start', '2 deltas: hello', 'run-claim', 'step-end', 'run-end']);
  });

  it('EVT-2: with tree, the events of children come too', async () => {
    const engine = engineOn(memoryStore(), [
      durable('parent', (ctx) => ctx.child('c', 'child', null)),
      durable('child', () => 1),
    ]);
    await engine.run('parent', null, { id: 'r' });

    const ends: string[] = [];
    for await (const event of engine.events(key('r'), { tree: true }))
      if (!event.live && event.entry.type === 'run-end') ends.push(event.run.run);

    expect(ends).toHaveLength(2);
  });

  it('emit puts an event of the author into the journal, once', async () => {
    const store = memoryStore();
    const engine = engineOn(store, [
      durable('work', async (ctx) => {
        ctx.emit('area', { n: 1 });
        await ctx.receive('go');
        ctx.emit('area', { n: 2 });
      }),
    ]);
    await engine.run('work', null, { id: 'r' });
    await engine.signal(key('r'), 'go', null);
    await engine.drive(key('r'));

    expect(
      (await entriesOf(store, key('r'))).filter((entry) => entry.type === 'note').map((entry) => entry.data),
    ).toEqual([{ n: 1 }, { n: 2 }]);
  });
});

describe('the ledger', () => {
  it('WFL-4: a call without room for its reservation never starts, unknown usage is its reservation', async () => {
    const store = memoryStore();
    let calls = 0;
    const spend = durable('spend', async (ctx) => {
      const call = (n: number) =>
        ctx.step(
          `c${n}`,
          ({ usage }) => {
            calls += 1;
            if (n === 1) usage({ inputTokens: 10, outputTokens: 5 });
            return n;
          },
          { reserve: { tokens: 40 } },
        );
      await call(1);
      await call(2);
      await call(3);
      return 'all';
    });
    const engine = engineOn(store, [spend]);

    expect(await engine.run('spend', null, { id: 'r', budget: { tokens: 90 } })).toMatchObject({
      status: 'failed',
      error: {
        code: 'BUDGET_EXCEEDED',
        message: expect.stringMatching(/\d+ tokens, for which the budget of run r, 90, has no room left/),
        meta: { dimension: 'tokens', limit: 90, run: 'r', held: false },
      },
    });
    expect(calls).toBe(2);
    expect(await store.ledger(key('r'))).toMatchObject({ used: { tokens: 55 }, reserved: { tokens: 0 } });
  });
});
