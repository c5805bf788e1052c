import { memoryStore } from '@prusik/store-memory';
import { isFinal, type RunKey, type Store } from '@prusik/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Engine } from '../src/index.ts';
import { durable, engineOn, entriesOf, key } from './support.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i += 1) await turn();
};

/** The n-th instant from now: some microtasks in each turn of the event loop, so that nothing is passed over and nothing starves. */
async function instant(n: number): Promise<void> {
  for (let i = 0; i < n; i += 1) await (i % 12 === 11 ? turn() : Promise.resolve());
}

/** A store that counts who watches it. */
function watched(): { readonly store: Store; readonly watchers: () => number } {
  const inner = memoryStore();
  let watchers = 0;
  const counted = (watch: Disposable): Disposable => {
    watchers += 1;
    let over = false;
    return {
      [Symbol.dispose]() {
        if (!over) watchers -= 1;
        over = true;
        watch[Symbol.dispose]();
      },
    };
  };
  const store: Store = {
    ...inner,
    watchRun: (run, on) => counted(inner.watchRun(run, on)),
    watchQueue: (on) => counted(inner.watchQueue(on)),
  };
  return { store, watchers: () => watchers };
}

/** Every instant was tried; these are enough to notice that something has come back. */
const STEP = 3;

const REASON = new Error('enough');

describe('a caller that goes away', () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  beforeEach(() => {
    unhandled.length = 0;
    process.on('unhandledRejection', note);
  });
  afterEach(() => process.off('unhandledRejection', note));

  function world() {
    const effects: string[] = [];
    const work = durable('work', async (ctx) => {
      const [a] = await Promise.all([
        ctx.step('plain', async () => (await turn(), effects.push('plain'), 1)),
        ctx.step('once', async () => (await turn(), effects.push('once'), 2), { effect: 'once', inDoubt: 'fail' }),
      ]);
      await ctx.sleep('nap', 1);
      return (await ctx.child<number>('c', 'child', a)).output;
    });
    const child = durable('child', (ctx, n) => ctx.step('s', () => n));
    return { effects, definitions: [work, child] };
  }

  type Way = (engine: Engine, run: RunKey, leave: Promise<void>) => Promise<unknown>;
  const aborted = (leave: Promise<void>): AbortSignal => {
    const stop = new AbortController();
    void leave.then(() => stop.abort(REASON));
    return stop.signal;
  };
  const ways: Record<string, Way> = {
    'run() with its signal': (engine, { run }, leave) => engine.run('work', null, { id: run, signal: aborted(leave) }),
    async 'drive() with its signal'(engine, run, leave) {
      await engine.start('work', null, { id: run.run });
      return engine.drive(run, { signal: aborted(leave) });
    },
    async 'drain() with its signal'(engine, { run }, leave) {
      await engine.start('work', null, { id: run });
      await engine.drain({ until: Date.now() + 60_000, signal: aborted(leave) });
      // Nothing can move until its nap is over.
      return engine.drive(key(run), { signal: aborted(leave) });
    },
    async 'worker() that is disposed'(engine, run, leave) {
      await engine.start('work', null, { id: run.run });
      const worker = engine.worker();
      const ended = (async () => {
        for await (const event of engine.events(run)) void event;
      })();
      const left = await Promise.race([leave.then(() => true), ended.then(() => false)]);
      await worker[Symbol.asyncDispose]();
      if (left) throw REASON;
      return engine.drive(run);
    },
    async 'an engine that is disposed'(engine, { run }, leave) {
      void leave.then(() => engine[Symbol.asyncDispose]());
      try {
        return await engine.run('work', null, { id: run });
      } catch (error) {
        if ((error as { code?: string }).code === 'ENGINE_CLOSED') throw REASON;
        throw error;
      }
    },
  };

  it.each(Object.entries(ways))(
    'I6, I8, DUR-18: %s, at any instant: no lease, no watcher and no doubt is left, and another engine brings the run to its end',
    async (_, way) => {
      let points = 0;
      for (let n = 0; ; n += STEP) {
        const { effects, definitions } = world();
        const { store, watchers } = watched();
        const engine = engineOn(store, definitions, { limits: { cancelGraceMs: 1_000 } });
        const how = await way(engine, key('r'), instant(n)).then(
          (result) => (result as { status: string }).status,
          (error: unknown) => error,
        );
        await engine[Symbol.asyncDispose]();

        const runs = (await store.listRuns({ tenant: 'default', limit: 10 })).items;
        expect({ n, statuses: runs.map(({ status }) => status) }).not.toMatchObject({
          statuses: expect.arrayContaining(['running']),
        });
        expect({ n, watchers: watchers() }).toEqual({ n, watchers: 0 });
        const next = engineOn(store, definitions);
        await next.start('work', null, { id: 'r' });
        while (!isFinal((await next.drive(key('r'))).status)) await turn();
        expect({ n, how, run: await store.run(key('r')) }).toMatchObject({ run: { status: 'completed', output: 1 } });
        expect(effects.filter((effect) => effect === 'once')).toHaveLength(1);
        await next[Symbol.asyncDispose]();
        expect([REASON, 'completed', 'waiting']).toContain(how);
        if (how === 'completed' || n > 4_000) break;
        points += 1;
      }
      expect(points).toBeGreaterThan(5);
      expect(unhandled).toEqual([]);
    },
    60_000,
  );

  it('I6: a reader that leaves at any instant leaves nothing behind, and the run does not notice', async () => {
    for (let n = 0; n < 400; n += STEP) {
      const { definitions } = world();
      const { store, watchers } = watched();
      const engine = engineOn(store, definitions, { limits: { parkAfterMs: 60_000 } });
      const stop = new AbortController();
      const reading = (async () => {
        for await (const event of engine.events(key('r'), { tree: true, signal: stop.signal })) void event;
      })().then(
        () => 'ended',
        (error: unknown) => error,
      );
      const driving = engine.run('work', null, { id: 'r' });
      await instant(n);
      stop.abort(REASON);

      expect(await driving).toMatchObject({ status: 'completed' });
      expect([REASON, 'ended']).toContain(await reading);
      await engine[Symbol.asyncDispose]();
      expect({ n, watchers: watchers() }).toEqual({ n, watchers: 0 });
      expect((await entriesOf(store, key('r'))).at(-1)).toMatchObject({ type: 'run-end' });
    }
    await turns(3);
    expect(unhandled).toEqual([]);
  }, 60_000);
});
