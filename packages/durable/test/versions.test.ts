import { memoryStore } from '@prusik/store-memory';
import type { DurableContext, DurableDefinition, Json, RunStatus, Store } from '@prusik/core';
import { describe, expect, it } from 'vitest';
import { durable, engineOn, entriesOf, key, turns } from './support.ts';

const statusOf = async (store: Store, run = 'r'): Promise<RunStatus | undefined> => (await store.run(key(run)))?.status;

describe('runs of one version and workers of another', () => {
  const work = (version: string, more: Partial<DurableDefinition> = {}): DurableDefinition<Json, unknown> =>
    durable('work', (ctx) => ctx.step('s', () => `by version ${version}`), { version, ...more });

  it.each<[string, readonly DurableDefinition<Json, unknown>[]]>([
    ['another version', [work('2')]],
    ['a version that continues others', [work('3', { continues: ['2'] })]],
    ['no definition of that name', [durable('other', () => null)]],
  ])('DUR-15, DUR-12: a worker with %s leaves a run for one that has it', async (_, definitions) => {
    const store = memoryStore();
    await engineOn(store, [work('1')]).start('work', null, { id: 'r' });
    const wrong = engineOn(store, definitions);
    wrong.worker();
    await turns(40);
    expect(await store.run(key('r'))).toMatchObject({ status: 'queued', epoch: 0 });

    const right = engineOn(store, [work('1')]);
    right.worker();
    await turns(40);
    expect(await store.run(key('r'))).toMatchObject({ status: 'completed', output: 'by version 1' });
    await Promise.all([wrong, right].map((engine) => engine[Symbol.asyncDispose]()));
  });

  it('DUR-15: a version that is declared to continue an older one takes its runs, in the middle too', async () => {
    const store = memoryStore();
    const first = durable('work', async (ctx) => {
      await ctx.step('s', () => 1);
      return ctx.receive('go');
    });
    await engineOn(store, [first]).run('work', null, { id: 'r' });
    const second = durable(
      'work',
      async (ctx) => {
        const one = await ctx.step('s', () => 2);
        await ctx.receive('go');
        return [one, await ctx.step('more', () => 3)];
      },
      { version: '2', continues: ['1'] },
    );
    const engine = engineOn(store, [second]);
    await engine.signal(key('r'), 'go', null);

    expect(await engine.drive(key('r'))).toMatchObject({ status: 'completed', output: [1, 3] });
    expect(await store.run(key('r'))).toMatchObject({ version: '1' });
  });

  it('DUR-14, DUR-15: a run of another version that is asked to cancel needs no definition', async () => {
    const store = memoryStore();
    await engineOn(store, [work('1')]).start('work', null, { id: 'r' });
    const engine = engineOn(store, [work('2')]);
    await engine.cancel(key('r'));

    expect(await engine.drive(key('r'))).toMatchObject({ status: 'cancelled' });
  });

  it('DUR-15: a child of another version waits for a worker that has it, and its parent waits with it', async () => {
    const store = memoryStore();
    const parent = durable('parent', async (ctx) => (await ctx.child('c', 'work', null)).output);
    const child = (version: string) => durable('work', (ctx) => ctx.receive('go'), { version });
    await engineOn(store, [parent, child('1')]).run('parent', null, { id: 'r' });
    const { items } = await store.listRuns({ tenant: 'default', parent: 'r', limit: 1 });
    for (const run of items) await engineOn(store, []).signal(run.key, 'go', 'gone');

    expect(await engineOn(store, [parent, child('2')]).drive(key('r'))).toMatchObject({ status: 'waiting' });
    expect(await engineOn(store, [parent, child('1')]).drive(key('r'))).toMatchObject({
      status: 'completed',
      output: { value: 'gone' },
    });
  });
});

describe('a stored history that changed code replays', () => {
  type Code = (ctx: DurableContext) => Promise<unknown>;
  let effects: string[];
  const step = (ctx: DurableContext, name: string, fingerprint = ''): Promise<string> =>
    ctx.step(name, () => (effects.push(name), name), { fingerprint });
  const go = (ctx: DurableContext): Promise<unknown> => ctx.receive('go');

  const old: Code = async (ctx) => {
    await step(ctx, 'a', 'f1');
    await step(ctx, 'b');
    await ctx.child('c', 'child', 1);
    await go(ctx);
    await step(ctx, 'last');
  };

  /** What was changed, the new code, and what the message must name of both sides. */
  const changes: readonly (readonly [string, Code, readonly string[]])[] = [
    [
      'the last recorded step is missing',
      async (ctx) => void (await step(ctx, 'a', 'f1'), await step(ctx, 'b'), await go(ctx)),
      ['c', 'go'],
    ],
    [
      'a step in the middle is missing',
      async (ctx) => void (await step(ctx, 'a', 'f1'), await ctx.child('c', 'child', 1), await go(ctx)),
      ['b', 'c'],
    ],
    ['there is a new step before', async (ctx) => void (await step(ctx, 'new'), await old(ctx)), ['a', 'new']],
    ['the order is another', async (ctx) => void (await step(ctx, 'b'), await step(ctx, 'a', 'f1')), ['a', 'b']],
    ['a step has another fingerprint', async (ctx) => void (await step(ctx, 'a', 'f2')), ['f1', 'f2']],
    ['a step has become a timer', async (ctx) => void (await ctx.sleep('a', 1)), ['step', 'timer']],
    [
      'a child has another input',
      async (ctx) => void (await step(ctx, 'a', 'f1'), await step(ctx, 'b'), await ctx.child('c', 'child', 2)),
      ['c', 'fingerprint'],
    ],
    [
      'a child is of another definition',
      async (ctx) => void (await step(ctx, 'a', 'f1'), await step(ctx, 'b'), await ctx.child('c', 'other', 1)),
      ['c', 'fingerprint'],
    ],
    [
      'what is waited for has become a step',
      async (ctx) =>
        void (await step(ctx, 'a', 'f1'),
        await step(ctx, 'b'),
        await ctx.child('c', 'child', 1),
        await step(ctx, 'go')),
      ['signal', 'step'],
    ],
    ['it ends early', async (ctx) => step(ctx, 'a', 'f1'), ['ended', 'b']],
    ['it throws early', async () => Promise.reject(new Error('changed')), ['ended', 'a']],
    [
      'it no longer waits',
      async (ctx) => void (await step(ctx, 'a', 'f1'), await step(ctx, 'b'), await ctx.child('c', 'child', 1)),
      ['ended', 'go'],
    ],
  ];

  it.each(changes)(
    'DUR-6, I5: is refused when %s: both sides are named, nothing is done, nothing recorded is changed',
    async (_, changed, named) => {
      effects = [];
      const store = memoryStore();
      const others = [durable('child', () => 'c'), durable('other', () => 'o')];
      await engineOn(store, [durable('work', old), ...others]).run('work', null, { id: 'r' });
      const before = await entriesOf(store, key('r'));
      effects = [];

      const engine = engineOn(store, [durable('work', changed), ...others]);
      // Something has to wake it; the rest of the history must not depend on what.
      await store.signal({ run: key('r'), kind: 'wake', key: 'w', body: null });
      const result = await engine.drive(key('r'));

      expect(result).toMatchObject({ status: 'blocked', code: 'RUN_DIVERGED' });
      const entries = await entriesOf(store, key('r'));
      expect(entries.slice(0, before.length)).toEqual(before);
      expect(entries.slice(before.length).map(({ type }) => type)).toEqual(['run-claim', 'run-block']);
      expect(effects).toEqual([]);
      const message = entries.flatMap((entry) => (entry.type === 'run-block' ? [entry.message] : [])).join('');
      for (const side of named) expect(message).toContain(side);
      expect((await store.listRuns({ tenant: 'default', root: 'r', limit: 10 })).items).toHaveLength(2);

      // The old code goes on as if nothing had been.
      const again = engineOn(store, [durable('work', old), ...others]);
      if (result.status !== 'blocked') throw new Error(result.status);
      await again.decide(key('r'), result.request, { status: 'answered', value: { choice: 'retry' } });
      await again.signal(key('r'), 'go', null);
      expect(await again.drive(key('r'))).toMatchObject({ status: 'completed' });
      expect(effects).toEqual(['last']);
    },
  );

  it('DUR-6, I5: of a finished run is not replayed: its result stands, and a step that it never had is not executed', async () => {
    effects = [];
    const store = memoryStore();
    await engineOn(store, [durable('work', (ctx) => step(ctx, 'a'))]).run('work', null, { id: 'r' });
    const before = await entriesOf(store, key('r'));
    const changed = engineOn(store, [durable('work', async (ctx) => (await step(ctx, 'a'), step(ctx, 'extra')))]);

    expect(await changed.run('work', null, { id: 'r' })).toMatchObject({ status: 'completed', output: 'a' });
    expect(await changed.drive(key('r'))).toMatchObject({ status: 'completed', output: 'a' });

    expect(await entriesOf(store, key('r'))).toEqual(before);
    expect(await statusOf(store)).toBe('completed');
    expect(effects).toEqual(['a']);
  });
});
