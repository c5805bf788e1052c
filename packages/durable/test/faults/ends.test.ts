import { isFinal } from '@prusik/core';
import { fakeClock, inspectStore, seededRandom } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { STORAGES, withStores } from '../storages.ts';
import { durable, engineOn, entriesOf, gate, key, untilCalled } from '../support.ts';

const turns = async (count: number): Promise<void> => {
  for (let n = 0; n < count; n += 1) await new Promise((resolve) => setImmediate(resolve));
};

describe.each(Object.entries(STORAGES))('what meets at one instant (%s)', (_, create) => {
  it('fault 14, DUR-1: the same run is started twice while two workers sweep: one execution, and other input is a conflict', async () => {
    const clock = fakeClock();
    await withStores(create, clock, async (first, second) => {
      let acted = 0;
      const work = durable('work', (ctx) => ctx.step('s', () => (acted += 1)));
      const engines = [engineOn(first, [work], { clock }), engineOn(second, [work], { clock })];
      const workers = engines.map((engine) => engine.worker());
      const started = await Promise.all(engines.map((engine) => engine.start('work', { a: 1 }, { id: 'r' })));
      const ends = await Promise.all(engines.map((engine) => engine.drive(key('r'))));

      expect(started.map((run) => run.key)).toEqual([key('r'), key('r')]);
      expect(ends).toEqual([ends[0], ends[0]]);
      expect(acted).toBe(1);
      for (const engine of engines)
        await expect(engine.start('work', { a: 2 }, { id: 'r' })).rejects.toMatchObject({ code: 'RUN_INPUT_MISMATCH' });
      for (const worker of workers) await worker[Symbol.asyncDispose]();
    });
  });

  it('fault 14, DUR-2, DUR-12: two workers of the same id, and fifty runs that a lost one left: each is taken over once', async () => {
    const clock = fakeClock();
    await withStores(create, clock, async (first, second) => {
      const acted: string[] = [];
      const work = durable('work', (ctx, name) => ctx.step('s', () => void acted.push(String(name))));
      const lost = engineOn(first, [work], { clock });
      for (let n = 0; n < 50; n += 1) await lost.start('work', `r${n}`, { id: `r${n}` });
      const definitions = [{ name: 'work', versions: ['1'] }];
      const room = { room: 1, alone: 4 };
      await first.claim({ worker: 'lost', leaseMs: 30_000, limit: 50, suspects: room, definitions });
      clock.advance(30_000);
      const engines = [first, second].map((store) =>
        engineOn(store, [work], { clock, newId: () => 'the same worker', limits: { slots: 4 } }),
      );
      const workers = engines.map((engine) => engine.worker());
      for (let n = 0; n < 50; n += 1) for await (const event of lost.events(key(`r${n}`))) void event;
      for (const worker of workers) await worker[Symbol.asyncDispose]();

      expect(acted.toSorted()).toEqual(Array.from({ length: 50 }, (__, n) => `r${n}`).toSorted());
      expect((await inspectStore(first)).violations).toEqual([]);
    });
  });

  it('fault 15, DUR-8: a signal that comes early, again, and while nobody drives is received once, as it came first', async () => {
    await withStores(create, fakeClock(), async (first, second) => {
      const work = durable('work', async (ctx) => {
        const early = await ctx.receive('early');
        const late = await ctx.receive('late');
        return [early, late].map((got) => (got.timedOut ? null : got.value));
      });
      const engine = engineOn(first, [work]);
      await engine.start('work', null, { id: 'r' });
      await engine.signal(key('r'), 'early', 1);
      await engine.signal(key('r'), 'early', 2);
      expect(await engine.drive(key('r'))).toMatchObject({ status: 'waiting' });
      await engine[Symbol.asyncDispose]();

      const sent = await Promise.all(
        [3, 4, 5].map((value) => second.signal({ run: key('r'), kind: 'user', key: 'late', body: value })),
      );
      expect(sent.map(({ outcome }) => outcome)).toEqual(['delivered', 'duplicate', 'duplicate']);

      const next = engineOn(second, [work]);
      expect(await next.drive(key('r'))).toMatchObject({ status: 'completed', output: [1, 3] });
      expect((await entriesOf(second, key('r'))).filter(({ type }) => type === 'wait-end')).toHaveLength(2);
      expect(await next.signal(key('r'), 'late', 6)).toEqual({ outcome: 'closed' });
    });
  });

  it('fault 16, DUR-14, I2: a cancel at any instant of a run: one end, children first, and it is one of the two', async () => {
    await withStores(create, fakeClock(), async (store) => {
      const definitions = [
        durable('work', async (ctx) => {
          await ctx.step('a', () => 1);
          await Promise.all([ctx.child('c', 'child', null), ctx.child('d', 'child', null)]);
          return ctx.step('b', () => 2);
        }),
        durable('child', async (ctx) => {
          await ctx.step('a', () => turns(5));
          await ctx.step('b', () => 1);
        }),
      ];
      const engine = engineOn(store, definitions, { limits: { cancelGraceMs: 1_000 } });
      const seen = new Set<string>();
      const children = new Set<string>();
      for (let wait = 0; wait < 60; wait += 2) {
        const run = key(`r${wait}`);
        const driving = engine.run('work', null, { id: run.run });
        await turns(wait);
        await engine.cancel(run);
        const { status } = await driving;
        seen.add(status);
        for (const one of (await store.listRuns({ tenant: 'default', root: run.run, limit: 10 })).items)
          expect(isFinal(one.status), `${one.key.run} after ${wait} turns`).toBe(true);
        for (const child of (await store.listRuns({ tenant: 'default', parent: run.run, limit: 10 })).items)
          children.add(child.status);
      }

      expect([...seen].toSorted()).toEqual(['cancelled', 'completed']);
      expect([...children].toSorted()).toEqual(['cancelled', 'completed']);
      expect((await inspectStore(store)).violations).toEqual([]);
    });
  }, 30_000);

  it('fault 16, DUR-14: a cancel that comes after the end changes nothing', async () => {
    await withStores(create, fakeClock(), async (store) => {
      const engine = engineOn(store, [durable('work', () => 'done')]);
      await engine.run('work', null, { id: 'r' });

      expect(await engine.cancel(key('r'))).toEqual({ outcome: 'closed' });
      expect(await store.run(key('r'))).toMatchObject({ status: 'completed', cancelRequested: false });
    });
  });

  it('fault 17, I5: other code over a run that has ended changes neither its output nor its error nor its time', async () => {
    const clock = fakeClock();
    await withStores(create, clock, async (store) => {
      const old = [
        durable('works', (ctx) => ctx.step('a', () => 'old')),
        durable('fails', (ctx) => ctx.step('a', () => Promise.reject(new Error('old')))),
      ];
      for (const { name } of old) await engineOn(store, old, { clock }).run(name, null, { id: name });
      const before = await Promise.all(['works', 'fails'].map((id) => store.run(key(id))));
      clock.advance(60_000);
      const next = engineOn(store, [durable('works', () => 'new'), durable('fails', () => 'new')], { clock });

      expect(await next.run('works', null, { id: 'works' })).toMatchObject({ status: 'completed', output: 'old' });
      expect(await next.run('fails', null, { id: 'fails' })).toMatchObject({ error: { message: 'Error: old' } });
      expect(await Promise.all(['works', 'fails'].map((id) => store.run(key(id))))).toEqual(before);
    });
  });

  it('fault 17, DUR-6: a build that asks for something new before what is on record is found out before it acts', async () => {
    await withStores(create, fakeClock(), async (store) => {
      const old = durable('work', async (ctx) => {
        await ctx.step('a', () => 1);
        await ctx.receive('go');
      });
      await engineOn(store, [old]).run('work', null, { id: 'r' });
      let acted = 0;
      const changed = durable('work', async (ctx) => {
        await ctx.step('new', () => (acted += 1));
        await ctx.step('a', () => 1);
      });
      const engine = engineOn(store, [changed]);
      await engine.signal(key('r'), 'go', null);

      expect(await engine.drive(key('r'))).toMatchObject({ status: 'blocked', code: 'RUN_DIVERGED' });
      expect(acted).toBe(0);
    });
  });

  it('DUR-9, DUR-10: of a hundred runs that are signalled at a random instant around their park none sleeps for ever', async () => {
    await withStores(create, fakeClock(), async (store) => {
      const seed = 1;
      const random = seededRandom(seed);
      const work = durable('work', async (ctx) => {
        await ctx.step('s', () => 1);
        await ctx.receive('go');
        return 'went';
      });
      const engine = engineOn(store, [work]);
      const worker = engine.worker();
      const ids = Array.from({ length: 100 }, (__, n) => `r${n}`);
      await Promise.all(
        ids.map(async (id) => {
          await engine.start('work', null, { id });
          await turns(random.int(0, 30));
          await engine.signal(key(id), 'go', null);
        }),
      );
      for (const id of ids) for await (const event of engine.events(key(id))) void event;
      await worker[Symbol.asyncDispose]();

      const statuses = await Promise.all(ids.map(async (id) => (await store.run(key(id)))?.status));
      expect(statuses, `seed ${seed}`).toEqual(ids.map(() => 'completed'));
    });
  }, 30_000);

  it('DUR-7: a deadline stands from the first call, whatever is resumed in between', async () => {
    const clock = fakeClock();
    await withStores(create, clock, async (store) => {
      const work = durable('work', async (ctx) => {
        const got = await Promise.race([ctx.receive('go', { timeoutMs: 60_000 }), ctx.receive('nudge')]);
        if (got.timedOut) return ctx.now();
        await ctx.receive('more');
        return null;
      });
      const began = clock.now();
      await engineOn(store, [work], { clock }).run('work', null, { id: 'r' });
      for (let n = 1; n <= 5; n += 1) {
        clock.advance(10_000);
        const engine = engineOn(store, [work], { clock });
        await engine.signal(key('r'), `other ${n}`, null);
        expect(await engine.drive(key('r'))).toMatchObject({ status: 'waiting', wakeAt: began + 60_000 });
        await engine[Symbol.asyncDispose]();
      }
      clock.advance(10_000);

      expect(await engineOn(store, [work], { clock }).drive(key('r'))).toMatchObject({ output: began + 60_000 });
    });
  });
});

describe.each(Object.entries(STORAGES))('what a run is read and called by (%s)', (_, create) => {
  it('I6, DUR-11: a reader that is dropped, never pulled or slow holds no place', async () => {
    await withStores(create, fakeClock(), async (store) => {
      const begun = untilCalled();
      const go = gate();
      const work = durable('work', (ctx) =>
        ctx.step('s', async ({ delta }) => {
          begun.call();
          await go.opened;
          for (let n = 0; n < 5_000; n += 1) delta('x');
        }),
      );
      const engine = engineOn(store, [work], { limits: { slots: 1 } });
      await engine.start('work', null, { id: 'r' });
      engine.events(key('r'));
      const dropped = engine.events(key('r'))[Symbol.asyncIterator]();
      await dropped.next();
      const driving = engine.drive(key('r'));
      await begun.called;
      go.open();

      expect(await driving).toMatchObject({ status: 'completed' });
      expect(await engine.run('work', null, { id: 'next' })).toMatchObject({ status: 'completed' });
      const seen: string[] = [];
      for await (const event of { [Symbol.asyncIterator]: () => dropped }) {
        if (!event.live) seen.push(event.entry.type);
        await turns(1);
      }
      expect(seen.at(-1)).toBe('run-end');
    });
  });

  it('DUR-17: every method of a context may be taken off it', async () => {
    const clock = fakeClock();
    await withStores(create, clock, async (store) => {
      const work = durable('work', async (ctx) => {
        const { step, sleep, sleepUntil, receive, request, child, now, uuid, random, emit, thread } = ctx;
        const { read } = thread;
        await step('s', ({ key: name, append, delta, usage }) => {
          append();
          delta(name);
          usage({});
        });
        await sleep('nap', 0);
        await sleepUntil('until', 0);
        emit('note', null);
        await child('c', 'child', null);
        await receive('never', { timeoutMs: 0 });
        await request('ask', { kind: 'question', body: null, expiresInMs: 0 });
        return [now(), uuid('u'), random('r'), await read()].map((value) => typeof value);
      });
      const engine = engineOn(store, [work, durable('child', () => null)], { clock });

      await engine.start('work', null, { id: 'r' });
      const worker = engine.worker();
      for await (const event of engine.events(key('r'))) void event;
      await worker[Symbol.asyncDispose]();

      expect(await store.run(key('r'))).toMatchObject({
        status: 'completed',
        output: ['number', 'string', 'number', 'object'],
      });
    });
  });
});
