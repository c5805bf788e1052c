import { setTimeout as delay } from 'node:timers/promises';
import { PrusikError, type DurableContext, type DurableDefinition } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { defineWorkflow } from '@prusik/workflows-delegation';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { childrenOf, engineFor, journalOf } from './engines.ts';

const twenty = Array.from({ length: 20 }, (_, index) => index);

/** A child whose one step says when it begins and ends. */
function workerThat(work: (n: number) => Promise<void> | void): DurableDefinition<number, number> {
  return {
    name: 'worker',
    kind: 'agent',
    version: '1',
    run: (ctx: DurableContext, n) =>
      ctx.step('work', async () => {
        await work(n);
        return n * n;
      }),
  };
}

const spread = (worker: DurableDefinition<number, number>, parallel: number) =>
  defineWorkflow({
    name: 'spread',
    input: z.array(z.number()),
    agents: { worker },
    delegation: { parallel },
    run: (ctx, items) =>
      ctx.fanOut(items, (item, { key }) => ctx.agents.worker.run(`worker ${key}`, item), { concurrency: items.length }),
  });

describe('fanOut', () => {
  it('WFL-5: runs 20 children, 4 at a time, with the results in the order of the items', async () => {
    let now = 0;
    let most = 0;
    const worker = workerThat(async (n) => {
      now += 1;
      most = Math.max(most, now);
      // The later ones end first, so that an order of arrival would show.
      await delay(n % 4 === 0 ? 8 : 1);
      now -= 1;
    });
    const engine = engineFor([spread(worker, 4)]);

    const result = await engine.run('spread', twenty, { id: 'parent' });

    expect(result).toMatchObject({ status: 'completed', output: twenty.map((n) => n * n) });
    expect(most).toBe(4);
    expect(await childrenOf(engine.store, 'parent')).toHaveLength(20);
  });

  it('WFL-5: queued calls start in the order in which they were made', async () => {
    const started: number[] = [];
    const engine = engineFor([
      spread(
        workerThat((n) => void started.push(n)),
        1,
      ),
    ]);

    await engine.run('spread', twenty);

    expect(started).toEqual(twenty);
  });

  it('WFL-5: works on as many items at once as asked, whatever they do', async () => {
    const workflow = defineWorkflow({
      name: 'steps',
      input: z.array(z.number()),
      run: async (ctx, items) => {
        let now = 0;
        let most = 0;
        await ctx.fanOut(
          items,
          async (item, { key }) => {
            now += 1;
            most = Math.max(most, now);
            await ctx.step(key, () => item);
            now -= 1;
          },
          { concurrency: 3, key: (item) => `item ${item}` },
        );
        return most;
      },
    });
    const engine = engineFor([workflow]);

    expect(await engine.run('steps', twenty, { id: 'parent' })).toMatchObject({ output: 3 });
    const keys = (await journalOf(engine.store, 'parent')).flatMap((entry) => ('key' in entry ? [entry.key] : []));
    expect(keys.toSorted()).toEqual(twenty.map((n) => `item ${n}`).toSorted());
  });

  it('WFL-5: starts no item after a failure, and rejects with the first', async () => {
    const started: number[] = [];
    const workflow = defineWorkflow({
      name: 'failing',
      input: z.array(z.number()),
      run: (ctx, items) =>
        ctx.fanOut(
          items,
          (item, { key }) =>
            ctx.step(key, () => {
              started.push(item);
              if (item === 2) throw new PrusikError('NO_TWO', 'two');
              return item;
            }),
          { concurrency: 1 },
        ),
    });

    const result = await engineFor([workflow]).run('failing', twenty);

    expect(result).toMatchObject({ status: 'failed', error: { code: 'NO_TWO' } });
    expect(started).toEqual([0, 1, 2]);
  });

  it('WFL-5: what was under way at a failure ends, and nothing follows it', async () => {
    const ended: number[] = [];
    const workflow = defineWorkflow({
      name: 'caught',
      input: z.array(z.number()),
      run: async (ctx, items) => {
        const work = ctx.fanOut(
          items,
          (item, { key }) =>
            ctx.step(key, async () => {
              if (item === 0) throw new PrusikError('NO_ZERO', 'zero');
              await delay(2);
              ended.push(item);
            }),
          { concurrency: 2 },
        );
        const code = await work.catch((error: PrusikError) => error.code);
        await ctx.step('afterwards', () => delay(10));
        return code;
      },
    });

    expect(await engineFor([workflow]).run('caught', twenty)).toMatchObject({ output: 'NO_ZERO' });
    expect(ended).toEqual([1]);
  });

  it('DEF-3: refuses two items of one key, and a concurrency that is none', async () => {
    const workflow = defineWorkflow({
      name: 'twice',
      input: z.number(),
      run: (ctx, concurrency) => ctx.fanOut(['a', 'a'], (item) => item, { concurrency, key: (item) => item }),
    });
    const engine = engineFor([workflow]);

    expect(await engine.run('twice', 1)).toMatchObject({ error: { message: expect.stringContaining('"a"') } });
    expect(await engine.run('twice', 0)).toMatchObject({ error: { message: expect.stringContaining('concurrency') } });
  });

  it('WFL-5: with settle it works on every item and tells of each how it ended', async () => {
    const workflow = defineWorkflow({
      name: 'settling',
      input: z.array(z.number()),
      run: async (ctx, items) => {
        const ended = await ctx.fanOut(
          items,
          (item, { key }) =>
            ctx.step(key, () => {
              if (item % 2 === 1) throw new PrusikError('ODD', `${item}`);
              return item;
            }),
          { concurrency: 2, settle: true },
        );
        return ended.map((one) => (one.status === 'fulfilled' ? one.value : (one.reason as PrusikError).code));
      },
    });

    expect(await engineFor([workflow]).run('settling', [0, 1, 2, 3])).toMatchObject({ output: [0, 'ODD', 2, 'ODD'] });
  });

  it.each([
    [true, 'cancelled'],
    [false, 'completed'],
  ])('WFL-5: a failure stops its siblings where that is asked for: %s', async (stopOthers, status) => {
    const gone: DurableDefinition<null, null> = {
      name: 'gone',
      kind: 'function',
      version: '1',
      run: () => {
        throw new PrusikError('GONE', 'no such thing');
      },
    };
    const patient: DurableDefinition<null, null> = {
      name: 'patient',
      kind: 'function',
      version: '1',
      run: async (ctx: DurableContext) => {
        await ctx.receive('go', { timeoutMs: 20 });
        return null;
      },
    };
    const workflow = defineWorkflow({
      name: 'stopping',
      input: z.null(),
      agents: { gone, patient },
      delegation: {},
      run: (ctx) =>
        ctx
          .fanOut(
            ['patient', 'gone', 'never'] as const,
            (name, { key, signal }) => ctx.agents[name === 'gone' ? 'gone' : 'patient'].run(key, null, { signal }),
            { concurrency: 2, stopOthers, key: (name) => name },
          )
          .catch((error: PrusikError) => error.code),
    });
    const engine = engineFor([workflow], { parkAfterMs: 1_000 });

    expect(await engine.run('stopping', null, { id: 'parent' })).toMatchObject({ output: 'GONE' });
    const children = await childrenOf(engine.store, 'parent');
    expect(children.map((run) => [run.parent?.key, run.status]).toSorted()).toEqual([
      ['gone', 'failed'],
      ['patient', status],
    ]);
  });

  it.each([
    [4, 1],
    [1, 4],
  ])(
    'WFL-3, WFL-5: goes on with as many items at once as its run was started with, %i, where a later build allows %i',
    async (parallel, later) => {
      const inSteps = (most: number) =>
        defineWorkflow({
          name: 'in-steps',
          input: z.null(),
          agents: { worker: workerThat(() => {}) },
          delegation: { parallel: most },
          run: (ctx) =>
            ctx.fanOut([1, 2, 3, 4], async (n, { key }) => {
              await ctx.step(`prepare ${key}`, () => n);
              await ctx.receive(`go ${key}`);
              return ctx.agents.worker.run(`worker ${key}`, n);
            }),
        });
      const store = memoryStore();
      const run = { tenant: 'default', run: 'parent' };
      await engineFor([inSteps(parallel)], { store }).run('in-steps', null, { id: 'parent' });
      const second = engineFor([inSteps(later)], { store, divergedAfterMs: 20 });
      for (const index of [0, 1, 2, 3]) await second.signal(run, `go ${index}`, null);

      expect(await second.drive(run)).toMatchObject({ status: 'completed', output: [1, 4, 9, 16] });
    },
  );

  it('DEF-3: refuses to stop the others and to settle all at once', async () => {
    const workflow = defineWorkflow({
      name: 'undecided',
      input: z.null(),
      run: (ctx) => ctx.fanOut([1], (item) => item, { settle: true, stopOthers: true }),
    });

    expect(await engineFor([workflow]).run('undecided', null)).toMatchObject({
      error: { message: expect.stringContaining('settle') },
    });
  });

  it('DEF-3: refuses an option that is none, and names the one that is meant', async () => {
    const workflow = defineWorkflow({
      name: 'misspelt',
      input: z.null(),
      run: (ctx) => ctx.fanOut([1], (item) => item, { parallel: 2 } as object),
    });

    expect(await engineFor([workflow]).run('misspelt', null)).toMatchObject({
      error: { message: expect.stringContaining('fanOut has no option parallel: use concurrency') },
    });
  });

  it('gives an empty list for no items', async () => {
    const engine = engineFor([
      spread(
        workerThat(() => {}),
        4,
      ),
    ]);

    expect(await engine.run('spread', [])).toMatchObject({ output: [] });
  });
});

describe('a fan-out that is killed', () => {
  /** How often each child's step ended by itself. */
  function counting(stop: { at: number; now: () => void }) {
    const done: number[] = [];
    const worker = workerThat(async (n) => {
      await delay(1);
      done.push(n);
      if (done.length === stop.at) stop.now();
    });
    return { done, worker };
  }

  it.each([1, 5, 10, 19])('WFL-6: goes on in a new engine after %i children, and each child runs once', async (at) => {
    const store = memoryStore();
    const abort = new AbortController();
    const { done, worker } = counting({ at, now: () => abort.abort(new Error('power cut')) });
    const first = engineFor([spread(worker, 4)], { store });
    await expect(first.run('spread', twenty, { id: 'parent', signal: abort.signal })).rejects.toThrow('power cut');
    await first[Symbol.asyncDispose]();
    const before = await childrenOf(store, 'parent');
    const ended = new Set(before.filter((run) => run.status === 'completed').map((run) => run.key.run));

    const second = engineFor([spread(worker, 4)], { store });
    const result = await second.run('spread', twenty, { id: 'parent' });

    expect(result).toMatchObject({ status: 'completed', output: twenty.map((n) => n * n) });
    const children = await childrenOf(store, 'parent');
    expect(children).toHaveLength(20);
    // A completed child was not driven again: its epoch is that of its only claim.
    const again = children.filter((run) => ended.has(run.key.run)).filter((run) => run.epoch !== 1);
    expect(again).toEqual([]);
    for (const child of children) {
      const ends = (await journalOf(store, child.key.run)).filter((entry) => entry.type === 'step-end');
      expect(ends).toHaveLength(1);
    }
    // A repeatable step that was under way when the power went may have run twice, at most as many as ran at once.
    expect(new Set(done).size).toBe(20);
    expect(done.length).toBeLessThan(20 + 4 + 1);
  });

  it('WFL-5: starts the queued calls in the same order when it is replayed', async () => {
    const store = memoryStore();
    const abort = new AbortController();
    const { done, worker } = counting({ at: 7, now: () => abort.abort(new Error('power cut')) });
    const first = engineFor([spread(worker, 2)], { store });
    await expect(first.run('spread', twenty, { id: 'parent', signal: abort.signal })).rejects.toThrow('power cut');
    await first[Symbol.asyncDispose]();

    await engineFor([spread(worker, 2)], { store }).run('spread', twenty, { id: 'parent' });

    const starts = (await journalOf(store, 'parent')).flatMap((entry) =>
      entry.type === 'wait-start' ? [entry.key] : [],
    );
    expect(starts).toEqual(twenty.map((n) => `worker ${n}`));
    expect(new Set(done).size).toBe(20);
  });
});
