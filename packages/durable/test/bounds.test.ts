import { JOURNAL_LIMIT, PrusikError, type DurableContext, type EntryBody, type Json, type Store } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { afterEach, describe, expect, it } from 'vitest';
import { durable, engineOn, entriesOf, key } from './support.ts';
import { STORES, type TestStore } from './stores.ts';

const VALUE = 2_000;
const limits = { maxValueBytes: VALUE, maxNoteBytes: 500, maxMessageBytes: 4_000 };
const text = (bytes: number): string => 'x'.repeat(bytes - 2);
const codeOf = async (call: () => Promise<unknown>): Promise<unknown> => {
  try {
    await call();
    return 'fine';
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
};
const message = (bytes: number) => {
  const empty = { v: 1, id: 'm', role: 'user', kind: 'user', content: [{ type: 'text', text: '' }] } as const;
  // Two brackets of the list, and what is around the text.
  const around = JSON.stringify([empty]).length;
  return { ...empty, content: [{ type: 'text', text: 'x'.repeat(bytes - around) }] } as const;
};

/** Each value at its bound, and one byte past it. */
const inside: Record<string, readonly [number, string, (ctx: DurableContext, bytes: number) => Promise<unknown>]> = {
  'the output of a run': [VALUE, 'RUN_OUTPUT_TOO_LARGE', async (_, bytes) => text(bytes)],
  'the data of a note': [500, 'VALUE_TOO_LARGE', async (ctx, bytes) => ctx.emit('note', text(bytes))],
  'the body of a request': [
    VALUE,
    'VALUE_TOO_LARGE',
    (ctx, bytes) => ctx.request('q', { kind: 'question', body: text(bytes), expiresInMs: 0 }).then(() => 1),
  ],
  'the input of a child': [VALUE, 'RUN_INPUT_TOO_LARGE', (ctx, bytes) => ctx.child('c', 'child', text(bytes))],
  'the context of a child': [
    VALUE,
    'VALUE_TOO_LARGE',
    (ctx, bytes) => ctx.child('c', 'child', null, { context: text(bytes) }),
  ],
  'the messages of a step': [
    4_000,
    'STEP_RESULT_TOO_LARGE',
    (ctx, bytes) => ctx.step('s', ({ append }) => append(message(bytes))),
  ],
};

describe('every value has a bound', () => {
  it.each(Object.entries(inside))(
    'ERR-3: %s fits at its bound, and fails the run with a code past it',
    async (_, what) => {
      const [bytes, code, run] = what;
      const child = durable('child', () => 1);
      for (const [size, expected] of [
        [bytes, { status: 'completed' }],
        [bytes + 1, { status: 'failed', error: { code, meta: { maxBytes: bytes } } }],
      ] as const) {
        const engine = engineOn(memoryStore(), [durable('work', (ctx) => run(ctx, size)), child], {
          // A request that expires at once may do so a millisecond later.
          limits: { ...limits, parkAfterMs: 1_000 },
        });
        expect(await engine.run('work', null)).toMatchObject(expected);
      }
    },
  );

  it('ERR-3: so do inputs, contexts, signals, reasons and decisions, and what is past it changes nothing', async () => {
    const store = memoryStore();
    const engine = engineOn(store, [durable('work', (ctx) => ctx.receive('go'))], { limits });
    await engine.run('work', null, { id: 'r' });
    const wrapped = (bytes: number): Json => ({ reason: text(bytes - JSON.stringify({ reason: '' }).length + 2) });
    const calls: Record<string, readonly [string, (bytes: number) => Promise<unknown>]> = {
      input: ['RUN_INPUT_TOO_LARGE', (bytes) => engine.start('work', text(bytes), { id: `i${bytes}` })],
      context: ['VALUE_TOO_LARGE', (bytes) => engine.start('work', 1, { id: `c${bytes}`, context: wrapped(bytes) })],
      signal: ['VALUE_TOO_LARGE', (bytes) => engine.signal(key('r'), `s${bytes}`, text(bytes))],
      reason: ['VALUE_TOO_LARGE', (bytes) => engine.cancel(key('r'), text(bytes))],
      decision: [
        'VALUE_TOO_LARGE',
        (bytes) => {
          const around = JSON.stringify({ status: 'answered', value: '' }).length - 2;
          return engine.decide(key('r'), 'q', { status: 'answered', value: text(bytes - around) });
        },
      ],
    };
    for (const [name, [code, call]] of Object.entries(calls)) {
      const inbox = (await store.run(key('r')))?.inbox;
      expect([name, await codeOf(() => call(VALUE + 1))]).toEqual([name, code]);
      expect((await store.run(key('r')))?.inbox).toBe(inbox);
      expect([name, await codeOf(() => call(VALUE))]).toEqual([name, 'fine']);
    }
    expect(await store.run(key(`i${VALUE + 1}`))).toBeUndefined();
  });

  it('ERR-3: more messages than one write holds fail the step', async () => {
    const work = durable('work', (ctx, count) =>
      ctx.step('s', ({ append }) => {
        for (let n = 0; n < Number(count); n += 1) append({ ...message(200), id: `m${n}` });
      }),
    );
    const engine = engineOn(memoryStore(), [work]);
    expect(await engine.run('work', 1_000)).toMatchObject({ status: 'completed' });
    expect(await engine.run('work', 1_001)).toMatchObject({ error: { code: 'STEP_RESULT_TOO_LARGE' } });
  });

  it('ERR-2: an error that carries too much is recorded without it', async () => {
    const huge = 'x'.repeat(100_000);
    const work = durable('work', () => {
      throw new PrusikError(huge, huge, { meta: { huge } });
    });
    const result = await engineOn(memoryStore(), [work]).run('work', null);
    if (result.status !== 'failed') throw new Error(result.status);
    const { error } = result;
    expect([error.code, error.message.length, error.meta]).toEqual(['RUN_FAILED', 2_000, undefined]);
  });

  it('I9: limits that one write could not hold are a wrong argument', () => {
    for (const name of ['maxInlineOutcomeBytes', 'maxMessageBytes', 'maxValueBytes', 'maxNoteBytes'])
      expect(() => engineOn(memoryStore(), [], { limits: { [name]: 8 * 1_048_576 + 1 } })).toThrow(name);
  });
});

/** What a store was handed, commit by commit. */
function counting(store: Store): { readonly store: Store; readonly entries: number[] } {
  const entries: number[] = [];
  return {
    entries,
    store: {
      ...store,
      commit(commit) {
        entries.push(commit.entries.length);
        return store.commit(commit);
      },
    },
  };
}

describe('one commit is bounded', () => {
  it('I9: thousands of steps that end at once are several commits, in their order', async () => {
    const counted = counting(memoryStore());
    const work = durable('work', async (ctx) => {
      const values = await Promise.all(Array.from({ length: 3_000 }, (_, n) => ctx.step(`s${n}`, () => n)));
      return values.length;
    });
    const engine = engineOn(counted.store, [work]);
    expect(await engine.run('work', null, { id: 'r' })).toMatchObject({ status: 'completed', output: 3_000 });
    expect(Math.max(...counted.entries)).toBeLessThanOrEqual(400);
    const pages = await Promise.all(
      [0, 1_000, 2_000].map((after) => counted.store.entries(key('r'), { after, limit: 1_000 })),
    );
    const keys = pages.flat().flatMap((entry) => (entry.type === 'step-end' ? [entry.key] : []));
    expect(keys.slice(0, 2_900)).toEqual(Array.from({ length: 2_900 }, (_, n) => `s${n}`));
  });

  it('I9: thousands of steps that are asked for at once are begun bit by bit', async () => {
    let begun = 0;
    const begunAt: number[] = [];
    const inner = memoryStore();
    const store: Store = {
      ...inner,
      commit(commit) {
        if (commit.entries.some(({ type }) => type === 'step-end')) begunAt.push(begun);
        return inner.commit(commit);
      },
    };
    const work = durable('work', (ctx) =>
      Promise.all(Array.from({ length: 3_000 }, (_, n) => ctx.step(`s${n}`, () => (begun += 1)))).then((all) => all),
    );
    const result = await engineOn(store, [work]).run('work', null);
    expect(result).toMatchObject({ output: Array.from({ length: 3_000 }, (_, n) => n + 1) });
    expect(begunAt[0]).toBeLessThan(1_000);
  });

  it('I9: so are thousands of notes and timers before a step', async () => {
    const counted = counting(memoryStore());
    const work = durable('work', async (ctx) => {
      for (let n = 0; n < 2_000; n += 1) ctx.emit(`n${n}`, 'x'.repeat(60_000));
      for (let n = 0; n < 500; n += 1) void ctx.receive(`r${n}`);
      return ctx.step('s', () => 'done');
    });
    expect(await engineOn(counted.store, [work]).run('work', null, { id: 'r' })).toMatchObject({ output: 'done' });
    expect(Math.max(...counted.entries)).toBeLessThanOrEqual(400);
    const names: string[] = [];
    for (let after = 0; ; after += 1_000) {
      const page = await counted.store.entries(key('r'), { after, limit: 1_000 });
      for (const entry of page) if (entry.type === 'note') names.push(entry.name);
      if (page.length < 1_000) break;
    }
    expect(names).toEqual(Array.from({ length: 2_000 }, (_, n) => `n${n}`));
  });

  it('I9: a run that abandons hundreds of steps in doubt ends in several commits, and tells of each', async () => {
    const counted = counting(memoryStore());
    const begun = Promise.withResolvers<void>();
    let steps = 0;
    const work = durable('work', async (ctx) => {
      const hang = (): Promise<never> => {
        steps += 1;
        if (steps === 500) begun.resolve();
        return new Promise(() => {});
      };
      await Promise.all(Array.from({ length: 500 }, (_, n) => ctx.step(`s${n}`, hang, { effect: 'once' })));
    });
    const engine = engineOn(counted.store, [work]);
    const driving = engine.run('work', null, { id: 'r' });
    await begun.promise;
    counted.entries.splice(0);
    await engine.cancel(key('r'));

    expect(await driving).toMatchObject({ status: 'cancelled' });
    expect(Math.max(...counted.entries)).toBeLessThanOrEqual(201);
    const pages = await Promise.all(
      [0, 1_000].map((after) => counted.store.entries(key('r'), { after, limit: 1_000 })),
    );
    const doubts = pages.flat().filter((entry) => entry.type === 'step-end' && entry.settledBy === 'doubt');
    expect(doubts).toHaveLength(500);
  });

  it('I9: outcomes that are too large for one write together go through one by one', async () => {
    const counted = counting(memoryStore());
    const work = durable('work', async (ctx) => {
      const values = await Promise.all(Array.from({ length: 100 }, (_, n) => ctx.step(`s${n}`, () => text(262_144))));
      return values.length;
    });
    expect(await engineOn(counted.store, [work]).run('work', null)).toMatchObject({ output: 100 });
  });
});

describe.each(Object.entries(STORES))('a full journal on %s', (_, create) => {
  const made: TestStore[] = [];
  afterEach(async () => {
    for (const test of made.splice(0)) await test[Symbol.asyncDispose]();
  });

  it('ERR-3: blocks its run with JOURNAL_FULL, keeps what is there, and can be ended by a person', async () => {
    const test = create();
    made.push(test);
    const { store } = test;
    const work = durable('work', async (ctx) => {
      for (let n = 0; ; n += 1) await ctx.step(`s${n}`, () => n);
    });
    const engine = engineOn(store, [work]);
    await engine.start('work', null, { id: 'r' });
    const definitions = [{ name: 'work', versions: ['1'] }];
    const { claims } = await store.claim({
      worker: 'w',
      leaseMs: 60_000,
      limit: 1,
      suspects: { room: 0, alone: 0 },
      definitions,
    });
    const lease = { run: key('r'), epoch: claims[0]?.run.epoch ?? 0 };
    const note: EntryBody = { type: 'note', name: 'n', data: null };
    for (let left = JOURNAL_LIMIT - 51; left > 0; left -= 1_000)
      await store.commit({
        ...lease,
        entries: Array.from({ length: Math.min(left, 1_000) }, () => note),
        progress: true,
      });
    await store.commit({ ...lease, entries: [], progress: true, transition: { type: 'release' } });

    const blocked = await engine.drive(key('r'));
    expect(blocked).toMatchObject({ status: 'blocked', code: 'JOURNAL_FULL' });
    const { seq } = (await store.run(key('r'))) ?? { seq: 0 };
    expect(seq).toBeGreaterThanOrEqual(JOURNAL_LIMIT);
    expect(seq).toBeLessThan(JOURNAL_LIMIT + 5);

    const request = blocked.status === 'blocked' ? blocked.request : '';
    await engine.decide(key('r'), request, { status: 'answered', value: { choice: 'fail' } });
    expect(await engine.drive(key('r'))).toMatchObject({ status: 'failed', error: { code: 'JOURNAL_FULL' } });
    expect((await entriesOf(store, key('r'))).length).toBe(1_000);
  });
});
