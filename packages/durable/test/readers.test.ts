import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { LIVE_TEXT_LIMIT, PrusikError, type RunEvent, type Store } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { fakeClock } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import type { EngineWarning } from '../src/index.ts';
import { durable, engineOn, gate, key } from './support.ts';

setFlagsFromString('--expose-gc');
// The flag is for contexts that are made after it.
const collectGarbage = runInNewContext('gc') as () => void;

/** A turn of the event loop, in which what was finalized is told. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A store that counts who watches. */
function watched(): { readonly store: Store; readonly watching: () => number } {
  const store = memoryStore();
  let watching = 0;
  const counted = (watcher: Disposable): Disposable => {
    watching += 1;
    return {
      [Symbol.dispose]() {
        watching -= 1;
        watcher[Symbol.dispose]();
      },
    };
  };
  return {
    store: {
      ...store,
      watchRun: (run, on) => counted(store.watchRun(run, on)),
      watchLiveText: (run, on) => counted(store.watchLiveText(run, on)),
    },
    watching: () => watching,
  };
}

const waits = durable('work', (ctx) => ctx.receive('go'));

describe('readers that nobody reads', () => {
  it('I6: one that was forgotten watches nothing any more, and one that waits is not forgotten', async () => {
    const { store, watching } = watched();
    const engine = engineOn(store, [waits]);
    await engine.run('work', null, { id: 'r' });
    const atRest = watching();
    const waiting: Promise<IteratorResult<RunEvent>>[] = [];
    await (async () => {
      for (let n = 0; n < 20; n += 1) await engine.events(key('r')).next();
      const { seq = 0 } = (await store.run(key('r'))) ?? {};
      const reader = engine.events(key('r'), { after: seq });
      waiting.push(reader.next());
      await turn();
    })();
    expect(watching()).toBe(atRest + 42);

    for (let n = 0; n < 50 && watching() > atRest + 2; n += 1) {
      collectGarbage();
      await turn();
    }

    expect(watching()).toBe(atRest + 2);
    await engine.signal(key('r'), 'go', null);
    await engine.drive(key('r'));
    expect(await Promise.all(waiting)).toMatchObject([{ done: false }]);
  });

  it('I6: one that was not read yet watches nothing', async () => {
    const { store, watching } = watched();
    const engine = engineOn(store, [waits]);
    await engine.run('work', null, { id: 'r' });
    const atRest = watching();
    const reader = engine.events(key('r'));
    expect(watching()).toBe(atRest);
    await reader.return?.();
    expect(await reader.next()).toEqual({ done: true, value: undefined });
  });
});

describe('text on its way to other processes', () => {
  /** A run that says these words, and then waits: `said` resolves when it has said them. */
  function talker(...words: readonly string[]) {
    const said = gate();
    const over = gate();
    const definition = durable('work', (ctx) =>
      ctx.step('talk', async ({ delta }) => {
        for (const word of words) delta(word);
        said.open();
        await over.opened;
        return 'done';
      }),
    );
    return { definition, said: said.opened, finish: () => over.open() };
  }

  it('I6: a store that does not take it is told of once, and costs the step nothing', async () => {
    const memory = memoryStore();
    const clock = fakeClock();
    const talk = talker('a', 'b');
    let writes = 0;
    const warnings: EngineWarning[] = [];
    const store: Store = {
      ...memory,
      writeLiveText() {
        writes += 1;
        return Promise.reject(new PrusikError('STORE_UNAVAILABLE', 'The disk is full'));
      },
    };
    const engine = engineOn(store, [talk.definition], { clock, warnings });
    const running = engine.run('work', null, { id: 'r' });
    await talk.said;
    for (let n = 0; n < 5; n += 1) {
      clock.advance(50);
      await turn();
    }
    talk.finish();

    expect(await running).toMatchObject({ status: 'completed', output: 'done' });
    expect(writes).toBeGreaterThan(1);
    expect(warnings.map(({ code }) => code)).toEqual(['LIVE_TEXT_UNAVAILABLE']);
  });

  it('I6: a store that never answers holds up neither the step nor the disposal, and is asked once', async () => {
    const memory = memoryStore();
    const clock = fakeClock();
    const talk = talker('a', 'b');
    let writes = 0;
    const store: Store = {
      ...memory,
      writeLiveText() {
        writes += 1;
        return new Promise(() => undefined);
      },
    };
    const engine = engineOn(store, [talk.definition], { clock });
    const running = engine.run('work', null, { id: 'r' });
    await talk.said;
    for (let n = 0; n < 5; n += 1) {
      clock.advance(50);
      await turn();
    }
    talk.finish();

    expect(await running).toMatchObject({ status: 'completed' });
    await engine[Symbol.asyncDispose]();
    expect(writes).toBe(1);
  });

  it('I6: it is written while text comes and not otherwise, and taken away before the outcome is committed', async () => {
    const memory = memoryStore();
    const clock = fakeClock();
    const talk = talker('a', 'b', '\ud83e', '\udea2');
    const told: string[] = [];
    const store: Store = {
      ...memory,
      writeLiveText(writes) {
        for (const { texts, ended } of writes)
          told.push(...texts.map(({ text }) => text), ...ended.map((step) => `-${step}`));
        return memory.writeLiveText(writes);
      },
      commit(commit) {
        told.push(...commit.entries.map(({ type }) => type));
        return memory.commit(commit);
      },
    };
    const engine = engineOn(store, [talk.definition], { clock });
    const running = engine.run('work', null, { id: 'r' });
    await talk.said;
    for (let n = 0; n < 5; n += 1) {
      clock.advance(50);
      await turn();
    }
    talk.finish();
    await running;

    expect(told).toEqual(['ab🪢', '-talk', 'run-claim', 'step-end', 'run-end']);
  });

  it('EVT-3: of a text that is too long a reader elsewhere gets the beginning, and is told how much it does not get', async () => {
    const store = memoryStore();
    const clock = fakeClock();
    const long = 'x'.repeat(LIVE_TEXT_LIMIT + 1_000);
    const talk = talker(long.slice(0, 60_000), long.slice(60_000), 'more');
    const engine = engineOn(store, [talk.definition], { clock });
    const running = engine.run('work', null, { id: 'r' });
    await talk.said;
    clock.advance(50);
    const reader = engineOn(store, []).events(key('r'));
    let characters = 0;
    let missing = 0;
    while (characters + missing < long.length + 4) {
      const { value } = await reader.next();
      if (value?.live === true && value.event.type === 'step-delta') characters += value.event.text.length;
      if (value?.live === true && value.event.type === 'gap') missing += value.event.characters;
    }
    await reader.return?.();
    talk.finish();
    await running;

    expect(characters).toBe(LIVE_TEXT_LIMIT);
    expect(missing).toBe(1_004);
  });
});

describe('what a reader asks the store for', () => {
  it('EVT-2: who waits for the next event is handed what is committed meanwhile; what nobody waits for stays in the store', async () => {
    const memory = memoryStore();
    let asked = 0;
    const store: Store = {
      ...memory,
      entries(run, page) {
        asked += 1;
        return memory.entries(run, page);
      },
    };
    const stepping = durable('work', async (ctx) => {
      for (let n = 0; n < 5; n += 1) await ctx.step(`s${n}`, () => n);
    });
    const engine = engineOn(store, [stepping]);

    const { key: hot } = await engine.start('work', null);
    const seqs: number[] = [];
    const reading = (async () => {
      for await (const event of engine.events(hot)) if (!event.live) seqs.push(event.entry.seq);
    })();
    await Promise.all([engine.drive(hot), reading]);
    expect(seqs).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(asked).toBe(1);

    const { key: slow } = await engine.start('work', null);
    const reader = engine.events(slow);
    await reader.next();
    await engine.drive(slow);
    asked = 0;
    while ((await reader.next()).done !== true);
    expect(asked).toBe(1);
  });
});

describe('the order of events', () => {
  it('I3: nothing live overtakes the entry that it followed, however slow the store is at another run of the tree', async () => {
    const memory = memoryStore();
    const [a, b, c, slow, begun] = [gate(), gate(), gate(), gate(), gate()];
    let isSlow = false;
    const store: Store = {
      ...memory,
      async entries(run, page) {
        const read = await memory.entries(run, page);
        if (isSlow && run.run !== 'r') await slow.opened;
        return read;
      },
    };
    const child = durable('child', (ctx) => ctx.step('c', () => c.opened));
    const engine = engineOn(store, [
      durable('work', async (ctx) => {
        const below = ctx.child('below', 'child', null);
        await ctx.step('a', () => a.opened);
        await ctx.step('b', () => (begun.open(), b.opened));
        await below;
      }),
      child,
    ]);
    const running = engine.run('work', null, { id: 'r' });
    const reader = engine.events(key('r'), { tree: true });
    const heard: string[] = [];
    let below: RunEvent['run'] | undefined;
    const next = async (): Promise<string> => {
      const { value } = await reader.next();
      if (value === undefined) return 'the end';
      if (value.run.run !== 'r') below = value.run;
      const what = value.live ? value.event : value.entry;
      return 'key' in what ? `${what.type} ${what.key}` : what.type;
    };
    while (!heard.includes('step-start c')) heard.push(await next());

    // The reader has looked at the root, and waits for the store’s answer about the child, while the root goes on.
    const following = next();
    isSlow = true;
    await engine.signal(key('r'), 'news', null);
    await engine.signal(below ?? key('r'), 'news', null);
    await turn();
    a.open();
    await begun.opened;
    isSlow = false;
    slow.open();

    expect([await following, await next()]).toEqual(['step-end a', 'step-start b']);
    b.open();
    c.open();
    await running;
    await reader.return?.();
  });
});
