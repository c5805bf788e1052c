import { setTimeout as delay } from 'node:timers/promises';
import { memoryStore } from '@prusik/store-memory';
import { PrusikError, type Json } from '@prusik/core';
import { describe, expect, it } from 'vitest';
import { durable, engineOn, entriesOf, gate, key } from './support.ts';

const refused = (): never => {
  throw new PrusikError('INPUT_INVALID', 'not this one');
};
const codeOf = (error: PrusikError): string => error.code;

describe('what a function awaits and no entry records', () => {
  it('DUR-9: a race between a step and the check of an input has the same winner, however long the check takes', async () => {
    const store = memoryStore();
    let takes = 15;
    const picky = durable('picky', () => null, {
      parseInput: async () => {
        await delay(takes);
        return refused();
      },
    });
    const racing = durable('racing', async (ctx) => {
      const winner = await Promise.race([ctx.child('c', 'picky', null).catch(codeOf), ctx.step('s', () => 'the step')]);
      await ctx.step(`won by ${winner}`, () => null);
      await ctx.receive('go');
      return winner;
    });
    await engineOn(store, [racing, picky]).run('racing', null, { id: 'r' });
    takes = 0;
    const engine = engineOn(store, [racing, picky]);
    await engine.signal(key('r'), 'go', null);

    expect(await engine.drive(key('r'))).toMatchObject({ status: 'completed', output: 'INPUT_INVALID' });
  });

  it('DUR-9: checks of inputs answer in the order of their calls', async () => {
    const picky = durable('picky', () => null, {
      parseInput: async (ms) => {
        await delay(ms as number);
        return refused();
      },
    });
    const asking = durable('asking', async (ctx) => {
      const order: number[] = [];
      const ask = (ms: number) => ctx.child(`wait ${ms}`, 'picky', ms).catch(() => order.push(ms));
      await Promise.all([ask(9), ask(0), ask(3)]);
      return order;
    });

    expect(await engineOn(memoryStore(), [asking, picky]).run('asking', null)).toMatchObject({ output: [9, 0, 3] });
  });

  it('DUR-9: the body of a step reads the thread at once, whatever the function waits for: no replay runs it', async () => {
    const { opened, open } = gate();
    const picky = durable('picky', () => null, {
      parseInput: async () => {
        await opened;
        return refused();
      },
    });
    const reading = durable('reading', (ctx) =>
      Promise.all([
        ctx.child('c', 'picky', null).catch(codeOf),
        ctx.step('s', async () => {
          const { length } = await ctx.thread.read();
          open();
          return length;
        }),
      ]),
    );

    expect(await engineOn(memoryStore(), [reading, picky]).run('reading', null)).toMatchObject({
      output: ['INPUT_INVALID', 0],
    });
  });

  it('DUR-14: a function that is cancelled may read its thread while it cleans up', async () => {
    const store = memoryStore();
    const begun = gate();
    const reading = durable('reading', async (ctx) => {
      begun.open();
      try {
        await ctx.receive('never');
      } finally {
        messages = (await ctx.thread.read()).length;
      }
    });
    let messages: number | undefined;
    const engine = engineOn(store, [reading], { limits: { parkAfterMs: 5_000, cancelGraceMs: 5_000 } });
    const running = engine.run('reading', null, { id: 'r' });
    await begun.opened;
    await engine.cancel(key('r'));

    expect(await running).toMatchObject({ status: 'cancelled' });
    expect(messages).toBe(0);
  });
});

describe('a call of a child that somebody has to admit', () => {
  const child = durable('child', (_, input) => input);

  it('WFL-3: is in order before it is asked about, and one that is refused has left nothing, its key neither', async () => {
    const store = memoryStore();
    const asked: string[] = [];
    const parent = durable('parent', async (ctx) => {
      const call = (name: string, definition: string, input: Json, verdict?: string) =>
        ctx
          .child(name, definition, input, {
            admit: async () => {
              asked.push(name);
              if (verdict !== undefined) throw new PrusikError(verdict, 'no');
            },
          })
          .then(({ output }) => output, codeOf);
      return [
        await call('a', 'nobody', null),
        await call('b', 'picky', null),
        await call('c', 'child', 1, 'NOT_NOW'),
        await call('c', 'child', 2),
      ];
    });
    const picky = durable('picky', () => null, { parseInput: refused });
    const engine = engineOn(store, [parent, child, picky]);

    expect(await engine.run('parent', null, { id: 'r' })).toMatchObject({
      output: ['NO_DEFINITION', 'INPUT_INVALID', 'NOT_NOW', 2],
    });
    expect(asked).toEqual(['c', 'c']);
    const entries = await entriesOf(store, key('r'));
    expect(entries.flatMap((entry) => ('key' in entry ? [`${entry.type} ${entry.key}`] : []))).toEqual([
      'wait-start c',
      'wait-end c',
    ]);
  });

  it('WFL-3: a key that is being looked at is taken', async () => {
    const parent = durable('parent', async (ctx) => {
      const { opened, open } = gate();
      const first = ctx.child('k', 'child', 1, { admit: () => opened });
      const codes = await Promise.all([
        ctx.child('k', 'child', 2).catch(codeOf),
        ctx.step('k', () => null).catch(codeOf),
      ]);
      open();
      return [...codes, (await first).output];
    });

    expect(await engineOn(memoryStore(), [parent, child]).run('parent', null)).toMatchObject({
      output: ['STEP_KEY_REUSED', 'STEP_KEY_REUSED', 1],
    });
  });

  it('DUR-9: is asked about on replay too, in the order of the calls, and its input is not checked again', async () => {
    const store = memoryStore();
    let checked = 0;
    const asked: string[] = [];
    const slow = durable('slow', (_, input) => input, {
      parseInput: async (input) => {
        checked += 1;
        await delay(5);
        return input as Json;
      },
    });
    const parent = durable('parent', async (ctx) => {
      const admit = (name: string) => async () => void asked.push(name);
      await Promise.all([
        ctx.child('a', 'slow', 1, { admit: admit('a') }),
        ctx.child('b', 'child', 2, { admit: admit('b') }),
      ]);
      await ctx.receive('go');
      return null;
    });
    const definitions = [parent, child, slow];
    await engineOn(store, definitions).run('parent', null, { id: 'r' });
    expect([asked.splice(0), checked]).toEqual([['a', 'b'], 1]);
    const engine = engineOn(store, definitions);
    await engine.signal(key('r'), 'go', null);

    expect(await engine.drive(key('r'))).toMatchObject({ status: 'completed' });
    expect([asked, checked]).toEqual([['a', 'b'], 1]);
  });
});
