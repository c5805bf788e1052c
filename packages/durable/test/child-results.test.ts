import {
  childRunId,
  emptyView,
  foldEvents,
  type DurableContext,
  type Message,
  type PartialReason,
  type PrusikError,
  type RunEvent,
  type Store,
} from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { describe, expect, it } from 'vitest';
import { durable, engineOn, entriesOf, key } from './support.ts';

const id = childRunId('default', 'r', 'c');
const short: PartialReason = { code: 'OUT_OF_ROPE', message: 'two of three' };

describe('WFL-8: what a child hands back', () => {
  it('is its run and its output, and nothing of a reason where the output is whole', async () => {
    const parent = durable('parent', (ctx) => ctx.child('c', 'child', null));
    const engine = engineOn(memoryStore(), [parent, durable('child', () => ({ ropes: 3 }))]);

    const result = await engine.run('parent', null, { id: 'r' });

    expect(result).toEqual({ run: key('r'), status: 'completed', output: { run: id, output: { ropes: 3 } } });
  });
});

describe('WFL-10: an output that is not whole', () => {
  const child = durable('child', async (ctx) => {
    const found = await ctx.step('search', () => 2);
    ctx.partial(short);
    ctx.partial({ code: 'LATER', message: 'what followed from it' });
    await ctx.step('tidy', () => null);
    return found;
  });

  it('says why on record, to its parent and to whoever drives it, and is completed', async () => {
    const store = memoryStore();
    const parent = durable('parent', async (ctx) => {
      const { output, partial } = await ctx.child<number>('c', 'child', null);
      await ctx.receive('go');
      return [output, partial?.code];
    });
    const engine = engineOn(store, [parent, child]);

    await engine.run('parent', null, { id: 'r' });
    await engine.signal(key('r'), 'go', null);
    // Another process: the parent is told by its journal what it was told before.
    const again = await engineOn(store, [parent, child]).drive(key('r'));

    expect(again).toEqual({ run: key('r'), status: 'completed', output: [2, 'OUT_OF_ROPE'] });
    expect(await engine.drive(key(id))).toEqual({ run: key(id), status: 'completed', output: 2, partial: short });
    expect(await store.run(key(id))).toMatchObject({ status: 'completed', output: 2, partial: short });
    expect((await entriesOf(store, key('r'))).find(({ type }) => type === 'wait-end')).toMatchObject({
      partial: short,
      outcome: { ok: true, value: 2 },
    });
    const events: RunEvent[] = [];
    for await (const event of engine.events(key('r'), { tree: true })) events.push(event);
    const { runs } = foldEvents(emptyView(key('r')), events);
    expect(runs[id]).toMatchObject({ status: 'completed', partial: short });
    expect(runs['r']?.waits['c']).toMatchObject({ open: false, partial: short });
    expect(runs['r']).not.toHaveProperty('partial');
  });

  it('is the same after a replay, and has no reason where the run fails or is cancelled after all', async () => {
    const store = memoryStore();
    const waits = durable('waits', async (ctx, how) => {
      ctx.partial(short);
      await ctx.receive('go');
      if (how === 'fails') throw new Error('no');
      return 1;
    });
    const engine = engineOn(store, [waits]);
    for (const run of ['whole', 'fails', 'cancelled']) await engine.run('waits', run, { id: run });
    await engine.cancel(key('cancelled'));
    for (const run of ['whole', 'fails']) await engine.signal(key(run), 'go', null);

    for (const run of ['whole', 'fails', 'cancelled']) await engineOn(store, [waits]).drive(key(run));

    const partials = await Promise.all(['whole', 'fails', 'cancelled'].map(async (run) => store.run(key(run))));
    expect(partials.map((run) => [run?.status, run?.partial])).toEqual([
      ['completed', short],
      ['failed', undefined],
      ['cancelled', undefined],
    ]);
  });

  it.each<[string, string, (ctx: DurableContext) => unknown]>([
    ['in the body of a step', 'STEP_NESTED', (ctx) => ctx.step('s', () => ctx.partial(short))],
    ['that is too large', 'VALUE_TOO_LARGE', (ctx) => ctx.partial({ code: 'C', message: 'x'.repeat(70_000) })],
    ['without a code', 'RUN_FAILED', (ctx) => ctx.partial({ message: 'x' } as PartialReason)],
    ['that is no text', 'RUN_FAILED', (ctx) => ctx.partial({ code: 'C', message: 7 } as unknown as PartialReason)],
    ['that is nothing', 'RUN_FAILED', (ctx) => ctx.partial(null as unknown as PartialReason)],
  ])('with a reason %s fails the call with %s, and marks nothing', async (_, code, call) => {
    const store = memoryStore();
    const codes: unknown[] = [];
    const work = durable('work', async (ctx) => {
      try {
        await call(ctx);
      } catch (error) {
        codes.push((error as PrusikError).code ?? (error instanceof TypeError ? 'RUN_FAILED' : error));
      }
      return 1;
    });

    const result = await engineOn(store, [work]).run('work', null, { id: 'r' });

    expect(codes).toEqual([code]);
    expect(result).toEqual({ run: key('r'), status: 'completed', output: 1 });
  });
});

describe('WFL-8: an output that is larger than its caller takes', () => {
  const big = 'x'.repeat(2_000);
  const child = durable('child', (ctx, length) => {
    ctx.partial(short);
    return big.slice(0, Number(length));
  });

  it('rejects the call with its size and the limit, is nowhere in the caller’s record, and stays whole with the child', async () => {
    const store = memoryStore();
    const parent = durable('parent', async (ctx) => {
      const error = await ctx
        .child('c', 'child', 2_000, { maxResultBytes: 2_001 })
        .catch((cause: PrusikError) => cause);
      await ctx.receive('go');
      return [(error as PrusikError).code, (error as PrusikError).meta];
    });
    const engine = engineOn(store, [parent, child]);
    await engine.run('parent', null, { id: 'r' });
    await engine.signal(key('r'), 'go', null);

    const result = await engineOn(store, [parent, child]).drive(key('r'));

    expect(result).toEqual({
      run: key('r'),
      status: 'completed',
      output: ['CHILD_RESULT_TOO_LARGE', { child: id, bytes: 2_002, limit: 2_001 }],
    });
    expect(await store.run(key(id))).toMatchObject({ status: 'completed', output: big, partial: short });
    const record = [await store.inbox(key('r'), { after: 0, limit: 10 }), await entriesOf(store, key('r'))];
    expect(JSON.stringify(record)).not.toContain('xxx');
  });

  it('by the engine’s limit where the call has none, and an output of just that size is taken', async () => {
    const parent = durable('parent', (ctx) =>
      Promise.all([
        ctx.child<string>('fits', 'child', 98).then(({ output }) => output.length),
        ctx.child('over', 'child', 99).catch((error: PrusikError) => error.meta['limit']),
        ctx.child<string>('more', 'child', 99, { maxResultBytes: 101 }).then(({ output }) => output.length),
      ]),
    );
    const engine = engineOn(memoryStore(), [parent, child], { limits: { maxResultBytes: 100 } });

    expect(await engine.run('parent', null)).toMatchObject({ output: [98, 100, 99] });
  });

  it('of a grandchild fails the child that did not catch it as any failure of a child does', async () => {
    const middle = durable('middle', (ctx) => ctx.child('below', 'child', 99, { maxResultBytes: 10 }));
    const parent = durable('parent', (ctx) =>
      ctx.child('c', 'middle', null).catch(({ code, meta }: PrusikError) => [code, meta['code'], meta['child']]),
    );

    expect(await engineOn(memoryStore(), [parent, middle, child]).run('parent', null, { id: 'r' })).toMatchObject({
      output: ['CHILD_FAILED', 'CHILD_RESULT_TOO_LARGE', id],
    });
  });
});

describe('WFL-8: a child that sees its parent’s history', () => {
  const text = (name: string): Message => ({
    v: 1,
    id: name,
    role: 'user',
    kind: 'user',
    content: [{ type: 'text', text: name }],
  });
  const reader = durable(
    'reader',
    async (ctx) => {
      const before = await ctx.thread.read();
      await ctx.step('say', ({ append }) => append(text(`said by ${ctx.run.key.run}`)));
      return before.map(({ message }) => message.id);
    },
    { openingMessages: () => [text('own')] },
  );
  const shown = async (store: Store, of: 'run' | 'session', name: string): Promise<readonly string[]> => {
    const found = await store.messages({ tenant: 'default', of, id: name }, { after: 0, limit: 100 });
    return found.map(({ message }) => message.id);
  };

  it.each([['of its own'], ['of a session']])(
    'as far as the parent has it at the call, in a thread %s, and neither thread changes the other',
    async (where) => {
      const store = memoryStore();
      const session = where === 'of a session' ? { session: { id: 's' } } : {};
      const parent = durable(
        'parent',
        async (ctx) => {
          await ctx.step('a', ({ append }) => append(text('a')));
          const snapshot = ctx.child('c', 'reader', null, { history: 'snapshot' });
          const fresh = ctx.child('f', 'reader', null);
          await ctx.step('b', ({ append }) => append(text('b')));
          return [(await snapshot).output, (await fresh).output];
        },
        { openingMessages: () => [text('first')] },
      );
      const engine = engineOn(store, [parent, reader]);

      const result = await engine.run('parent', null, { id: 'r', ...session });

      expect(result).toMatchObject({ output: [['first', 'a', 'own'], ['own']] });
      const own = await (where === 'of a session' ? shown(store, 'session', 's') : shown(store, 'run', 'r'));
      expect(own).toEqual(['first', 'a', 'b']);
      expect(await shown(store, 'run', id)).toEqual(['first', 'a', 'own', `said by ${id}`]);
    },
  );

  it('rejects the call where the history is too large or has a message of the child’s id, and goes on; it is the same on replay', async () => {
    const store = memoryStore();
    const large = 'x'.repeat(4_000_000);
    const parent = durable('parent', async (ctx) => {
      const codes: unknown[] = [];
      const call = (name: string, definition: string) =>
        ctx.child(name, definition, null, { history: 'snapshot' }).then(
          () => codes.push('started'),
          (error: PrusikError) => codes.push(error.code),
        );
      await ctx.step('own', ({ append }) => append(text('own')));
      await call('taken', 'reader');
      for (let n = 0; n < 5; n += 1)
        await ctx.step(`large ${n}`, ({ append }) => append({ ...text(large), id: `m${n}` }));
      await call('large', 'quiet');
      await ctx.receive('go');
      return codes;
    });
    const definitions = [parent, reader, durable('quiet', () => null)];
    const engine = engineOn(store, definitions);
    await engine.run('parent', null, { id: 'r' });
    await engine.signal(key('r'), 'go', null);

    const result = await engineOn(store, definitions).drive(key('r'));

    expect(result).toMatchObject({ status: 'completed', output: ['MESSAGE_ID_TAKEN', 'HISTORY_TOO_LARGE'] });
    expect((await store.listRuns({ tenant: 'default', parent: 'r', limit: 10 })).items).toEqual([]);
  });

  it('DUR-6: is another call than one that sees nothing of it, and a history that is neither is a wrong argument', async () => {
    const store = memoryStore();
    const work = (history: 'fresh' | 'snapshot') =>
      durable('work', async (ctx) => {
        await ctx.child('c', 'reader', null, { history });
        await ctx.receive('go');
      });
    await engineOn(store, [work('fresh'), reader]).run('work', null, { id: 'r' });
    await store.signal({ run: key('r'), kind: 'user', key: 'go', body: null });
    expect(await engineOn(store, [work('snapshot'), reader]).drive(key('r'))).toMatchObject({ code: 'RUN_DIVERGED' });

    const wrong = engineOn(memoryStore(), [work('whole' as 'fresh'), reader]);
    expect(await wrong.run('work', null)).toMatchObject({ status: 'failed', error: { code: 'RUN_FAILED' } });
  });
});
