import type { DurableContext, Entry, Store } from '@prusik/core';
import { everyDeath } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { STORAGES } from './storages.ts';
import { durable, engineOn, entriesOf, key } from './support.ts';
import { STORES } from './stores.ts';

const told = (entries: readonly Entry[]): readonly string[] =>
  entries.flatMap((entry) =>
    entry.type === 'measure' ? entry.measurements.map(({ kind, name, value }) => `${kind} ${name} ${value}`) : [],
  );
const measured = async (store: Store): Promise<readonly string[]> => told(await entriesOf(store, key('r')));

/** Measures before, between and after everything that a function can wait for, in the catch of a failure, and with its last breath. */
async function measuring(ctx: DurableContext): Promise<void> {
  const { metrics } = ctx;
  metrics.add('begun');
  await Promise.all([
    ctx.step('a', ({ metrics: own }) => own.add('in.a')).then(() => metrics.add('a')),
    ctx.step('b', () => null).then(() => metrics.record('b', 0.5)),
  ]);
  await ctx.sleep('nap', 1_000);
  metrics.add('awake', 3);
  await ctx
    .step('fails', ({ metrics: own }) => {
      own.record('in.fails', 7);
      throw new Error('no');
    })
    .catch(() => metrics.add('failed'));
  await ctx.receive('go');
  metrics.add('told');
  metrics.add('over');
}

const ALL = ['begun 1', 'a 1', 'b 0.5', 'awake 3', 'failed 1', 'told 1', 'over 1'].map(
  (line) => `${line.startsWith('b ') ? 'histogram' : 'counter'} ${line}`,
);

async function bringToEnd(store: Store, clock: Parameters<typeof engineOn>[2]): Promise<void> {
  const engine = engineOn(store, [durable('work', measuring)], clock);
  await engine.start('work', null, { id: 'r' });
  await engine.signal(key('r'), 'go', null);
  for (let turn = 0; turn < 100; turn += 1) if ((await engine.drive(key('r'))).status === 'completed') break;
  await engine[Symbol.asyncDispose]();
}

it.each(Object.entries(STORAGES))(
  'TEL-4, TST-3: a process that dies before or after any write loses no measurement of a function, and repeats none (%s)',
  async (_, create) => {
    const points = await everyDeath({
      create,
      isSilent: () => true,
      live: async ({ store, clock }) => {
        clock.advance(40_000);
        await bringToEnd(store, { clock });
      },
      async check({ store }) {
        const entries = await entriesOf(store, key('r'));
        expect(told(entries).toSorted()).toEqual(ALL.toSorted());
        expect(
          Object.fromEntries(
            entries.flatMap((entry) => (entry.type === 'step-end' ? [[entry.key, entry.measurements]] : [])),
          ),
        ).toEqual({
          a: [{ kind: 'counter', name: 'in.a', value: 1 }],
          b: undefined,
          fails: [{ kind: 'histogram', name: 'in.fails', value: 7 }],
        });
      },
    });
    expect(points.size).toBeGreaterThan(8);
  },
  60_000,
);

describe.each(Object.entries(STORES))('what a program measures (%s)', (_, open) => {
  it('TEL-4: rides with the next commit, in one entry, and the last with the end of the run', async () => {
    await using opened = open();
    const work = durable('work', async ({ metrics, step, emit }) => {
      metrics.add('one');
      emit('between', 1);
      metrics.record('two', 2, { of: 'a', deep: false, nth: 3 });
      await step('s', () => null);
      metrics.add('three');
    });
    await engineOn(opened.store, [work]).run('work', null, { id: 'r' });

    const entries = await entriesOf(opened.store, key('r'));
    expect(entries.map(({ type }) => type)).toEqual([
      'run-start',
      'run-claim',
      'note',
      'measure',
      'step-end',
      'measure',
      'run-end',
    ]);
    expect(entries[3]).toMatchObject({
      measurements: [
        { kind: 'counter', name: 'one', value: 1 },
        { kind: 'histogram', name: 'two', value: 2, attributes: { of: 'a', deep: false, nth: 3 } },
      ],
    });
  });

  it('TEL-4: more than one entry holds goes ahead in commits of its own, in order, and nothing is lost', async () => {
    await using opened = open();
    const work = durable('work', async ({ metrics, step }) => {
      for (let n = 0; n < 250; n += 1) metrics.record('n', n);
      await step('s', () => null);
    });
    await engineOn(opened.store, [work]).run('work', null, { id: 'r' });

    const entries = await entriesOf(opened.store, key('r'));
    expect(entries.flatMap((entry) => (entry.type === 'measure' ? [entry.measurements.length] : []))).toEqual([
      100, 100, 50,
    ]);
    expect(told(entries)).toEqual(Array.from({ length: 250 }, (_each, n) => `histogram n ${n}`));
  });

  it('TEL-4: of a step that is executed again in memory only the execution that is recorded counts', async () => {
    await using opened = open();
    const work = durable('work', (ctx) =>
      ctx.step(
        's',
        ({ metrics, attempt }) => {
          metrics.record('attempt', attempt);
          if (attempt === 1) throw new Error('once more');
        },
        { retry: { attempts: 2, backoffMs: 1 } },
      ),
    );
    await engineOn(opened.store, [work]).run('work', null, { id: 'r' });

    expect(
      (await entriesOf(opened.store, key('r'))).flatMap((entry) =>
        entry.type === 'step-end' ? [entry.measurements] : [],
      ),
    ).toEqual([[{ kind: 'histogram', name: 'attempt', value: 2 }]]);
  });

  it('TEL-4, DUR-21: the body of a step has metrics of its own, and is told STEP_NESTED for those of its function', async () => {
    await using opened = open();
    const work = durable('work', async (ctx) => {
      const code = await ctx.step('s', () => {
        try {
          ctx.metrics.add('inside');
        } catch (error) {
          return (error as { code: string }).code;
        }
        return 'none';
      });
      ctx.metrics.add('after');
      return code;
    });

    expect(await engineOn(opened.store, [work]).run('work', null, { id: 'r' })).toMatchObject({
      output: 'STEP_NESTED',
    });
    expect(await measured(opened.store)).toEqual(['counter after 1']);
  });

  it('TEL-4, ERR-3: more than a step may measure fails it with a code', async () => {
    await using opened = open();
    const work = durable('work', (ctx, count) =>
      ctx.step('s', ({ metrics }) => {
        for (let n = 0; n < Number(count); n += 1) metrics.add('n');
      }),
    );
    const engine = engineOn(opened.store, [work]);

    expect(await engine.run('work', 100)).toMatchObject({ status: 'completed' });
    expect(await engine.run('work', 101)).toMatchObject({ status: 'failed', error: { code: 'STEP_RESULT_TOO_LARGE' } });
  });
});
