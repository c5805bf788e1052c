import { memoryStore } from '@prusik/store-memory';
import { isFinal, PrusikError, type DurableContext, type Run, type Store } from '@prusik/core';
import { everyDeath, fakeClock, inspectStore, type FakeClock, type Life } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import type { Engine } from '../src/index.ts';
import { STORAGES } from './storages.ts';
import { durable, engineOn, entriesOf, gate, key, turns, untilCalled } from './support.ts';
import { definitionsOf, situationsOf, type Scene, type Situation } from './run-situations.ts';

const codeOf = (error: unknown): string => (error as { readonly code?: string }).code ?? String(error);

const TIME_MS = 60_000;
const LEASE_MS = 30_000;
const GRACE_MS = 1_000;
const limits = { leaseMs: LEASE_MS, heartbeatMs: 10_000, cancelGraceMs: GRACE_MS };

let called = 0;
const counted = (code: Situation['code']) => definitionsOf((ctx) => (called++, code(ctx)));
const start = ({ engine }: Scene) => engine.start('work', null, { id: 'r', timeoutMs: TIME_MS });

const situations: Record<string, Situation> = {
  ...situationsOf(start),
  'waiting for capacity': {
    status: 'waiting',
    code: (ctx) =>
      ctx.step('s', () => {
        throw new PrusikError('BUSY', 'no room', { meta: { retryAfterMs: 3_000_000 } });
      }),
  },
  'held by a worker that is gone': {
    status: 'running',
    code: (ctx) => ctx.step('s', () => 1),
    async reach(scene) {
      await start(scene);
      scene.clock.advance(TIME_MS - 1);
      const { claims } = await scene.store.claim({
        worker: 'dead',
        leaseMs: LEASE_MS,
        limit: 1,
        suspects: { room: 0, alone: 1 },
        definitions: [{ name: 'work', versions: ['1'] }],
      });
      expect(claims).toHaveLength(1);
    },
  },
};

const workers: Record<string, (scene: Scene, code: Situation['code']) => Engine> = {
  'the same engine': ({ engine }) => engine,
  'another engine with the definition': ({ store, clock }, code) => engineOn(store, counted(code), { clock, limits }),
  'an engine without any definition': ({ store, clock }) => engineOn(store, [], { clock, limits }),
};

const cases = Object.entries(situations).flatMap(([state, situation]) =>
  Object.entries(workers).map(([who, worker]) => [state, who, situation, worker] as const),
);

async function untilEnded(store: Store, clock: FakeClock, run = 'r'): Promise<Run> {
  for (let turn = 0; turn < 400; turn += 1) {
    const found = await store.run(key(run));
    if (found !== undefined && isFinal(found.status)) return found;
    await turns();
    clock.advance(500);
  }
  throw new Error('The run did not end');
}

describe('a run whose time is up', () => {
  it.each(cases)(
    'DUR-20, I7: %s, found by %s: it ends once with RUN_DEADLINE, its tree before it, and nothing of it is left',
    async (_, __, situation, worker) => {
      called = 0;
      const clock = fakeClock();
      const store = memoryStore({ clock });
      const engine = engineOn(store, counted(situation.code), { clock, limits });
      const scene: Scene = { store, clock, engine };
      await (situation.reach ?? (() => start(scene).then(() => engine.drive(key('r')))))(scene);
      expect(await store.run(key('r'))).toMatchObject({ status: situation.status });
      const { deadlineAt = 0 } = (await store.run(key('r')))?.rights ?? {};
      const other = worker(scene, situation.code);
      const isQueued = situation.status === 'queued';
      if (!isQueued) other.worker();
      while (clock.now() < deadlineAt - 1) {
        clock.advance(Math.min(5_000, deadlineAt - 1 - clock.now()));
        await turns();
      }
      expect(await store.run(key('r'))).toMatchObject({ status: situation.status });
      called = 0;
      clock.advance(1);
      if (isQueued) other.worker();
      const ended = await untilEnded(store, clock);

      // What has begun is replayed where its definition is, once for each time that its children are heard of; what has not never runs.
      expect(called <= (isQueued ? 0 : 10)).toBe(true);
      expect(ended).toMatchObject({
        status: 'failed',
        error: { code: 'RUN_DEADLINE', meta: { run: 'r', deadlineAt } },
      });
      expect(ended.endedAt).toBeGreaterThanOrEqual(deadlineAt);
      const { items } = await store.listRuns({ tenant: 'default', root: 'r', limit: 10 });
      for (const run of items) {
        const entries = await entriesOf(store, run.key);
        expect(entries.filter(({ type }) => type === 'run-end')).toHaveLength(1);
        for (const inner of items.filter(({ depth }) => depth > run.depth))
          expect(inner.endedAt).toBeLessThanOrEqual(run.endedAt ?? 0);
      }
      const entries = await entriesOf(store, key('r'));
      const doubts = entries.flatMap((entry) =>
        entry.type === 'step-end' && entry.settledBy === 'doubt' ? [entry.key] : [],
      );
      expect(doubts).toEqual(situation.inDoubt ?? []);
      expect((await inspectStore(store)).violations).toEqual([]);
      await Promise.all([engine, other].map((one) => one[Symbol.asyncDispose]()));
    },
  );
});

/** Lets time pass until the run has ended, with whoever drives it. */
async function driven(engine: Engine, clock: FakeClock, run = 'r', stepMs = 1_000): Promise<Run> {
  const worker = engine.worker();
  const ended = await (async () => {
    for (let turn = 0; turn < 1_000; turn += 1) {
      const found = await engine.store.run(key(run));
      if (found !== undefined && (isFinal(found.status) || found.status === 'blocked')) return found;
      await turns();
      clock.advance(stepMs);
    }
    throw new Error('The run did not end');
  })();
  await worker[Symbol.asyncDispose]();
  return ended;
}

const stuck = durable('stuck', (ctx) => ctx.receive('never'));

describe.each([
  ['parked', 0],
  ['hot', 3_600_000],
])('what a function makes of its time being up (%s)', (_, parkAfterMs) => {
  const engineFor = (code: (ctx: DurableContext) => unknown, clock: FakeClock): Engine =>
    engineOn(memoryStore({ clock }), [durable('work', code), stuck], { clock, limits: { ...limits, parkAfterMs } });

  it('DUR-20: an output that it returns all the same counts, made of what was on record', async () => {
    const clock = fakeClock();
    const engine = engineFor(async (ctx) => {
      const parts: unknown[] = [];
      try {
        for (let n = 0; n < 100; n += 1) {
          parts.push(await ctx.step(`s${n}`, () => n));
          await ctx.sleep(`nap${n}`, 25_000);
        }
      } catch (error) {
        parts.push(codeOf(error));
      }
      // Nothing begins any more.
      parts.push(await ctx.step('more', () => 'more').catch(codeOf));
      return parts;
    }, clock);
    await engine.start('work', null, { id: 'r', timeoutMs: TIME_MS });

    expect(await driven(engine, clock)).toMatchObject({
      status: 'completed',
      output: [0, 1, 2, 'RUN_DEADLINE', 'RUN_DEADLINE'],
    });
    const entries = await entriesOf(engine.store, key('r'));
    const met = entries.filter(({ type }) => type === 'run-deadline');
    expect(met.map(({ at }) => at - (entries[0]?.at ?? 0) - TIME_MS)).toEqual([expect.closeTo(0, -3.5)]);
    await engine[Symbol.asyncDispose]();
  });

  it('DUR-20, WFL-7: its children are cancelled and waited for before its end, also when it had returned before', async () => {
    const clock = fakeClock();
    const engine = engineFor((ctx) => {
      void ctx.child('c', 'stuck', null, { rights: { levels: 0 } });
      return 'returned early';
    }, clock);
    await engine.start('work', null, { id: 'r', timeoutMs: TIME_MS });

    const ended = await driven(engine, clock);

    expect(ended).toMatchObject({ status: 'completed', output: 'returned early' });
    const { items } = await engine.store.listRuns({ tenant: 'default', parent: 'r', limit: 10 });
    expect(items).toHaveLength(1);
    expect(isFinal(items[0]?.status ?? 'running')).toBe(true);
    expect(items[0]?.endedAt).toBeLessThanOrEqual(ended.endedAt ?? 0);
    await engine[Symbol.asyncDispose]();
  });

  it('DUR-20: an error of its own that it threw before stays its error', async () => {
    const clock = fakeClock();
    const cleanUp = gate();
    const engine = engineFor(async (ctx) => {
      void ctx.step('long', () => cleanUp.opened);
      throw new PrusikError('NOT_TODAY', 'no');
    }, clock);
    await engine.start('work', null, { id: 'r', timeoutMs: TIME_MS });

    expect(await driven(engine, clock)).toMatchObject({ status: 'failed', error: { code: 'NOT_TODAY' } });
    await engine[Symbol.asyncDispose]();
  });

  it('DUR-20, DUR-14: a cancel that was first stands', async () => {
    const clock = fakeClock();
    const engine = engineFor((ctx) => ctx.receive('never'), clock);
    await engine.start('work', null, { id: 'r', timeoutMs: TIME_MS });
    await engine.cancel(key('r'), 'enough');

    expect(await driven(engine, clock)).toMatchObject({ status: 'cancelled' });
    await engine[Symbol.asyncDispose]();
  });
});

describe('a run that is taken up past its deadline', () => {
  it('DUR-20, DUR-10: says while it waits that it will be looked at then', async () => {
    const clock = fakeClock();
    const engine = engineOn(memoryStore({ clock }), [stuck], { clock, limits });
    const { rights } = await engine.start('stuck', null, { id: 'r', timeoutMs: TIME_MS });

    expect(await engine.drive(key('r'))).toMatchObject({ status: 'waiting', wakeAt: rights?.deadlineAt });
    expect(await engine.store.run(key('r'))).toMatchObject({ wakeAt: rights?.deadlineAt });
    await engine[Symbol.asyncDispose]();
  });

  it('DUR-20, DUR-9: is replayed to where it stood, however long its live objects take to come', async () => {
    const clock = fakeClock();
    const work = durable('work', async (ctx) => [
      await ctx.step('s', () => 'kept'),
      await ctx.thread.read().then((messages) => messages.length),
      await ctx.receive('never').catch(codeOf),
    ]);
    const engine = engineOn(memoryStore({ clock }), [work], { clock, limits, deps: () => turns(20) });
    await engine.start('work', null, { id: 'r', timeoutMs: TIME_MS });
    await engine.drive(key('r'));
    clock.advance(TIME_MS);

    expect(await engine.drive(key('r'))).toMatchObject({ status: 'completed', output: ['kept', 0, 'RUN_DEADLINE'] });
    await engine[Symbol.asyncDispose]();
  });

  it('DUR-20: is given up within the grace when its live objects never come', async () => {
    const clock = fakeClock();
    let hang = false;
    const engine = engineOn(memoryStore({ clock }), [stuck], {
      clock,
      limits,
      deps: () => (hang ? new Promise(() => {}) : null),
    });
    const { rights } = await engine.start('stuck', null, { id: 'r', timeoutMs: TIME_MS });
    await engine.drive(key('r'));
    hang = true;
    const ended = await driven(engine, clock);

    expect(ended).toMatchObject({ status: 'failed', error: { code: 'RUN_DEADLINE' } });
    expect((ended.endedAt ?? 0) - (rights?.deadlineAt ?? 0)).toBeLessThan(5 * GRACE_MS);
    await engine[Symbol.asyncDispose]();
  });

  it('DUR-20, I3: its function gets no outcome that came after it was told, though that is on record', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    let calls = 0;
    const work = durable('work', async (ctx) => {
      calls += 1;
      void ctx.child('c', 'deaf', null);
      // It stops in time, and its outcome is kept; but the function has been told that nothing comes any more.
      return ctx
        .step('slow', ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve('late'))))
        .catch(codeOf);
    });
    const child = durable('deaf', (ctx) => ctx.step('s', () => new Promise(() => {})));
    // Its child takes longer to stop than the run is in memory.
    const other = engineOn(store, [child], { clock, limits: { ...limits, cancelGraceMs: 20_000 } });
    const engine = engineOn(store, [work, child], { clock, limits: { ...limits, slots: 1 } });
    const childs = other.worker();
    await engine.start('work', null, { id: 'r', timeoutMs: TIME_MS });

    expect(await driven(engine, clock)).toMatchObject({ status: 'completed', output: 'RUN_DEADLINE' });
    const entries = await entriesOf(store, key('r'));
    expect(entries).toContainEqual(expect.objectContaining({ type: 'step-end', outcome: { ok: true, value: 'late' } }));
    expect(entries.some(({ type }) => type === 'run-park')).toBe(true);
    expect(calls).toBeGreaterThan(1);
    await childs[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
  });
});

describe('a call with a time', () => {
  const child = durable('child', async (ctx, how) => {
    if (how === 'running') await ctx.step('s', () => new Promise(() => {}));
    return ctx.receive('never');
  });
  const caller = (how: string) =>
    durable('work', async (ctx) => {
      const failed = await ctx.child('c', 'child', how, { timeoutMs: TIME_MS }).catch((error: PrusikError) => error);
      await ctx.sleep('nap', 10_000);
      return failed instanceof PrusikError ? [failed.code, failed.meta['run'] === ctx.run.key.run] : failed;
    });

  it.each(['running', 'waiting'])(
    'DUR-20, WFL-8: rejects with the code of its child, which is %s, and the caller goes on',
    async (how) => {
      const clock = fakeClock();
      const store = memoryStore({ clock });
      const engine = engineOn(store, [caller(how), child], { clock, limits });
      await engine.start('work', null, { id: 'r' });

      expect(await driven(engine, clock)).toMatchObject({ status: 'completed', output: ['RUN_DEADLINE', false] });
      expect((await inspectStore(store)).violations).toEqual([]);
      await engine[Symbol.asyncDispose]();
    },
  );

  it('DUR-20, DUR-12: whose child no worker knows rejects all the same', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const first = engineOn(store, [caller('waiting'), child], { clock, limits });
    await first.run('work', null, { id: 'r' });
    await first[Symbol.asyncDispose]();
    const { child: _, ...known } = { child, caller: caller('waiting') };
    const engine = engineOn(store, [known.caller], { clock, limits });

    expect(await driven(engine, clock)).toMatchObject({ status: 'completed', output: ['RUN_DEADLINE', false] });
    await engine[Symbol.asyncDispose]();
  });

  it('WFL-4: has no more of it than its caller has left, nor more levels, however deep the tree is', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const engine = engineOn(
      store,
      [
        durable('work', (ctx) =>
          ctx.child('c', 'inner', null, {
            timeoutMs: 2 * TIME_MS,
            rights: { levels: 9, deadlineAt: clock.now() + 9 * TIME_MS },
          }),
        ),
        durable('inner', (ctx) => ctx.child('c', 'leaf', null, { timeoutMs: 1_000, rights: { levels: 3 } })),
        durable('leaf', (ctx) => ({ ...ctx.run.rights })),
      ],
      { clock, limits },
    );
    const { rights } = await engine.start('work', null, { id: 'r', timeoutMs: TIME_MS });
    expect(rights).toEqual({ deadlineAt: clock.now() + TIME_MS });
    expect(await engine.drive(key('r'))).toMatchObject({ status: 'completed' });

    const { items } = await store.listRuns({ tenant: 'default', root: 'r', limit: 10 });
    const inner = items.find(({ depth }) => depth === 1)?.rights;
    const leaf = items.find(({ depth }) => depth === 2)?.rights;
    expect(inner).toEqual({ levels: 9, deadlineAt: clock.now() + TIME_MS });
    expect(leaf).toEqual({ levels: 3, deadlineAt: clock.now() + 1_000 });
    await engine[Symbol.asyncDispose]();
  });

  it.each([
    { timeoutMs: -1 },
    { timeoutMs: Number.NaN },
    { rights: { levels: -1 } },
    { rights: { deadlineAt: Infinity } },
  ])('WFL-3: that cannot be one (%j) is refused, and nothing is started', async (options) => {
    const work = durable('work', (ctx) => ctx.child('c', 'child', null, options));
    const engine = engineOn(memoryStore(), [work, child]);

    expect(await engine.run('work', null, { id: 'r' })).toMatchObject({ status: 'failed' });
    expect((await engine.store.listRuns({ tenant: 'default', root: 'r', limit: 10 })).items).toHaveLength(1);
    await expect(engine.start('work', null, { timeoutMs: -1 })).rejects.toThrow(TypeError);
  });
});

describe('levels', () => {
  const nested = durable('nested', (ctx, n) =>
    ctx.child('c', 'nested', Number(n) + 1).then(
      ({ output }) => output,
      ({ code, meta }: PrusikError) => [n, code, meta['reason'] ?? null],
    ),
  );

  it('WFL-4: a run that may have no children is told so, whoever it is, and starts none', async () => {
    const store = memoryStore();
    const engine = engineOn(store, [
      nested,
      durable('work', (ctx) => ctx.child('c', 'nested', 1, { rights: { levels: 2 } })),
    ]);

    expect(await engine.run('work', null, { id: 'r' })).toMatchObject({
      output: { output: [3, 'DELEGATION_REFUSED', 'max_depth'] },
    });
    expect((await store.listRuns({ tenant: 'default', root: 'r', limit: 10 })).items).toHaveLength(4);
  });

  it('WFL-4, I9: where nobody says how many, the engine does', async () => {
    expect(await engineOn(memoryStore(), [nested]).run('nested', 0)).toMatchObject({
      output: [16, 'DELEGATION_REFUSED', 'max_depth'],
    });
    expect(await engineOn(memoryStore(), [nested], { limits: { maxDepth: 2 } }).run('nested', 0)).toMatchObject({
      output: [2, 'DELEGATION_REFUSED', 'max_depth'],
    });
  });

  it('DUR-6: a call on record is not asked again how deep it is', async () => {
    const store = memoryStore();
    const definitions = [
      durable('work', (ctx) => ctx.child('c', 'quick', 1)),
      durable('quick', (ctx) => ctx.receive('go')),
    ];
    await engineOn(store, definitions).run('work', null, { id: 'r' });
    const engine = engineOn(store, definitions, { limits: { maxDepth: 0 } });
    const { items } = await store.listRuns({ tenant: 'default', parent: 'r', limit: 1 });
    await engine.signal(items[0]?.key ?? key(''), 'go', 5);

    expect(await engine.drive(key('r'))).toMatchObject({ output: { output: { value: 5 } } });
  });
});

describe('the clock of a deadline', () => {
  it('DUR-2, DUR-20: is the store’s: a process whose clock runs ahead is told that it is early', async () => {
    const mine = fakeClock();
    const stores = fakeClock();
    const store = memoryStore({ clock: stores });
    const step = gate();
    const begun = untilCalled();
    const work = durable('work', (ctx) => (begun.call(), ctx.step('s', () => step.opened)));
    const engine = engineOn(store, [work], { clock: mine, limits });
    await engine.start('work', null, { id: 'r', timeoutMs: TIME_MS });
    const worker = engine.worker();
    await begun.called;
    for (let passed = 0; passed < 2 * TIME_MS; passed += 5_000) {
      mine.advance(5_000);
      await turns();
    }
    expect(await store.run(key('r'))).toMatchObject({ status: 'running' });
    expect((await entriesOf(store, key('r'))).map(({ type }) => type)).toEqual(['run-start']);

    step.open();
    await expect.poll(() => (mine.advance(20), store.run(key('r')))).toMatchObject({ status: 'completed' });
    await worker[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
  });
});

describe.each(Object.entries(STORAGES))('a process that dies at any write to its store (%s)', (name, create) => {
  const every = name === 'memory' || process.env['CRASH_POINTS'] === 'all' ? 1 : 3;

  it('TST-3, DUR-20: a run that is parked at its deadline ends once, in the same way, and its children before it', async () => {
    const work = durable('work', async (ctx) => {
      const first = await ctx.step('s', () => 1);
      const [waited, child] = await Promise.all([
        ctx.receive('never').catch(codeOf),
        ctx.child('c', 'stuck', null, { rights: { levels: 0 } }).catch(codeOf),
      ]);
      return [first, waited, child];
    });
    const bring = async ({ store, clock }: Life): Promise<void> => {
      const engine = engineOn(store, [work, stuck], { clock, limits });
      await engine.start('work', null, { id: 'r', timeoutMs: TIME_MS });
      const worker = engine.worker();
      for (
        let run = await store.run(key('r'));
        run === undefined || !isFinal(run.status);
        run = await store.run(key('r'))
      )
        await turns(1);
      await worker[Symbol.asyncDispose]();
      await engine[Symbol.asyncDispose]();
    };
    const points = await everyDeath({
      create,
      live: bring,
      async check({ store }) {
        const run = await store.run(key('r'));
        expect(run).toMatchObject({ status: 'completed', output: [1, 'RUN_DEADLINE', 'RUN_DEADLINE'] });
        const { items } = await store.listRuns({ tenant: 'default', parent: 'r', limit: 10 });
        expect(items.map(({ status }) => isFinal(status))).toEqual([true]);
      },
      isSilent: () => true,
      every,
      tickMs: 2_000,
    });

    expect(points.size * every).toBeGreaterThan(8);
  }, 60_000);
});

describe('a run whose time is up and whose child somebody else holds', () => {
  it('DUR-20, DUR-11: is parked until the child has ended, whatever it had slept for, and not claimed again and again', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const parent = durable('parent', (ctx) =>
      Promise.all([ctx.sleep('nap', 1.5 * TIME_MS), ctx.child('c', 'child', null)]),
    );
    const child = durable('child', (ctx) => ctx.receive('never'));
    const engine = engineOn(store, [parent, child], { clock, limits });
    await engine.start('parent', null, { id: 'p', timeoutMs: TIME_MS });
    await engine.drain({ until: clock.now() + 1 });
    clock.advance(TIME_MS - 1);
    const [c] = (await store.listRuns({ tenant: 'default', parent: 'p', limit: 1 })).items;
    const definitions = [{ name: 'child', versions: ['1'] }];
    const query = { worker: 'w', leaseMs: 4 * TIME_MS, limit: 1, definitions, suspects: { room: 1, alone: 4 } };
    // It has a signal to look at, so another worker has taken it.
    await store.signal({ run: c?.key ?? key('c'), kind: 'user', key: 'other', body: null });
    expect((await store.claim(query)).claims).toHaveLength(1);

    engine.worker();
    for (let passed = 0; passed < 2 * TIME_MS; passed += 10_000) {
      clock.advance(10_000);
      await turns();
    }

    const held = await store.run(key('p'));
    expect(held).toMatchObject({ status: 'waiting', wakeAt: null });
    expect(held?.epoch).toBeLessThan(6);
    clock.advance(4 * TIME_MS);
    await turns(20);
    expect(await store.run(key('p'))).toMatchObject({ status: 'failed', error: { code: 'RUN_DEADLINE' } });
    await engine[Symbol.asyncDispose]();
  });
});
