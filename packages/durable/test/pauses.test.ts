import { memoryStore } from '@prusik/store-memory';
import { fakeClock, type FakeClock } from '@prusik/testing-contracts';
import { PrusikError, type DurableContext, type Entry, type Store } from '@prusik/core';
import { describe, expect, it } from 'vitest';
import type { Engine, RunResult } from '../src/index.ts';
import { durable, engineOn, entriesOf, gate, hurried, key, turns, untilCalled } from './support.ts';

const busy = (retryAfterMs: number): PrusikError =>
  new PrusikError('SHOP_BUSY', 'The shop has no room', { retryable: true, meta: { retryAfterMs } });

/** A step that is refused so often, with the times of its executions. */
function refused(
  times: number,
  clock: FakeClock,
  retryAfterMs: number,
  options: Parameters<DurableContext['step']>[2] = {},
) {
  const executed: number[] = [];
  const work = durable('work', (ctx) =>
    ctx.step(
      's',
      () => {
        executed.push(clock.now());
        if (executed.length <= times) throw busy(retryAfterMs);
        return 'done';
      },
      options,
    ),
  );
  return { executed, work };
}

const pausesOf = async (store: Store): Promise<readonly Extract<Entry, { type: 'step-pause' }>[]> =>
  (await entriesOf(store, key('r'))).filter((entry) => entry.type === 'step-pause');

/** Drives again whenever the run's time has come, in an engine of its own each time. */
async function throughParks(
  clock: FakeClock,
  store: Store,
  make: () => Engine,
): Promise<{ readonly result: RunResult; readonly parks: number }> {
  await make().start('work', null, { id: 'r' });
  for (let parks = 0; ; parks += 1) {
    const result = await hurried(clock, make().drive(key('r')));
    if (result.status !== 'waiting' || result.wakeAt === null) return { result, parks };
    clock.advance(Math.max(0, result.wakeAt - clock.now()));
  }
}

describe('a refusal for want of capacity', () => {
  it('DUR-13: uses up no attempt, and is asked again no earlier than it says', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const { executed, work } = refused(6, clock, 5_000);

    expect(await hurried(clock, engineOn(store, [work], { clock }).run('work', null, { id: 'r' }))).toMatchObject({
      status: 'completed',
      output: 'done',
    });

    const gaps = executed.slice(1).map((at, n) => at - (executed[n] ?? 0));
    expect(gaps).toHaveLength(6);
    for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(5_000);
    // Asked less often each time, whatever it says.
    expect(gaps.at(-1)).toBeGreaterThan(gaps[0] ?? 0);
  });

  it('DUR-13: a pause of more than 20 s is on record, parks the run, and any engine goes on when it is over', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const { executed, work } = refused(1, clock, 60_000);
    const began = clock.now();
    const waiting = await hurried(clock, engineOn(store, [work], { clock }).run('work', null, { id: 'r' }));

    const [pause] = await pausesOf(store);
    expect(waiting).toMatchObject({ status: 'waiting', requests: [], wakeAt: pause?.until });
    expect(pause).toMatchObject({ key: 's', attempt: 1, failures: 0, error: { code: 'SHOP_BUSY' } });
    expect(pause?.until).toBeGreaterThanOrEqual(began + 60_000);
    // Too early: it waits on, and executes nothing.
    expect(await hurried(clock, engineOn(store, [work], { clock }).drive(key('r')))).toMatchObject({
      status: 'waiting',
    });
    expect(executed).toHaveLength(1);

    clock.advance(60_500);
    expect(await hurried(clock, engineOn(store, [work], { clock }).drive(key('r')))).toMatchObject({ output: 'done' });
    expect((await entriesOf(store, key('r'))).find((entry) => entry.type === 'step-end')).toMatchObject({ attempt: 2 });
  });

  it('DUR-13: is the outcome once it has cost more than capacityWaitMs in all, across processes', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const { executed, work } = refused(1_000, clock, 60_000);

    const { result, parks } = await throughParks(clock, store, () =>
      engineOn(store, [work], { clock, limits: { capacityWaitMs: 300_000 } }),
    );

    expect(result).toMatchObject({ status: 'failed', error: { code: 'SHOP_BUSY' } });
    const waited = (executed.at(-1) ?? 0) - (executed[0] ?? 0);
    expect(waited).toBeLessThanOrEqual(310_000);
    expect(waited).toBeGreaterThan(200_000);
    expect(parks).toBeGreaterThan(1);
    const pauses = await pausesOf(store);
    expect(pauses.at(-1)?.capacityMs).toBeLessThanOrEqual(300_000);
    expect(pauses.map(({ attempt }) => attempt)).toEqual(pauses.map((_, n) => n + 1));
  });

  it('DUR-13: of a step’s own is not waited for when its policy says so', async () => {
    const clock = fakeClock();
    for (const retry of [
      { attempts: 5, capacityWaitMs: 0 },
      { attempts: 5, retryable: () => false },
      {
        attempts: 5,
        retryable: () => {
          throw new Error('a policy that cannot decide');
        },
      },
    ]) {
      const { executed, work } = refused(1, clock, 0, { retry });
      const run = engineOn(memoryStore({ clock }), [work], { clock }).run('work', null);
      expect(await hurried(clock, run)).toMatchObject({ status: 'failed', error: { code: 'SHOP_BUSY' } });
      expect(executed).toHaveLength(1);
    }
  });

  it('DUR-13, I9: a provider that refuses at once for ever is asked ever less often, and then no more', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const { executed, work } = refused(100_000, clock, 0);

    const { result } = await throughParks(clock, store, () => engineOn(store, [work], { clock }));

    expect(result).toMatchObject({ status: 'failed', error: { code: 'SHOP_BUSY' } });
    expect(executed.length).toBeLessThan(150);
  });

  it('DUR-5, DUR-13: a once step is executed again after it, and after nothing else that it throws', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const { executed, work } = refused(2, clock, 1_000, { effect: 'once', retry: { attempts: 5 } });
    expect(await hurried(clock, engineOn(store, [work], { clock }).run('work', null, { id: 'r' }))).toMatchObject({
      output: 'done',
    });
    expect(executed).toHaveLength(3);
    expect((await entriesOf(store, key('r'))).map(({ type }) => type)).toEqual([
      'run-start',
      'run-claim',
      'step-intent',
      'step-pause',
      'step-intent',
      'step-pause',
      'step-intent',
      'step-end',
      'run-end',
    ]);

    let calls = 0;
    const throwing = durable('work', (ctx) =>
      ctx.step(
        's',
        () => {
          calls += 1;
          throw new PrusikError('BROKEN', 'who knows', { retryable: true });
        },
        { effect: 'once', retry: { attempts: 5 } },
      ),
    );
    const engine = engineOn(memoryStore({ clock }), [throwing], { clock });
    expect(await hurried(clock, engine.run('work', null))).toMatchObject({ error: { code: 'BROKEN' } });
    expect(calls).toBe(1);
  });

  it('DUR-5, DUR-13: a process that dies in the pause of a once step leaves no doubt', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const { executed, work } = refused(1, clock, 10_000, { effect: 'once' });
    const frozen = { ...clock, after: () => ({ [Symbol.dispose]: () => {} }) };
    const dead = engineOn(store, [work], { clock: frozen });
    await dead.start('work', null, { id: 'r' });
    dead.worker();
    await turns();
    expect(executed).toHaveLength(1);
    clock.advance(30_000);

    expect(await hurried(clock, engineOn(store, [work], { clock }).drive(key('r')))).toMatchObject({ output: 'done' });
    expect(executed).toHaveLength(2);
  });

  it('WFL-4, DUR-13: holds no reservation while it is waited out, and costs nothing', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const { work } = refused(1, clock, 60_000, { reserve: { calls: 1, tokens: 100 } });
    const engine = engineOn(store, [work], { clock });
    await hurried(clock, engine.run('work', null, { id: 'r', budget: { tokens: 100 } }));

    const none = { calls: 0, tokens: 0, costMicros: 0, runs: 0 };
    expect(await store.ledger(key('r'))).toMatchObject({ reserved: none, used: none });
    clock.advance(61_000);
    expect(await hurried(clock, engine.drive(key('r')))).toMatchObject({ output: 'done' });
    expect(await store.ledger(key('r'))).toMatchObject({ reserved: none, used: { calls: 1, tokens: 100 } });
  });

  it('DUR-14: a run that pauses is cancelled, in memory and parked', async () => {
    for (const retryAfterMs of [10_000, 60_000]) {
      const clock = fakeClock();
      const store = memoryStore({ clock });
      const { executed, work } = refused(1, clock, retryAfterMs);
      const engine = engineOn(store, [work], { clock });
      await engine.start('work', null, { id: 'r' });
      const worker = engine.worker();
      await turns(40);
      await engine.cancel(key('r'));
      await turns(40);

      expect(await store.run(key('r'))).toMatchObject({ status: 'cancelled' });
      clock.advance(120_000);
      await turns(40);
      expect(executed).toHaveLength(1);
      await worker[Symbol.asyncDispose]();
    }
  });

  it('DUR-9, DUR-11: what pauses keeps neither its siblings from going on nor another run from its place', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const order: string[] = [];
    let refusals = 0;
    const work = durable('work', async (ctx) => {
      const step = (name: string): Promise<unknown> =>
        ctx.step(name, () => {
          if (name === 'paused' && (refusals += 1) === 1) throw busy(10_000);
          order.push(name);
        });
      await Promise.all([step('paused'), step('a').then(() => step('b'))]);
    });
    const engine = engineOn(store, [work, durable('other', (ctx) => ctx.step('s', () => void order.push('other')))], {
      clock,
      limits: { slots: 1 },
    });
    await engine.start('work', null, { id: 'r' });
    await engine.start('other', null, { id: 'other' });
    const worker = engine.worker();
    await turns(60);
    expect(order).toEqual(['a', 'b', 'other']);

    clock.advance(11_000);
    await turns(60);
    expect(order).toEqual(['a', 'b', 'other', 'paused']);
    await worker[Symbol.asyncDispose]();
  });

  it('DUR-6: a pause on record that the code asks for as something else is a divergence', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const { work } = refused(1, clock, 60_000);
    await hurried(clock, engineOn(store, [work], { clock }).run('work', null, { id: 'r' }));
    clock.advance(61_000);

    const changed = engineOn(store, [durable('work', (ctx) => ctx.sleep('s', 1))], { clock });
    expect(await hurried(clock, changed.drive(key('r')))).toMatchObject({ status: 'blocked', code: 'RUN_DIVERGED' });
  });

  it('a function that failed does not wait for its sibling’s pause, one that returned does', async () => {
    for (const [fails, expected] of [
      [true, 'failed'],
      [false, 'waiting'],
    ] as const) {
      const clock = fakeClock();
      const store = memoryStore({ clock });
      let calls = 0;
      const work = durable('work', async (ctx) => {
        void ctx.step('paused', () => {
          if ((calls += 1) === 1) throw busy(60_000);
          return calls;
        });
        await ctx.step('first', () => null);
        if (fails) throw new Error('no');
        return 'returned';
      });
      const engine = engineOn(store, [work], { clock });
      expect(await hurried(clock, engine.run('work', null, { id: 'r' }))).toMatchObject({ status: expected });
      clock.advance(61_000);
      const end = await hurried(clock, engine.drive(key('r')));
      expect([end.status, calls]).toEqual(fails ? ['failed', 1] : ['completed', 2]);
    }
  });
});

describe('a retry', () => {
  it('DUR-13: of more than 20 s is on record, and its attempts are counted across processes', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    let calls = 0;
    const work = durable('work', (ctx) =>
      ctx.step(
        's',
        () => {
          calls += 1;
          throw new Error(`no ${calls}`);
        },
        { retry: { attempts: 3, backoffMs: 60_000, maxBackoffMs: 600_000 } },
      ),
    );

    const { result, parks } = await throughParks(clock, store, () => engineOn(store, [work], { clock }));

    expect(result).toMatchObject({ status: 'failed', error: { message: 'Error: no 3' } });
    expect(calls).toBe(3);
    expect(parks).toBe(2);
    expect((await pausesOf(store)).map(({ failures, capacityMs }) => [failures, capacityMs])).toEqual([
      [1, 0],
      [2, 0],
    ]);
  });

  it('DUR-13, DUR-11: holds no place while it pauses in memory', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    let calls = 0;
    const order: string[] = [];
    const flaky = durable('flaky', (ctx) =>
      ctx.step(
        's',
        () => {
          calls += 1;
          if (calls === 1) throw new Error('not yet');
          order.push('flaky');
        },
        { retry: { attempts: 2, backoffMs: 8_000 } },
      ),
    );
    const engine = engineOn(store, [flaky, durable('other', (ctx) => ctx.step('s', () => void order.push('other')))], {
      clock,
      limits: { slots: 1 },
    });
    await engine.start('flaky', null, { id: 'flaky' });
    await engine.start('other', null, { id: 'other' });
    const worker = engine.worker();
    await turns(60);
    expect(order).toEqual(['other']);
    clock.advance(8_000);
    await turns(60);
    expect(order).toEqual(['other', 'flaky']);
    expect(await entriesOf(store, key('flaky'))).not.toContainEqual(expect.objectContaining({ type: 'step-pause' }));
    await worker[Symbol.asyncDispose]();
  });

  it.each([{ attempts: Number.NaN }, { attempts: 1, capacityWaitMs: Infinity }, { attempts: 2, backoffMs: -1 }])(
    'I9: a policy of %j fails the run at once',
    async (retry) => {
      const engine = engineOn(memoryStore(), [durable('work', (ctx) => ctx.step('s', () => 1, { retry }))]);
      expect(await engine.run('work', null)).toMatchObject({ status: 'failed', error: { code: 'RUN_FAILED' } });
    },
  );
});

describe('a race between a step and the clock', () => {
  it('DUR-9: a timer wins against a step that takes longer, while the step still runs', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const begun = untilCalled();
    const slow = gate<string>();
    const late: unknown[] = [];
    const work = durable('work', async (ctx) => {
      const winner = await Promise.race([
        ctx.step('slow', () => (begun.call(), slow.opened)),
        ctx.sleep('limit', 2_000).then(() => 'limit'),
      ]);
      late.push(winner);
      return winner;
    });
    const engine = engineOn(store, [work], { clock });
    const driving = engine.run('work', null, { id: 'r' });
    await begun.called;
    await turns();
    clock.advance(2_000);
    await turns();
    expect(late).toEqual(['limit']);
    slow.open('slow');

    expect(await driving).toMatchObject({ status: 'completed', output: 'limit' });
  });
});
