import { getEventListeners } from 'node:events';
import type { Commit, DurableContext, Store } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { dyingStore, everyDeath, fakeClock, type Life } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { STORAGES } from './storages.ts';
import { STORES } from './stores.ts';
import { durable, engineOn, entriesOf, gate, key, untilCalled } from './support.ts';

const codeOf = (error: unknown): string => (error as { readonly code?: string }).code ?? String(error);
const stuck = durable('stuck', (ctx) => ctx.receive('never'));
const quick = durable('quick', (ctx, n) => ctx.step('s', () => n));

const startsChild = (commit: unknown): boolean => ((commit as Partial<Commit>).children ?? []).length > 0;

async function statuses(store: Store): Promise<Readonly<Record<string, string>>> {
  const { items } = await store.listRuns({ tenant: 'default', root: 'r', limit: 100 });
  return Object.fromEntries(items.map((run) => [run.parent?.key ?? 'r', run.status]));
}

/** The first of two children wins, and the loser is cancelled; then the run sleeps, so that it is replayed. */
const race = async (ctx: DurableContext): Promise<unknown> => {
  const stop = new AbortController();
  const lost = ctx.child('slow', 'stuck', null, { signal: stop.signal });
  const { output: won } = await ctx.child('fast', 'quick', 7);
  stop.abort('lost the race');
  const error = await lost.catch((cause: Error) => [codeOf(cause), cause.message]);
  await ctx.sleep('nap', 5_000);
  return { won, error };
};

describe.each(Object.entries(STORES))('a call with a signal (%s)', (_, open) => {
  it.each([
    ['parked', 0],
    ['hot', 60_000],
  ])(
    'WFL-7, DUR-9: cancels its child alone when that fires, and settles when the child has ended (%s)',
    async (__, parkAfterMs) => {
      const clock = fakeClock();
      await using opened = open({ clock });
      const { store } = opened;
      const engine = engineOn(store, [durable('race', race), stuck, quick], { clock, limits: { parkAfterMs } });
      const driving = engine.run('race', null, { id: 'r' });
      const time = setInterval(() => clock.advance(1_000), 1);
      let result = await driving;
      while (result.status === 'waiting') result = await engine.drive(key('r'));
      clearInterval(time);

      expect(result).toMatchObject({
        status: 'completed',
        output: { won: 7, error: ['CHILD_CANCELLED', 'The run was cancelled: lost the race'] },
      });
      expect(await statuses(store)).toEqual({ r: 'completed', slow: 'cancelled', fast: 'completed' });
      const ends = (await entriesOf(store, key('r'))).filter((entry) => entry.type === 'wait-end');
      expect(ends.map(({ key: name }) => name)).toEqual(['fast', 'slow', 'nap']);
      await engine[Symbol.asyncDispose]();
    },
  );

  it('WFL-7: a child that has ended first gives its output, whatever fires then', async () => {
    await using opened = open();
    const both = durable('both', async (ctx) => {
      const stop = new AbortController();
      const child = ctx.child('c', 'quick', 1, { signal: stop.signal });
      await ctx.receive('later');
      stop.abort();
      return child;
    });
    const engine = engineOn(opened.store, [both, quick]);
    await engine.run('both', null, { id: 'r' });
    await engine.signal(key('r'), 'later', null);

    expect(await engine.drive(key('r'))).toMatchObject({ status: 'completed', output: { output: 1 } });
    expect(await statuses(opened.store)).toEqual({ r: 'completed', c: 'completed' });
  });

  it('WFL-3: one that has fired before rejects with its reason, and nothing is started', async () => {
    await using opened = open();
    const late = durable('late', (ctx) =>
      ctx
        .child('c', 'quick', 1, { signal: AbortSignal.abort(new Error('too late')) })
        .catch((cause: Error) => cause.message),
    );

    expect(await engineOn(opened.store, [late, quick]).run('late', null, { id: 'r' })).toMatchObject({
      output: 'too late',
    });
    expect(await statuses(opened.store)).toEqual({ r: 'completed' });
  });

  it('WFL-3: one that fires while the input is checked rejects, and nothing is started', async () => {
    await using opened = open();
    const stop = new AbortController();
    const checked = durable('checked', () => 1, {
      parseInput: async (input) => {
        stop.abort('changed my mind');
        return input as null;
      },
    });
    const caller = durable('caller', (ctx) =>
      ctx.child('c', 'checked', null, { signal: stop.signal }).catch((reason: unknown) => reason),
    );

    expect(await engineOn(opened.store, [caller, checked]).run('caller', null, { id: 'r' })).toMatchObject({
      output: 'changed my mind',
    });
    expect(await statuses(opened.store)).toEqual({ r: 'completed' });
  });

  it('WFL-7, DUR-9: a call on record is not refused by what has fired while its run was parked: its child is cancelled', async () => {
    await using opened = open();
    const late = new AbortController();
    const waiting = durable('waiting', async (ctx) => {
      const call = ctx.child('c', 'stuck', null, { signal: late.signal }).catch(codeOf);
      await ctx.receive('go');
      return call;
    });
    await using engine = engineOn(opened.store, [waiting, stuck]);
    await engine.run('waiting', null, { id: 'r' });
    late.abort('too late');
    await engine.signal(key('r'), 'go', null);

    expect(await engine.drive(key('r'))).toMatchObject({ status: 'completed', output: 'CHILD_CANCELLED' });
    expect(await statuses(opened.store)).toEqual({ r: 'completed', c: 'cancelled' });
  });

  it('DUR-10: a parked run leaves nothing at a signal that outlives its drives', async () => {
    await using opened = open();
    const { signal } = new AbortController();
    const waiting = durable('waiting', async (ctx) => {
      void ctx.child('c', 'stuck', null, { signal });
      for (let n = 0; n < 5; n += 1) await ctx.receive(`go ${n}`);
      return 1;
    });
    await using engine = engineOn(opened.store, [waiting, stuck]);
    await engine.run('waiting', null, { id: 'r' });
    for (let n = 0; n < 4; n += 1) {
      await engine.signal(key('r'), `go ${n}`, null);
      await engine.drive(key('r'));
    }

    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('DUR-9: a child that was never started because its process died is not started when its signal fires again', async () => {
    await using opened = open();
    const { store } = opened;
    // What a process leaves that died before the child's start was written: the step is on record, the child is not.
    const caller = durable('caller', async (ctx) => {
      const stop = new AbortController();
      const child = ctx.child('c', 'stuck', null, { signal: stop.signal }).catch(String);
      await ctx.step('s', () => 1);
      stop.abort('not needed');
      return child;
    });
    const engine = engineOn(store, [caller, stuck]);
    await engine.start('caller', null, { id: 'r' });
    const { claims } = await store.claim({
      worker: 'dead',
      leaseMs: 1_000,
      limit: 1,
      suspects: { room: 0, alone: 1 },
      definitions: [{ name: 'caller', versions: ['1'] }],
    });
    expect(claims).toHaveLength(1);
    const outcome = { ok: true, value: 1 } as const;
    await store.commit({
      run: key('r'),
      epoch: 1,
      entries: [{ type: 'step-end', key: 's', kind: 'step', fingerprint: '', attempt: 1, durationMs: 1, outcome }],
      progress: true,
      transition: { type: 'release' },
    });

    expect(await engine.drive(key('r'))).toMatchObject({ status: 'completed', output: 'not needed' });
    expect(await statuses(store)).toEqual({ r: 'completed' });
  });

  it('DUR-9: a child that is given up before its start is on record is told so by an entry, after all that a process was told which died before', async () => {
    const clock = fakeClock();
    await using opened = open({ clock });
    const { store } = opened;
    const told: string[][] = [];
    const caller = durable('caller', async (ctx) => {
      const hears: string[] = [];
      told.push(hears);
      const notes = async (name: string, call: Promise<unknown>): Promise<void> => {
        const what = await call.then(() => 'ok', String);
        hears.push(`${name} ${what}`);
      };
      const stop = new AbortController();
      const { signal } = stop;
      const first = ctx.step('first', () => 1).then(() => notes('held', ctx.child('held', 'stuck', null, { signal })));
      // Handed over when the start is asked for and not written.
      await ctx.step('second', () => 2);
      stop.abort('not needed');
      // As many microtasks as any rejection may take.
      for (let n = 0; n < 50; n += 1) await undefined;
      await notes('late', ctx.child('late', 'stuck', null, { signal }));
      await first;
      await ctx.receive('on');
      return hears;
    });
    const dying = dyingStore(store, (_method, [commit]) => startsChild(commit), 'before');
    const dead = engineOn(dying.store, [caller, stuck], { clock });
    void dead.run('caller', null, { id: 'r' });
    await dying.died;
    expect(told).toEqual([['late not needed']]);
    clock.advance(60_000);
    await using engine = engineOn(store, [caller, stuck], { clock });

    expect(await engine.run('caller', null, { id: 'r' })).toMatchObject({ status: 'waiting' });
    await engine.signal(key('r'), 'on', null);
    expect(await engine.drive(key('r'))).toMatchObject({ output: ['late not needed', 'held not needed'] });
    expect(told.slice(1)).toEqual([told.at(-1), told.at(-1)]);
    expect(await statuses(store)).toEqual({ r: 'completed' });
    void dead[Symbol.asyncDispose]();
  });
});

describe('a parent that ends', () => {
  it('WFL-7: that throws while one of its steps is under way cancels its children at once, not after the step', async () => {
    const store = memoryStore();
    const step = gate();
    const begun = untilCalled();
    const parent = durable('parent', async (ctx) => {
      void ctx.child('c', 'stuck', null);
      void ctx.step('long', () => (begun.call(), step.opened));
      await ctx.step('s', () => null);
      throw new Error('broken');
    });
    const engine = engineOn(store, [parent, stuck]);
    const driving = engine.run('parent', null, { id: 'r' });
    await begun.called;
    const [child] = await untilEnded(store, 'c');

    expect(child && (await store.run(child.key))).toMatchObject({
      status: 'cancelled',
      error: { message: 'The run was cancelled: its parent failed' },
    });
    expect(await store.run(key('r'))).toMatchObject({ status: 'running' });
    step.open();
    expect(await driving).toMatchObject({ status: 'failed', error: { message: 'Error: broken' } });
  });

  it('WFL-7, DUR-6: that throws fits its journal, whatever comes for it while its children are told', async () => {
    const clock = fakeClock();
    await using store = memoryStore({ clock });
    const hasty = durable('hasty', async (ctx) => {
      void ctx.child('c', 'stuck', null);
      void ctx.sleep('nap', 1_000);
      await ctx.step('s', () => 1);
      clock.advance(1_000);
      throw new Error('in haste');
    });
    await using engine = engineOn(store, [hasty, stuck], { clock });

    expect(await engine.run('hasty', null, { id: 'r' })).toMatchObject({
      status: 'failed',
      error: { message: 'Error: in haste' },
    });
    expect(await statuses(store)).toEqual({ r: 'failed', c: 'cancelled' });
    const ended = (await entriesOf(store, key('r'))).flatMap((entry) => (entry.type === 'wait-end' ? [entry.key] : []));
    expect(ended).toContain('nap');
  });

  it('I5: a build that no longer fits the journal is found out before it cancels anybody', async () => {
    const store = memoryStore();
    const before = durable('parent', async (ctx) => {
      await ctx.step('first', () => 1);
      await ctx.child('c', 'stuck', null);
    });
    expect(await engineOn(store, [before, stuck]).run('parent', null, { id: 'r' })).toMatchObject({
      status: 'waiting',
    });
    const after = durable('parent', (ctx) => {
      void ctx.child('c', 'stuck', null);
      throw new Error('no longer asks for the first step');
    });
    const engine = engineOn(store, [after, stuck]);
    await engine.signal(key('r'), 'wake', null);

    expect(await engine.drive(key('r'))).toMatchObject({ status: 'blocked', code: 'RUN_DIVERGED' });
    expect(await statuses(store)).toEqual({ r: 'blocked', c: 'waiting' });
  });
});

describe('a parent that waits for its children in memory', () => {
  it('DUR-12: is woken by what becomes of its own, not by what others do', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const LONG_MS = 55_555;
    let looks = 0;
    const counting: typeof clock = {
      ...clock,
      after(ms, wake) {
        // How long a parent in memory waits for news.
        if (ms === LONG_MS) looks += 1;
        return clock.after(ms, wake);
      },
    };
    const step = gate();
    const begun = untilCalled();
    const busy = durable('busy', (ctx) => ctx.step('s', () => (begun.call(), step.opened)));
    const parent = durable('parent', (ctx) => Promise.race([ctx.child('c', 'busy', null), ctx.sleep('long', LONG_MS)]));
    const limits = { leaseMs: 77_777, parkAfterMs: 60_000 };
    const engine = engineOn(store, [parent, busy, quick], { clock: counting, limits });
    const driving = engine.run('parent', null, { id: 'r' });
    await begun.called;
    let before: number;
    do {
      before = looks;
      // It looks more than once until all is on record that it waits for.
      for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    } while (looks === 0 || looks !== before);
    for (let n = 0; n < 50; n += 1) await engine.run('quick', n);

    expect(looks).toBe(before);
    step.open();
    expect(await driving).toMatchObject({ status: 'completed' });
    await engine[Symbol.asyncDispose]();
  });
});

describe.each(Object.entries(STORES))('a child that is left (%s)', (_, open) => {
  it('WFL-7: is started, and neither waited for nor cancelled by the end of its parent', async () => {
    await using opened = open();
    const { store } = opened;
    const parent = durable('parent', (ctx) => {
      void ctx.child('left', 'stuck', null, { onParentEnd: 'leave' });
      void ctx.child('own', 'quick', 1);
      return 'done';
    });
    const definitions = [parent, durable('stuck', (ctx) => ctx.receive('go')), quick];
    const engine = engineOn(store, definitions);

    expect(await engine.run('parent', null, { id: 'r' })).toMatchObject({ status: 'completed', output: 'done' });
    expect(await statuses(store)).toMatchObject({ r: 'completed', own: 'completed' });
    await using worker = engine.worker();
    void worker;
    const { items } = await store.listRuns({ tenant: 'default', parent: 'r', definition: ['stuck'], limit: 1 });
    await engine.signal(items[0]?.key ?? key(''), 'go', 1);
    const [left] = await untilEnded(store, 'left');
    expect(left).toMatchObject({ status: 'completed' });
  });

  it.each(['cancelled', 'failed'] as const)('WFL-7: goes on when its parent is %s', async (how) => {
    await using opened = open();
    const { store } = opened;
    const parent = durable('parent', async (ctx) => {
      void ctx.child('left', 'stuck', null, { onParentEnd: 'leave' });
      void ctx.child('own', 'stuck', null);
      await ctx.receive('now');
      throw new Error('broken');
    });
    const engine = engineOn(store, [parent, stuck]);
    await engine.run('parent', null, { id: 'r' });
    if (how === 'cancelled') await engine.cancel(key('r'));
    else await engine.signal(key('r'), 'now', null);

    expect(await engine.drive(key('r'))).toMatchObject({ status: how });
    expect(await statuses(store)).toEqual({ r: how, left: 'waiting', own: 'cancelled' });
    expect(await store.remove({ tenant: 'default', run: 'r' })).toMatchObject({ outcome: 'refused', code: 'RUN_LIVE' });
  });

  it('WFL-7: gives its output to a parent that waits for it', async () => {
    await using opened = open();
    const parent = durable('parent', (ctx) => ctx.child('left', 'quick', 5, { onParentEnd: 'leave' }));

    expect(await engineOn(opened.store, [parent, quick]).run('parent', null)).toMatchObject({
      output: { output: 5 },
    });
  });

  it('WFL-7: a way that does not exist is refused before anything is started', async () => {
    await using opened = open();
    const parent = durable('parent', (ctx) => ctx.child('c', 'quick', 5, { onParentEnd: 'detach' as 'leave' }));

    expect(await engineOn(opened.store, [parent, quick]).run('parent', null, { id: 'r' })).toMatchObject({
      status: 'failed',
      error: { message: expect.stringContaining('onParentEnd') },
    });
    expect(await statuses(opened.store)).toEqual({ r: 'failed' });
  });
});

describe.each(Object.entries(STORAGES))('a process that dies at any write to its store (%s)', (name, create) => {
  const every = name === 'memory' || process.env['CRASH_POINTS'] === 'all' ? 1 : 3;

  async function bring({ store, clock }: Life, main: ReturnType<typeof durable>): Promise<void> {
    const engine = engineOn(store, [main, stuck, quick, durable('nap', (ctx) => ctx.sleep('nap', 20_000))], {
      clock,
      limits: { leaseMs: 30_000, heartbeatMs: 10_000 },
    });
    await engine.start('main', null, { id: 'r' });
    await engine.drain({ until: clock.now() + 3_600_000 });
    for (let left = true; left;) {
      const status = ['queued', 'running', 'waiting'] as const;
      const { items } = await store.listRuns({ tenant: 'default', status, limit: 10 });
      left = items.length > 0;
      if (left) await new Promise((resolve) => setImmediate(resolve));
      await engine.drain({ until: clock.now() + 3_600_000 });
    }
    await engine[Symbol.asyncDispose]();
  }

  it('TST-3, WFL-7: a cancelled child ends once as cancelled, and its caller goes on in the same way', async () => {
    const points = await everyDeath({
      create,
      live: (life) => bring(life, durable('main', race)),
      async check({ store }) {
        expect(await store.run(key('r'))).toMatchObject({
          status: 'completed',
          output: { won: 7, error: ['CHILD_CANCELLED', 'The run was cancelled: lost the race'] },
        });
        expect(await statuses(store)).toEqual({ r: 'completed', slow: 'cancelled', fast: 'completed' });
      },
      isSilent: () => true,
      every,
    });

    expect(points.size * every).toBeGreaterThan(15);
  }, 60_000);

  it('TST-3, WFL-7: a left child is started once and completes, whether its parent is there or not', async () => {
    const points = await everyDeath({
      create,
      live: (life) =>
        bring(
          life,
          durable('main', async (ctx) => {
            void ctx.child('left', 'nap', null, { onParentEnd: 'leave' });
            await ctx.step('s', () => 1);
            return 'done';
          }),
        ),
      async check({ store }) {
        expect(await statuses(store)).toEqual({ r: 'completed', left: 'completed' });
      },
      isSilent: () => true,
      every,
    });

    expect(points.size * every).toBeGreaterThan(8);
  }, 60_000);
});

async function untilEnded(store: Store, call: string) {
  for (;;) {
    const { items } = await store.listRuns({ tenant: 'default', parent: 'r', limit: 10 });
    const ended = items.filter((run) => run.parent?.key === call && run.endedAt !== undefined);
    if (ended.length > 0) return ended;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
