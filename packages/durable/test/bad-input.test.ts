import { isPrusikError, type DurableContext, type Json } from '@prusik/core';
import { afterAll, describe, expect, it } from 'vitest';
import { durable, engineOn, entriesOf, key } from './support.ts';
import { STORES } from './stores.ts';

class Point {
  readonly x = 1;
}
const cycle: { self?: unknown } = {};
cycle.self = cycle;
const nested = (levels: number): unknown => {
  let value: unknown = 'deep';
  for (let level = 0; level < levels; level += 1) value = level % 2 === 0 ? [value] : { value };
  return value;
};
const throwing = Object.defineProperty({}, 'x', {
  enumerable: true,
  get() {
    throw new Error('no');
  },
});

const NOT_JSON: Record<string, unknown> = {
  NaN: Number.NaN,
  Infinity,
  'undefined in a list': [undefined],
  'a hole in a list': [1, , 2], // oxlint-disable-line no-sparse-arrays -- it is what is refused
  'a function': () => 1,
  'a symbol': { s: Symbol('s') },
  'a BigInt': 1n,
  'a date': new Date(0),
  'a map': new Map(),
  'a class instance': { point: new Point() },
  bytes: new Uint8Array(3),
  'a cycle': cycle,
  'more than 1,000 levels': nested(1_001),
  'a getter that throws': throwing,
};

/** What a careless engine or store bends. */
const AWKWARD: Record<string, unknown> = {
  'a __proto__ key': JSON.parse('{"__proto__":{"polluted":true},"constructor":1}'),
  'unpaired surrogates': { '\ud800': ['\udfff', 'a\ud800b'] },
  'NUL and controls': { '\0': 'a\0b\u001f' },
  'numbers at the edges': [0, 5e-324, 1e300, 2 ** 53, Number.MIN_SAFE_INTEGER],
  '1,000 levels': nested(1_000),
  'undefined properties': { kept: 1, dropped: undefined },
  'negative zero': { zero: -0 },
  'another realm’s object': Object.assign(Object.create(null) as object, { own: 1 }),
};

const BAD_IDS: Record<string, unknown> = {
  empty: '',
  NUL: 'a\0b',
  'a line break': 'a\nb',
  'an unpaired surrogate': '\ud800',
  '10,000 characters': 'x'.repeat(10_000),
  'no string': { toString: () => 'r' },
};
const GOOD_IDS: Record<string, string> = {
  dots: '..',
  'a path': '../../etc/passwd',
  ['__proto__']: '__proto__',
  constructor: 'constructor',
  quotes: `'";--`,
  'other scripts': 'ünï 👩‍🚀',
};

describe.each(Object.entries(STORES))('bad input on %s', (name, create) => {
  const test = create();
  const { store } = test;
  afterAll(() => test[Symbol.asyncDispose]());
  const work = durable('work', async (ctx, input) => {
    const [stepKey, signalKey] = input as [string, string];
    const first = await ctx.step(stepKey, () => 'stepped');
    const { timedOut } = await ctx.receive(signalKey);
    return [first, timedOut];
  });

  it.each(Object.entries(NOT_JSON))(
    'DUR-4: an outcome that holds %s fails its step, and a once step is in doubt',
    async (what, value) => {
      const run = (effect: 'repeatable' | 'once') => (ctx: DurableContext) =>
        ctx.step('s', () => value as Json, { effect });
      for (const [effect, expected] of [
        ['repeatable', { status: 'failed', error: { code: 'STEP_RESULT_NOT_JSON' } }],
        ['once', { status: 'blocked', code: 'STEP_IN_DOUBT' }],
      ] as const) {
        const id = `${effect} ${what}`;
        expect(await engineOn(store, [durable('work', run(effect))]).run('work', null, { id })).toMatchObject(expected);
      }
    },
  );

  it.each(Object.entries(NOT_JSON))(
    'DUR-1: an input that holds %s is a wrong argument, and starts nothing',
    async (what, value) => {
      const engine = engineOn(store, [work]);
      const id = `input ${what}`;
      const refusal = what === 'a getter that throws' ? 'no' : TypeError;
      await expect(engine.start('work', value, { id })).rejects.toThrow(refusal);
      await expect(engine.start('work', 1, { id, context: [value] as Json })).rejects.toThrow(refusal);
      expect(await store.run(key(id))).toBeUndefined();
    },
  );

  it.each(Object.entries(AWKWARD))(
    'DUR-4: an outcome with %s is the same live, on record and on replay',
    async (what, value) => {
      const id = `awkward ${what}`;
      const seen: unknown[] = [];
      const look = durable('work', async (ctx) => {
        seen.push(await ctx.step('s', () => value as Json));
        await ctx.receive('go');
      });
      await engineOn(store, [look]).run('work', null, { id });
      const engine = engineOn(store, [look]);
      await engine.signal(key(id), 'go', null);
      expect(await engine.drive(key(id))).toMatchObject({ status: 'completed' });

      expect(seen).toHaveLength(2);
      for (const given of seen) expect(JSON.stringify(given)).toBe(JSON.stringify(JSON.parse(JSON.stringify(value))));
      expect(seen[1]).toStrictEqual(seen[0]);
      expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    },
  );

  it.each(Object.entries(BAD_IDS))(
    'SES-7, ERR-3: an id that is %s is a wrong argument wherever one is taken',
    async (_, id) => {
      const bad = id as string;
      const engine = engineOn(store, [work]);
      const before = (await store.listRuns({ tenant: 'default', limit: 1_000 })).items.length;
      const calls = [
        () => engine.start('work', null, { id: bad }),
        () => engine.start('work', null, { tenant: bad }),
        () => engine.start('work', null, { session: { id: bad } }),
        () => engine.drive(key(bad)),
        () => engine.drive({ tenant: bad, run: 'r' }),
        () => engine.signal(key(bad), 'go', null),
        () => engine.signal(key('r'), bad, null),
        () => engine.cancel(key(bad)),
        () => engine.decide(key('r'), bad, { status: 'approved' }),
        () => store.putBlob(bad, new Uint8Array(1)),
      ];
      for (const call of calls) await expect((async () => call())()).rejects.toThrow(TypeError);
      expect(() => engineOn(store, [durable(bad, () => 1)])).toThrow(TypeError);
      expect((await store.listRuns({ tenant: 'default', limit: 1_000 })).items).toHaveLength(before);
    },
  );

  it.each(Object.entries(BAD_IDS))(
    'ERR-3: a key that is %s fails the function that uses it, and records nothing',
    async (what, id) => {
      const bad = id as string;
      const uses: Record<string, (ctx: DurableContext) => Promise<unknown>> = {
        step: (ctx) => ctx.step(bad, () => 1),
        sleep: (ctx) => ctx.sleep(bad, 1),
        receive: (ctx) => ctx.receive(bad),
        request: (ctx) => ctx.request(bad, { kind: 'question', body: null }),
        child: (ctx) => ctx.child(bad, 'work', null),
      };
      for (const [use, run] of Object.entries(uses)) {
        const runId = `${use} ${what}`;
        const result = await engineOn(store, [durable('work', run)]).run('work', null, { id: runId });
        expect(result).toMatchObject({ status: 'failed', error: { message: expect.stringContaining('step key') } });
        expect((await entriesOf(store, key(runId))).map(({ type }) => type)).toEqual([
          'run-start',
          'run-claim',
          'run-end',
        ]);
      }
    },
  );

  it.each(Object.entries(GOOD_IDS))('SES-7: an id of %s names what it says, everywhere', async (what, id) => {
    const tenant = `${id} of ${name} ${what}`.slice(0, 100);
    const engine = engineOn(store, [durable(id, (ctx, input) => work.run(ctx, input))]);
    const started = await engine.run(id, [id, `${id}!`], { id, tenant, session: { id } });
    expect(started).toMatchObject({ status: 'waiting' });
    expect(await store.session({ tenant, session: id })).toMatchObject({ activeRun: id });

    await engine.signal({ tenant, run: id }, `${id}!`, { id });
    expect(await engine.drive({ tenant, run: id })).toMatchObject({ status: 'completed', output: ['stepped', false] });
    const { hash } = await store.putBlob(tenant, Buffer.from(id));
    expect((await store.blob(tenant, hash))?.size).toBe(Buffer.byteLength(id));
    expect(
      ({} as Record<string, unknown>)[id === 'constructor' ? 'polluted' : id === '__proto__' ? 'x' : id],
    ).toBeUndefined();
  });

  it('ERR-3: a result of more than 1 GiB is refused before it is copied, and its process lives on', async () => {
    const part = 'x'.repeat(2 ** 26);
    const huge: Record<string, () => Json> = {
      'shared text': () => Array.from({ length: 17 }, () => part),
      'near the longest string': () => 'x'.repeat(2 ** 29 - 100),
      'escapes beyond the longest string': () => ['\u0001'.repeat(63_000_000), '\u0001'.repeat(63_000_000)],
    };
    for (const [what, make] of Object.entries(huge)) {
      const id = `huge ${what}`;
      const result = await engineOn(store, [durable('work', (ctx) => ctx.step('s', make))]).run('work', null, { id });
      expect(result).toMatchObject({ status: 'failed', error: { code: 'STEP_RESULT_TOO_LARGE' } });
    }
    await expect(engineOn(store, [work]).start('work', huge['shared text']?.(), { id: 'huge' })).rejects.toSatisfy(
      (error) => isPrusikError(error, 'RUN_INPUT_TOO_LARGE'),
    );
    expect(await store.run(key('huge'))).toBeUndefined();
  });
});
