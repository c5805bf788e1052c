import type { DurableContext, Store } from '@prusik/core';
import { everyDeath } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { STORAGES } from './storages.ts';
import { durable, engineOn, entriesOf, key } from './support.ts';
import { STORES } from './stores.ts';

const notesOf = async (store: Store): Promise<readonly unknown[]> =>
  (await entriesOf(store, key('r'))).flatMap((entry) => (entry.type === 'note' ? [entry.name] : []));

/** Its step tries to emit in each of three attempts, and goes on when it is refused. */
async function stubborn(ctx: DurableContext): Promise<string> {
  const refused: string[] = [];
  const options = { retry: { attempts: 3, backoffMs: 1 } };
  ctx.emit('before', 1);
  await ctx.step(
    'tries',
    ({ attempt }) => {
      try {
        ctx.emit(`inside ${attempt}`, null);
      } catch (error) {
        refused.push((error as { code: string }).code);
      }
      if (attempt < 3) throw new Error('once more');
    },
    options,
  );
  ctx.emit('after', 2);
  await ctx.receive('go');
  ctx.emit('told', 3);
  await ctx.step('last', () => null);
  ctx.emit('at the end', 4);
  return refused.join();
}

const ALL = ['before', 'after', 'told', 'at the end'];

describe.each(Object.entries(STORES))('what a function emits (%s)', (_, open) => {
  it('DUR-21: the body of a step emits nothing: it is told STEP_NESTED, and no event of the function is lost by it', async () => {
    await using opened = open();
    const { store } = opened;
    const work = durable('work', stubborn);

    expect(await engineOn(store, [work]).run('work', null, { id: 'r' })).toMatchObject({ status: 'waiting' });
    const engine = engineOn(store, [work]);
    await engine.signal(key('r'), 'go', null);
    expect(await engine.drive(key('r'))).toMatchObject({ status: 'completed' });

    expect(await notesOf(store)).toEqual(ALL);
  });

  it('DUR-21: a body that does not catch it fails its step', async () => {
    await using opened = open();
    const work = durable('work', (ctx) => ctx.step('s', () => ctx.emit('inside', null)));

    expect(await engineOn(opened.store, [work]).run('work', null, { id: 'r' })).toMatchObject({
      status: 'failed',
      error: { code: 'STEP_NESTED', message: expect.stringContaining('ctx.emit') },
    });
    expect(await notesOf(opened.store)).toEqual([]);
  });
});

it.each(Object.entries(STORAGES))(
  'TST-3, DUR-21: a process that dies before or after any write loses no event, and repeats none (%s)',
  async (_, create) => {
    await everyDeath({
      create,
      isSilent: () => true,
      async live({ store, clock }) {
        const engine = engineOn(store, [durable('work', stubborn)], { clock });
        await engine.start('work', null, { id: 'r' });
        await engine.signal(key('r'), 'go', null);
        for (let turn = 0; turn < 50; turn += 1) {
          if ((await engine.drive(key('r'))).status === 'completed') break;
          clock.advance(40_000);
        }
        await engine[Symbol.asyncDispose]();
      },
      check: async ({ store }) => expect(await notesOf(store)).toEqual(ALL),
    });
  },
  60_000,
);
