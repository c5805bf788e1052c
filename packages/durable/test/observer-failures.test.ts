import { runInNewContext } from 'node:vm';
import { consoleLogger, logObserver, type Observer } from '@prusik/core';
import { recordingObserver } from '@prusik/testing-contracts';
import { memoryStore } from '@prusik/store-memory';
import { describe, expect, it } from 'vitest';
import { createEngine, type EngineOptions, type EngineWarning } from '../src/index.ts';
import { durable, engineOn, entriesOf, key, turns } from './support.ts';

const order = durable('order', async (ctx) => {
  const a = await ctx.step('a', () => 1);
  return [a, await ctx.step('b', () => 2)];
});

const throws = (): never => {
  throw new Error('secret-4711');
};

/** An observer whose every method fails in this way. */
function failing(fail: () => never): Observer {
  const step = { trace: undefined, inside: fail, retry: fail, over: fail };
  const drive = { trace: undefined, step: () => step, committed: fail, over: fail };
  return { caller: fail, drive: () => drive, event: fail };
}

const FAILURES: Readonly<Record<string, Observer>> = {
  'throws in every method': failing(throws),
  'throws when a drive begins': { ...failing(throws), drive: throws },
  'throws when a step begins': {
    ...failing(throws),
    drive: () => ({ trace: undefined, step: throws, committed: throws, over: throws }),
  },
  // What a program without types may pass.
  'rejects in every method': failing((async () => throws()) as unknown as () => never),
  'rejects with a promise of another realm': failing(
    runInNewContext('() => Promise.reject(new Error("secret-4711"))') as () => never,
  ),
  'gives nothing where something is due': failing((() => undefined) as unknown as () => never),
  'stands where no trace is': {
    ...failing(throws),
    caller: () => ({ traceparent: '00-nowhere' }),
    drive: () => ({
      trace: { traceparent: '' },
      step: () => ({ trace: { traceparent: 'x' }, inside: (body) => body(), retry() {}, over() {} }),
      committed() {},
      over() {},
    }),
  },
  'gives what throws when it is looked at': {
    ...failing(throws),
    drive: () => ({
      trace: undefined,
      step: () => ({
        trace: undefined,
        inside: <T>(body: () => T): T => {
          body();
          return new Proxy({}, { getPrototypeOf: throws, get: throws }) as T;
        },
        retry() {},
        over() {},
      }),
      committed() {},
      over() {},
    }),
  },
  'calls a body twice, and late': {
    ...failing(throws),
    drive: () => ({
      trace: undefined,
      step: () => ({
        trace: undefined,
        inside(body) {
          body();
          setImmediate(body);
          return body();
        },
        retry() {},
        over() {},
      }),
      committed() {},
      over() {},
    }),
  },
};

describe('an observer that fails', () => {
  it.each(Object.entries(FAILURES))(
    'I3: changes nothing of a run, nor for the next observer: %s',
    async (_, observer) => {
      await using plain = engineOn(memoryStore(), [order]);
      const expected = await plain.run('order', null, { id: 'r' });
      const sound = recordingObserver();
      const warnings: EngineWarning[] = [];
      const observers = [observer, sound];
      await using engine = engineOn(memoryStore(), [order], { observers, warnings });

      const result = await engine.run('order', null, { id: 'r' });

      expect(result).toEqual(expected);
      expect(sound.story('r')).toEqual([
        'drive 1',
        'step a',
        'inside a',
        'committed run-claim step-end',
        'step-over a true',
        'step b',
        'inside b',
        'committed step-end',
        'step-over b true',
        'committed run-end',
        'over ended',
      ]);
      expect(await entriesOf(engine.store, key('r'))).toMatchObject(await withoutTimes(plain.store));
    },
  );

  it('TEL-3: is told on, and warned of once for each method, without what it threw in the text', async () => {
    const warnings: EngineWarning[] = [];
    await using engine = engineOn(memoryStore(), [order], { observers: [failing(throws)], warnings });

    await engine.run('order', null);
    await engine.run('order', null);

    expect(warnings.map(({ code }) => code)).toEqual(warnings.map(() => 'OBSERVER_FAILED'));
    const messages = warnings.map(({ message }) => message);
    expect(messages).toEqual([...new Set(messages)]);
    expect(messages.map((message) => /failed in (\S+);/.exec(message)?.[1]).toSorted()).toEqual([
      'caller',
      'committed',
      'event',
      'inside',
      'over',
      'step.over',
    ]);
    expect(messages.join()).not.toContain('secret-4711');
  });

  it('I8: one that disposes of its engine as it is told of a worker leaves nothing of that behind', async () => {
    const store = memoryStore();
    let watching = 0;
    const watchQueue: typeof store.watchQueue = (on) => {
      const watch = store.watchQueue(on);
      watching += 1;
      return {
        [Symbol.dispose]() {
          watching -= 1;
          watch[Symbol.dispose]();
        },
      };
    };
    const told: string[] = [];
    const closing: Observer = {
      ...recordingObserver(),
      event(event) {
        if (event.type !== 'worker') return;
        told.push(event.did);
        if (event.did === 'start') void engine[Symbol.asyncDispose]();
      },
    };
    const engine = engineOn({ ...store, watchQueue }, [order], { observers: [closing] });
    engine.worker();
    await turns();

    expect(told).toEqual(['start', 'stop']);
    expect(watching).toBe(0);
  });

  it('DEF-3: an observer that lacks a method is refused when the engine is made', () => {
    const observers = [{ caller: () => undefined } as unknown as Observer];

    expect(() => createEngine({ store: memoryStore(), definitions: [], observers })).toThrow(
      /observers\[0\] has no method drive/,
    );
  });

  it.each([
    [{ observers: logObserver(console) }, /observers must be a list/],
    [{ observers: [logObserver] }, /observers\[0\] is no observer but function/],
    [{ logger: {} }, /The logger has no method debug/],
    [{ logger: consoleLogger }, /The logger has no method debug/],
  ])(
    'DEF-3: what is no list of observers, and what is no logger, is refused when the engine is made: %o',
    (option, message) => {
      const options = { store: memoryStore(), definitions: [], ...option };

      expect(() => createEngine(options as unknown as EngineOptions)).toThrow(message);
    },
  );
});

async function withoutTimes(store: Parameters<typeof entriesOf>[0]): Promise<readonly object[]> {
  return (await entriesOf(store, key('r'))).map(({ type, seq }) => ({ type, seq }));
}
