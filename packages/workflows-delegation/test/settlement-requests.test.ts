import { PrusikError, type DurableContext, type DurableDefinition, type Request, type Store } from '@prusik/core';
import { createEngine } from '@prusik/durable';
import { fakeClock, inspectStore } from '@prusik/testing-contracts';
import { defineWorkflow } from '@prusik/workflows-delegation';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { childrenOf, engineFor } from './engines.ts';
import { STORAGES } from './storages.ts';

const OWNER = { tenant: 'default', run: 'owner' };

const asking: DurableDefinition<null, string> = {
  name: 'asking',
  kind: 'function',
  version: '1',
  async run(ctx: DurableContext) {
    const { status, value } = await ctx.request('may-i', { kind: 'question', body: null });
    return `${status} ${String(value)}`;
  },
};

/** Two handles on one storage, as two processes have them. */
async function twoProcesses(storage: string): Promise<readonly [Store, Store]> {
  const { open, remove } = STORAGES[storage]!();
  const clock = fakeClock();
  const stores = [await open({ clock }), await open({ clock })] as const;
  onTestFinished(async () => {
    for (const store of stores) await store[Symbol.asyncDispose]();
    await remove?.();
  });
  return stores;
}

async function asked(store: Store, root: string): Promise<readonly Request[]> {
  const { items } = await store.listRequests({ tenant: 'default', root, limit: 10 });
  return items;
}

const violationsOf = async (store: Store): Promise<unknown> => (await inspectStore(store)).violations;

describe.each(Object.keys(STORAGES))('a request of a child (%s)', (storage) => {
  it.each(['throws', 'is cancelled'])(
    'REQ-7, WFL-7: is withdrawn when its parent %s, and nobody can decide it any more',
    async (how) => {
      const [store, other] = await twoProcesses(storage);
      const workflow = defineWorkflow({
        name: 'owner',
        input: z.null(),
        agents: { asking },
        delegation: {},
        async run(ctx) {
          void ctx.agents.asking.run('c', null);
          await ctx.receive('go');
          throw new PrusikError('OWNER_GAVE_UP', 'it had enough');
        },
      });
      const engine = engineFor([workflow], { store });
      expect(await engine.run('owner', null, { id: OWNER.run })).toMatchObject({ status: 'waiting' });
      const [open] = await asked(other, OWNER.run);
      expect(open?.status).toBe('open');
      if (how === 'throws') await engine.signal(OWNER, 'go', null);
      else await engine.cancel(OWNER);
      await engine.drive(OWNER);

      const person = createEngine({ store: other, definitions: [] });
      expect(await asked(other, OWNER.run)).toMatchObject([{ id: open?.id, status: 'withdrawn' }]);
      expect(await person.decide(open!.run, open!.id, { status: 'answered', value: 'yes' })).toMatchObject({
        outcome: 'already',
        request: { status: 'withdrawn' },
      });
      expect((await childrenOf(store, OWNER.run)).map(({ status }) => status)).toEqual(['cancelled']);
      expect(await violationsOf(store)).toEqual([]);
      await person[Symbol.asyncDispose]();
    },
  );

  it('REQ-7, WFL-9: of a child shows at the root with its lineage, is decided by another process, and acts in the grandchild alone', async () => {
    const [store, other] = await twoProcesses(storage);
    const middle = defineWorkflow({
      name: 'middle',
      input: z.null(),
      agents: { asking },
      delegation: {},
      run: (ctx) => Promise.all([ctx.agents.asking.run('left', null), ctx.agents.asking.run('right', null)]),
    });
    const workflow = defineWorkflow({
      name: 'owner',
      input: z.null(),
      agents: { middle },
      delegation: { depth: 2 },
      run: (ctx) => ctx.agents.middle.run('m', null),
    });
    const engine = engineFor([workflow], { store });
    expect(await engine.run('owner', null, { id: OWNER.run })).toMatchObject({ status: 'waiting' });

    const open = await asked(other, OWNER.run);
    const [between] = await childrenOf(other, OWNER.run);
    const grandchildren = await childrenOf(other, between!.key.run);
    const keyOf = (run: string): string | undefined => grandchildren.find((one) => one.key.run === run)?.parent?.key;
    expect(open.map(({ run, root, definition }) => [keyOf(run.run), root, definition]).toSorted()).toEqual([
      ['left', OWNER.run, 'asking'],
      ['right', OWNER.run, 'asking'],
    ]);

    const person = createEngine({ store: other, definitions: [] });
    for (const { run, id } of open)
      expect(
        await person.decide(run, id, { status: 'answered', value: `to ${keyOf(run.run)}`, by: 'somebody' }),
      ).toMatchObject({ outcome: 'decided' });
    await person[Symbol.asyncDispose]();

    expect(await engine.drive(OWNER)).toMatchObject({
      status: 'completed',
      output: ['answered to left', 'answered to right'],
    });
    expect(await violationsOf(store)).toEqual([]);
  });

  it('REQ-7, WFL-6: has an id of its child alone: of two children that are blocked in the same way, each is decided by itself', async () => {
    const [store, other] = await twoProcesses(storage);
    const doubtful: DurableDefinition<null, string> = {
      name: 'doubtful',
      kind: 'function',
      version: '1',
      // What cannot be stored has happened, and nobody knows how.
      run: (ctx: DurableContext) => ctx.step<string>('pay', () => Symbol('receipt') as never, { effect: 'once' }),
    };
    const workflow = defineWorkflow({
      name: 'owner',
      input: z.null(),
      agents: { doubtful },
      delegation: {},
      run: async (ctx) => {
        const calls = ['a', 'b'].map((key) => ctx.agents.doubtful.run(key, null));
        return (await Promise.allSettled(calls)).map((one) =>
          one.status === 'fulfilled' ? one.value : one.reason.code,
        );
      },
    });
    const engine = engineFor([workflow], { store });
    await engine.run('owner', null, { id: OWNER.run });
    const [a, b] = await childrenOf(store, OWNER.run);
    const open = await asked(other, OWNER.run);
    expect(new Set(open.map(({ id }) => id)).size).toBe(1);
    expect(new Set(open.map(({ run }) => run.run))).toEqual(new Set([a?.key.run, b?.key.run]));

    const person = createEngine({ store: other, definitions: [] });
    const decide = (run: typeof a, value: { choice: string; output?: string }): Promise<unknown> =>
      person.decide(run!.key, open[0]!.id, { status: 'answered', value });
    await decide(b, { choice: 'happened', output: 'paid' });
    await engine.drive(OWNER);
    expect((await childrenOf(store, OWNER.run)).map(({ status }) => status)).toEqual(['blocked', 'completed']);
    await decide(a, { choice: 'fail' });
    await person[Symbol.asyncDispose]();

    expect(await engine.drive(OWNER)).toMatchObject({ status: 'completed', output: ['STEP_IN_DOUBT', 'paid'] });
    expect(await violationsOf(store)).toEqual([]);
  });
});
