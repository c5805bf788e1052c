import { PrusikError, type Store } from '@prusik/core';
import { fakeClock, inspectStore } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { STORAGES, withStores } from '../storages.ts';
import { durable, engineOn, entriesOf, key } from '../support.ts';

const work = (acted: string[]) =>
  durable('work', async (ctx) => {
    await Promise.all([
      ctx.step('a', () => void acted.push('a')),
      ctx.step('b', () => void acted.push('b'), { effect: 'once' }),
    ]);
    await ctx.sleep('nap', 1_000);
    await ctx.step('c', () => void acted.push('c'), { effect: 'once' });
    return 'done';
  });

/** Lets time pass until `settled` does. */
async function whileTimePasses<T>(clock: ReturnType<typeof fakeClock>, settled: Promise<T>): Promise<T> {
  const time = setInterval(() => clock.advance(100), 1);
  return settled.finally(() => clearInterval(time));
}

describe.each(Object.entries(STORAGES))('a store that fails (%s)', (_, create) => {
  it.each([true, false])(
    'fault 9, I1: in the k-th commit, for every k, when it is kept (%s): the journal tells, and there is one row',
    async (kept) => {
      for (let k = 1, reached = true; reached; k += 1) {
        const clock = fakeClock();
        await withStores(create, clock, async (inner) => {
          const acted: string[] = [];
          let commits = 0;
          const store: Store = {
            ...inner,
            async commit(commit) {
              commits += 1;
              if (commits !== k) return inner.commit(commit);
              if (kept) await inner.commit(commit);
              throw new PrusikError('STORE_AMBIGUOUS', 'The connection was cut', { retryable: true });
            },
          };
          const engine = engineOn(store, [work(acted)], { clock });
          await engine.start('work', null, { id: 'r' });
          const worker = engine.worker();
          const end = (async () => {
            for await (const event of engine.events(key('r'))) void event;
            // The drive asks again after a pause, for the answer to its last commit too.
            await worker[Symbol.asyncDispose]();
          })();
          await whileTimePasses(clock, end);

          reached = commits >= k;
          expect(await inner.run(key('r')), `commit ${k}`).toMatchObject({ status: 'completed', output: 'done' });
          expect(acted.toSorted()).toEqual(['a', 'b', 'c']);
          expect((await inspectStore(inner)).violations).toEqual([]);
        });
      }
    },
    30_000,
  );

  it('fault 10, DUR-12: that is away for 30 s: runs pause, none fails, and all go on when it is back', async () => {
    const clock = fakeClock();
    await withStores(create, clock, async (inner) => {
      const acted: string[] = [];
      let away = false;
      const refuse = (): Promise<never> =>
        Promise.reject(new PrusikError('STORE_UNAVAILABLE', 'The store is away', { retryable: true }));
      const store = new Proxy(inner, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name);
          const isWatch = typeof name === 'string' && name.startsWith('watch');
          return away && typeof value === 'function' && !isWatch ? refuse : value;
        },
      });
      const long = durable('work', async (ctx, name) => {
        for (let n = 0; n < 5; n += 1) await ctx.step(`s${n}`, () => void acted.push(`${String(name)} ${n}`));
        await ctx.sleep('nap', 2_000);
        return name;
      });
      const engine = engineOn(store, [long], { clock });
      const runs = ['x', 'y', 'z'];
      for (const id of runs) await engine.start('work', id, { id });
      const worker = engine.worker();
      const seen = new Set<string>();
      for (let passed = 0; passed < 120_000; passed += 250) {
        if (passed === 500) away = true;
        if (passed === 30_500) away = false;
        clock.advance(250);
        await new Promise((resolve) => setImmediate(resolve));
        if (!away) for (const id of runs) seen.add((await inner.run(key(id)))?.status ?? '');
      }
      await worker[Symbol.asyncDispose]();

      for (const id of runs) expect(await inner.run(key(id))).toMatchObject({ status: 'completed', output: id });
      expect([...seen].filter((status) => status === 'failed' || status === 'blocked')).toEqual([]);
      expect((await inspectStore(inner)).violations).toEqual([]);
    });
  }, 30_000);

  it('fault 8, DUR-7: a worker whose clock jumps an hour fires no timer early and takes over nothing', async () => {
    const clock = fakeClock();
    await withStores(create, clock, async (store) => {
      const begun = Promise.withResolvers<void>();
      const definitions = [
        durable('naps', (ctx) => ctx.sleep('nap', 600_000)),
        durable('held', (ctx) => ctx.step('s', () => (begun.resolve(), new Promise(() => {})))),
      ];
      const holder = engineOn(store, definitions, { clock });
      await holder.start('held', null, { id: 'held' });
      void holder.drive(key('held')).catch(() => {});
      await begun.promise;
      for (const ms of [3_600_000, -3_600_000]) {
        const jumping = fakeClock();
        const other = engineOn(store, definitions, { clock: jumping });
        await other.start('naps', null, { id: `naps ${ms}` });
        expect(await other.drive(key(`naps ${ms}`))).toMatchObject({ status: 'waiting' });
        jumping.jump(ms);

        expect(await other.drive(key(`naps ${ms}`))).toMatchObject({ status: 'waiting' });
        expect(await store.run(key('held'))).toMatchObject({ status: 'running', epoch: 1 });
        await other[Symbol.asyncDispose]();
      }
      clock.advance(600_000);
      expect(await engineOn(store, definitions, { clock }).drive(key('naps 3600000'))).toMatchObject({
        status: 'completed',
      });
      await holder[Symbol.asyncDispose]();
    });
  });

  it('fault 9: what the store calls a mistake is no outage: the run is blocked, and nothing is tried for ever', async () => {
    const clock = fakeClock();
    await withStores(create, clock, async (inner) => {
      let asked = 0;
      const store: Store = {
        ...inner,
        commit(commit) {
          if (!commit.entries.some(({ type }) => type === 'step-end')) return inner.commit(commit);
          asked += 1;
          return Promise.reject(new TypeError('this is no commit'));
        },
      };
      const engine = engineOn(store, [durable('work', (ctx) => ctx.step('s', () => 1))], { clock });

      expect(await engine.run('work', null, { id: 'r' })).toMatchObject({ status: 'blocked', code: 'COMMIT_INVALID' });
      expect(asked).toBe(1);
      expect((await entriesOf(inner, key('r'))).map(({ type }) => type)).toContain('run-block');
    });
  });
});
