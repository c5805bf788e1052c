import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryStore } from '@prusik/store-memory';
import { describe, expect, it } from 'vitest';
import { runDurable, type EngineWarning } from '../src/index.ts';
import { sqliteStore } from '@prusik/store-sqlite';
import { fakeClock } from '@prusik/testing-contracts';
import { durable, engineOn, entriesOf, gate, key, turns, untilCalled } from './support.ts';

describe('a worker', () => {
  it('DUR-11: drives at most as many runs as it has slots, by priority, then in the order of their start', async () => {
    const store = memoryStore();
    const order: string[] = [];
    let active = 0;
    let most = 0;
    const work = durable('work', (ctx, name) =>
      ctx.step('s', async () => {
        order.push(String(name));
        active += 1;
        most = Math.max(most, active);
        await turns(2);
        active -= 1;
      }),
    );
    const engine = engineOn(store, [work], { limits: { slots: 2 } });
    for (const name of ['a', 'b', 'c', 'd']) await engine.start('work', name, { id: name });
    await engine.start('work', 'urgent', { id: 'urgent', priority: 5 });

    const worker = engine.worker();
    await Promise.all(
      ['a', 'b', 'c', 'd', 'urgent'].map(async (id) => {
        for await (const event of engine.events(key(id))) void event;
      }),
    );
    await worker[Symbol.asyncDispose]();

    expect(order).toEqual(['urgent', 'a', 'b', 'c', 'd']);
    expect(most).toBe(2);
  });

  it('DUR-18: gives its runs back when it is disposed, and another engine takes them over at once', async () => {
    const store = memoryStore();
    const begun = untilCalled();
    let drives = 0;
    const work = durable('work', (ctx) =>
      ctx.step('s', ({ signal }) => {
        drives += 1;
        begun.call();
        if (drives > 1) return 'done';
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      }),
    );
    const first = engineOn(store, [work]);
    await first.start('work', null, { id: 'r' });
    first.worker();
    await begun.called;
    await first[Symbol.asyncDispose]();

    expect(await store.run(key('r'))).toMatchObject({ status: 'queued' });
    expect(await engineOn(store, [work]).drive(key('r'))).toMatchObject({ status: 'completed', output: 'done' });
    await expect(first.start('work', null)).rejects.toMatchObject({ code: 'ENGINE_CLOSED' });
  });

  it('DUR-2, DUR-3, I1: a holder that slept past its lease writes nothing, and its step is told', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const zombieStep = gate<string>();
    const begun = untilCalled();
    const told: unknown[] = [];
    const slow = durable('work', (ctx) =>
      ctx.step('s', ({ signal }) => {
        signal.addEventListener('abort', () => told.push((signal.reason as { code: string }).code));
        begun.call();
        return zombieStep.opened;
      }),
    );
    // Its heartbeat never comes: the whole process is stopped.
    const frozen = { ...clock, after: () => ({ [Symbol.dispose]: () => {} }) };
    const zombie = engineOn(store, [slow], { clock: frozen });
    await zombie.start('work', null, { id: 'r' });
    zombie.worker();
    await begun.called;
    clock.advance(30_000);

    const other = engineOn(store, [durable('work', (ctx) => ctx.step('s', () => 'other'))], { clock });
    expect(await other.drive(key('r'))).toMatchObject({ status: 'completed', output: 'other' });
    const entries = await entriesOf(store, key('r'));
    zombieStep.open('zombie');
    await turns();

    expect(told).toEqual(['RUN_SUPERSEDED']);
    expect(await entriesOf(store, key('r'))).toEqual(entries);
  });

  it('DUR-3: the heartbeat keeps the lease of a long step', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const step = gate<string>();
    const begun = untilCalled();
    const engine = engineOn(store, [durable('work', (ctx) => ctx.step('s', () => (begun.call(), step.opened)))], {
      clock,
    });
    const driving = engine.run('work', null, { id: 'r' });
    await begun.called;
    for (let i = 0; i < 10; i += 1) {
      clock.advance(10_000);
      await turns();
    }

    const { claims } = await store.claim({
      worker: 'thief',
      leaseMs: 1_000,
      limit: 1,
      suspects: { room: 1, alone: 1 },
      definitions: [{ name: 'work', versions: ['1'] }],
    });
    expect(claims).toEqual([]);
    step.open('done');
    expect(await driving).toMatchObject({ status: 'completed', output: 'done' });
  });

  it('DUR-12: a run that loses its worker again and again is blocked, without one more execution', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    let executions = 0;
    const work = durable('work', (ctx) => ctx.step('s', () => (executions += 1)));
    const engine = engineOn(store, [work], { clock });
    await engine.start('work', null, { id: 'r' });
    for (let i = 0; i < 5; i += 1) {
      await store.claim({
        worker: `dies-${i}`,
        leaseMs: 1_000,
        limit: 1,
        suspects: { room: 1, alone: 1 },
        definitions: [{ name: 'work', versions: ['1'] }],
      });
      clock.advance(1_000);
    }

    const blocked = await engine.drive(key('r'));
    expect(blocked).toMatchObject({ status: 'blocked', code: 'RUN_POISONED' });
    expect(executions).toBe(0);

    if (blocked.status !== 'blocked') throw new Error(blocked.status);
    await engine.decide(key('r'), blocked.request, { status: 'answered', value: { choice: 'retry' } });
    expect(await engine.drive(key('r'))).toMatchObject({ status: 'completed', output: 1 });
  });

  it('DUR-7: a timer fires by the time that was stored first, in whichever engine', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const work = durable('work', async (ctx) => {
      await ctx.sleep('nap', 60_000);
      return ctx.now();
    });
    const began = clock.now();
    const first = await engineOn(store, [work], { clock }).run('work', null, { id: 'r' });
    expect(first).toMatchObject({ status: 'waiting', wakeAt: began + 60_000 });

    clock.advance(59_999);
    expect(await engineOn(store, [work], { clock }).drive(key('r'))).toMatchObject({
      status: 'waiting',
      wakeAt: began + 60_000,
    });
    clock.advance(1);
    expect(await engineOn(store, [work], { clock }).drive(key('r'))).toMatchObject({
      status: 'completed',
      output: began + 60_000,
    });
  });

  it('DUR-8: a timeout that beat the signal stays the outcome', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const work = durable('work', async (ctx) => {
      const got = await ctx.receive('late', { timeoutMs: 1_000 });
      await ctx.receive('go');
      return got;
    });
    const engine = engineOn(store, [work], { clock });
    await engine.run('work', null, { id: 'r' });
    clock.advance(1_000);
    await engine.drive(key('r'));
    await engine.signal(key('r'), 'late', 'too late');
    await engine.signal(key('r'), 'go', null);

    expect(await engine.drive(key('r'))).toMatchObject({ status: 'completed', output: { timedOut: true } });
  });

  it('REQ-1: a request that expires is a decision too', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const work = durable('work', (ctx) => ctx.request('ask', { kind: 'question', body: 'well?', expiresInMs: 1_000 }));
    const engine = engineOn(store, [work], { clock });
    const waiting = await engine.run('work', null, { id: 'r' });
    clock.advance(1_000);

    expect(await engine.drive(key('r'))).toMatchObject({ status: 'completed', output: { status: 'expired' } });
    if (waiting.status !== 'waiting') throw new Error(waiting.status);
    expect(
      await engine.decide(key('r'), waiting.requests[0]?.request ?? '', { status: 'answered', value: 1 }),
    ).toMatchObject({
      outcome: 'already',
    });
  });

  it('a store that is away for a while pauses a run and fails nothing', async () => {
    const clock = fakeClock();
    const inner = memoryStore({ clock });
    let away = 0;
    const store = new Proxy(inner, {
      get(target, name, receiver) {
        const value: unknown = Reflect.get(target, name, receiver);
        if (name !== 'commit') return value;
        return (commit: Parameters<typeof inner.commit>[0]) => {
          away += 1;
          if (away === 2 || away === 3) return Promise.reject(new Error('the disk is away'));
          // The ambiguous one: it happened, and the answer was lost.
          if (away === 5) return inner.commit(commit).then(() => Promise.reject(new Error('the answer was lost')));
          return inner.commit(commit);
        };
      },
    });
    let calls = 0;
    const work = durable('work', async (ctx) => {
      for (let i = 0; i < 5; i += 1) await ctx.step(`s${i}`, () => (calls += 1));
      return calls;
    });
    const ticking = setInterval(() => clock.advance(50), 1);
    const result = await engineOn(store, [work], { clock }).run('work', null, { id: 'r' });
    clearInterval(ticking);

    expect(result).toMatchObject({ status: 'completed', output: 5 });
    expect((await entriesOf(inner, key('r'))).filter((entry) => entry.type === 'step-end')).toHaveLength(5);
  });

  it('AGT-13: dependencies that cannot be resolved block the run with a clear reason', async () => {
    const engine = engineOn(memoryStore(), [durable('work', () => 1)], {
      deps: () => {
        throw new Error('no database');
      },
    });

    expect(await engine.run('work', null)).toMatchObject({ status: 'blocked', code: 'DEPS_FAILED' });
  });

  it('AGT-13, DEF-5: dependencies that never come block the run, and hold nobody who closes; nor do those that never go', async () => {
    const never = () => new Promise<never>(() => {});
    const clock = fakeClock();
    const store = memoryStore({ clock });
    for (const [deps, status] of [
      [never, 'blocked'],
      [() => ({ [Symbol.asyncDispose]: never }), 'completed'],
    ] as const) {
      const engine = engineOn(store, [durable('work', () => 1)], { deps, clock, warnings: [] });
      let ended: unknown;
      const ending = engine.run('work', null).then(async (result) => {
        await engine[Symbol.asyncDispose]();
        ended = result;
      });
      for (let second = 0; second < 300 && ended === undefined; second += 1) {
        await new Promise(setImmediate);
        clock.advance(1_000);
      }
      expect(ended).toMatchObject({ status });
      await ending;
    }
  });

  it('DUR-9: what a function asks for after it was parked too early is done by the next drive, which lingers longer', async () => {
    const warnings: EngineWarning[] = [];
    const store = memoryStore();
    const done = untilCalled();
    const parked = async () => {
      while ((await store.run(key('r')))?.status !== 'waiting') await turns(1);
    };
    let drives = 0;
    const work = durable('work', async (ctx) => {
      const own = async () => {
        drives += 1;
        // Awaits that no engine can see: one that is longer than the first drive lingers, then one that is not.
        await (drives === 1 ? parked() : new Promise((resolve) => setTimeout(resolve, 20)));
        await ctx.step('after', () => done.call());
      };
      await Promise.all([ctx.receive('never', { timeoutMs: 600_000 }), own()]);
    });
    const engine = engineOn(store, [work], { warnings });
    await engine.start('work', null, { id: 'r' });
    const worker = engine.worker();
    await done.called;
    for await (const event of engine.events(key('r'))) if (!event.live && event.entry.type === 'step-end') break;
    await worker[Symbol.asyncDispose]();

    expect(warnings).toMatchObject([
      {
        code: 'UNTRACKED_AWAIT',
        message: expect.stringMatching(/^work asked for .*waiting for 1 more/),
        keys: ['after', 'never'],
      },
    ]);
    expect((await entriesOf(store, key('r'))).filter((entry) => entry.type === 'step-end')).toHaveLength(1);
  });

  it('DUR-9: a run that is always parked too early is blocked, and a late call never settles', async () => {
    const store = memoryStore();
    let late: Promise<unknown> | undefined;
    const work = durable('work', async (ctx) => {
      ctx.signal.addEventListener('abort', () => {
        late = ctx.step('late', () => 1);
      });
      await ctx.receive('never');
    });
    const clock = fakeClock();
    const engine = engineOn(store, [work], { clock });
    await engine.start('work', null, { id: 'r' });
    const worker = engine.worker();
    for (let i = 0; i < 100 && (await store.run(key('r')))?.status !== 'blocked'; i += 1) {
      clock.advance(60_000);
      await turns();
    }
    await worker[Symbol.asyncDispose]();

    expect(await store.run(key('r'))).toMatchObject({ status: 'blocked', blocked: { code: 'UNTRACKED_AWAIT' } });
    expect(await Promise.race([late, turns().then(() => 'never')])).toBe('never');
  });
});

describe('runDurable', () => {
  it('DUR-17: works alone with a store, an id and a function', async () => {
    const store = memoryStore();
    let charged = 0;
    const order = () =>
      runDurable({
        store,
        id: 'order-1',
        input: { amount: 20 },
        run: async (ctx, { amount }) => {
          const receipt = await ctx.step('charge', () => (charged += amount));
          return { receipt };
        },
      });

    expect(await order()).toMatchObject({ status: 'completed', output: { receipt: 20 } });
    expect(await order()).toMatchObject({ status: 'completed', output: { receipt: 20 } });
    expect(charged).toBe(20);
  });

  it('stops when its signal fires, and says why', async () => {
    const stop = new AbortController();
    stop.abort(new Error('not today'));

    await expect(
      runDurable({ store: memoryStore(), id: 'x', input: null, run: async () => null, signal: stop.signal }),
    ).rejects.toThrow('not today');
  });
});

describe('a process that only follows', () => {
  it('EVT-4: stays until the run that another process drives has ended', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'follow-'));
    const path = join(folder, 'runs.db');
    const store = sqliteStore({ path });
    const engine = engineOn(store, [durable('work', (ctx) => ctx.receive('go'))]);
    await engine.run('work', null, { id: 'r' });
    const script = `
      import { createEngine } from '@prusik/durable';
      import { sqliteStore } from '@prusik/store-sqlite';
      const engine = createEngine({ store: sqliteStore({ path: ${JSON.stringify(path)} }), definitions: [] });
      let last;
      for await (const event of engine.events({ tenant: 'default', run: 'r' })) {
        last = event.entry?.type ?? last;
        console.log(last);
      }
      process.exit(last === 'run-end' ? 0 : 1);`;
    const follower = spawn(process.execPath, ['--conditions=@prusik/source', '--input-type=module', '-e', script], {
      cwd: import.meta.dirname,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(follower.stdout, 'data');

    await engine.signal(key('r'), 'go', null);
    await engine.drive(key('r'));

    const [code] = (await once(follower, 'exit')) as [number];
    expect(code).toBe(0);
    await engine[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  }, 30_000);
});
