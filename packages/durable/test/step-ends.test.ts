import {
  PrusikError,
  type Commit,
  type DurableContext,
  type DurableDefinition,
  type Json,
  type Store,
} from '@prusik/core';
import { describe, expect, it } from 'vitest';
import { durable, engineOn, entriesOf, gate, key, untilCalled } from './support.ts';
import { STORES } from './stores.ts';

/** The store, and what is committed to it. */
function watched(inner: Store): { readonly store: Store; readonly commits: Commit[] } {
  const commits: Commit[] = [];
  const commit: Store['commit'] = (given) => {
    commits.push(given);
    return inner.commit(given);
  };
  return { store: { ...inner, commit }, commits };
}

const typesOf = (commits: readonly Commit[]): readonly (readonly string[])[] =>
  commits.map(({ entries }) => entries.map(({ type }) => type));

describe.each(Object.entries(STORES))('a step that ends its run (%s)', (_, open) => {
  it('DUR-9, DUR-14: has its outcome and the end of the run in one commit, and the function is not given it', async () => {
    await using opened = open();
    const { store, commits } = watched(opened.store);
    let gone = false;
    let signal: AbortSignal | undefined;
    const work = durable('work', async (ctx) => {
      await ctx.step('first', () => 1);
      const last = await ctx.step('last', (step) => ((signal = step.signal), 'said'), {
        ends: () => ({ output: { answer: 'said' } }),
      });
      gone = true;
      return last;
    });
    const engine = engineOn(store, [work]);

    expect(await engine.run('work', null, { id: 'r' })).toMatchObject({
      status: 'completed',
      output: { answer: 'said' },
    });
    expect(typesOf(commits)).toEqual([
      ['run-claim', 'step-end'],
      ['step-end', 'run-end'],
    ]);
    expect((await entriesOf(store, key('r'))).at(-1)).toMatchObject({ type: 'run-end', output: { answer: 'said' } });
    expect(await store.run(key('r'))).toMatchObject({ status: 'completed', output: { answer: 'said' } });
    await engine[Symbol.asyncDispose]();
    expect([gone, signal?.aborted]).toEqual([false, false]);
  });

  const others: Record<string, (ctx: DurableContext, later: Promise<void>) => unknown> = {
    'a step': (ctx, later) => ctx.step('other', () => later),
    'a call that is looked at': (ctx) => ctx.child('other', 'slow to look at', null),
    'a child': (ctx) => ctx.child('other', 'quick', null),
    'a left child': (ctx) => ctx.child('other', 'quick', null, { onParentEnd: 'leave' }),
    'a timer': (ctx) => ctx.sleep('other', 5),
    'a signal that is waited for': (ctx) => ctx.receive('other', { timeoutMs: 5 }),
    'an output that is not whole': (ctx) => ctx.partial({ code: 'HURRY', message: 'more to say' }),
  };
  it.each(Object.entries(others))('DUR-9: not while there is %s: the function goes on', async (_other, begin) => {
    await using opened = open();
    const { store } = opened;
    const later = gate();
    const work = durable('work', async (ctx) => {
      const other = begin(ctx, later.opened);
      await ctx.step('last', () => (setImmediate(later.open), 'said'), { ends: () => ({ output: 'by the step' }) });
      await other;
      return 'by the function';
    });

    const slow: DurableDefinition<Json> = {
      name: 'slow to look at',
      kind: 'function',
      version: '1',
      parseInput: async (input) => (await later.opened, input as Json),
      run: () => 'quick',
    };
    const engine = engineOn(store, [work, slow, durable('quick', () => 'quick')], { limits: { parkAfterMs: 60_000 } });
    const result = await engine.run('work', null, { id: 'r' });

    expect(result).toMatchObject({ status: 'completed', output: 'by the function' });
    const keys = (await entriesOf(store, key('r'))).flatMap((entry) => ('key' in entry ? [entry.key] : []));
    expect(keys).toContain('last');
  });

  it('DUR-9: not where its function has ended without it', async () => {
    await using opened = open();
    const begun = untilCalled();
    const step = gate();
    const work = durable('work', async (ctx) => {
      void ctx.step('last', () => (begun.call(), step.opened), { ends: () => ({ output: 'by the step' }) });
      await begun.called;
      return 'by the function';
    });
    const running = engineOn(opened.store, [work]).run('work', null, { id: 'r' });
    await begun.called;
    await new Promise((resolve) => setImmediate(resolve));
    step.open();

    expect(await running).toMatchObject({ status: 'completed', output: 'by the function' });
  });

  const busy = (): never => {
    throw new PrusikError('BUSY', 'no room', { retryable: true, meta: { retryAfterMs: 60_000 } });
  };
  const left: Record<string, readonly [string, (ctx: DurableContext) => unknown]> = {
    'a wait': ['RUN_DIVERGED', (ctx) => ctx.receive('other')],
    'a pause': ['RUN_DIVERGED', (ctx) => ctx.step('other', busy)],
    'an intent': ['STEP_IN_DOUBT', (ctx) => ctx.step('other', () => new Promise(() => {}), { effect: 'once' })],
  };
  it.each(Object.entries(left))(
    'DUR-6: not while there is %s on record that the code no longer asks for',
    async (_what, [code, begin]) => {
      await using opened = open();
      const before = engineOn(opened.store, [durable('work', (ctx) => begin(ctx))]);
      const first = before.run('work', null, { id: 'r' }).catch(() => undefined);
      while ((await entriesOf(opened.store, key('r'))).length < 3)
        await new Promise((resolve) => setImmediate(resolve));
      await before[Symbol.asyncDispose]();
      await first;
      const after = durable('work', (ctx) => ctx.step('last', () => 'said', { ends: () => ({ output: 'said' }) }));

      const engine = engineOn(opened.store, [after]);
      await engine.signal(key('r'), 'wake', null);
      const result = await engine.drive(key('r'));

      expect(result).toMatchObject({ status: 'blocked', code });
    },
  );

  const reasons: Record<string, () => { output: Json } | undefined> = {
    'it says nothing': () => undefined,
    'it throws': () => {
      throw new Error('no idea');
    },
    'its output is too large': () => ({ output: 'x'.repeat(2_000) }),
    'its output is no JSON': () => ({ output: 1n as never }),
  };
  it.each(Object.entries(reasons))('DUR-4: not where %s: the function goes on', async (_why, ends) => {
    await using opened = open();
    const work = durable('work', async (ctx) => `${await ctx.step('last', () => 'said', { ends })}!`);

    expect(
      await engineOn(opened.store, [work], { limits: { maxValueBytes: 1_000 } }).run('work', null, { id: 'r' }),
    ).toMatchObject({ status: 'completed', output: 'said!' });
  });

  it('DUR-14: not where its run was cancelled meanwhile', async () => {
    await using opened = open();
    const begun = untilCalled();
    const step = gate();
    const work = durable('work', (ctx) =>
      ctx.step('last', () => (begun.call(), step.opened), { ends: () => ({ output: 'said' }) }),
    );
    const engine = engineOn(opened.store, [work], { limits: { cancelGraceMs: 1_000 } });
    const running = engine.run('work', null, { id: 'r' });
    await begun.called;
    await engine.cancel(key('r'));
    // Told to this drive in the next turn.
    await new Promise((resolve) => setImmediate(resolve));
    step.open();

    expect(await running).toMatchObject({ status: 'cancelled' });
  });

  it('DUR-4: not where the two are refused together: the function goes on', async () => {
    await using opened = open();
    const refusing: Store = {
      ...opened.store,
      commit(given) {
        if (given.transition?.type === 'end' && given.entries.some(({ type }) => type === 'step-end'))
          return Promise.resolve({ outcome: 'refused', code: 'JOURNAL_FULL', now: 0 });
        return opened.store.commit(given);
      },
    };
    const work = durable('work', async (ctx) => {
      const last = await ctx.step('last', () => 'said', { ends: () => ({ output: 'by the step' }) });
      return `${last}!`;
    });

    expect(await engineOn(refusing, [work]).run('work', null, { id: 'r' })).toMatchObject({
      status: 'completed',
      output: 'said!',
    });
  });
});
