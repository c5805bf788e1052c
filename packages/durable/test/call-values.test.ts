import type { Budget, CallOptions, Json } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { describe, expect, it } from 'vitest';
import { STORES } from './stores.ts';
import { durable, engineOn, key } from './support.ts';

const quick = durable('quick', (_, n) => n);
const told = (error: Error): Json => `${error.name}: ${error.message}`;

describe.each(Object.entries(STORES))('what a call hands in (%s)', (_, open) => {
  const callOf = async (child: typeof quick, options?: unknown): Promise<unknown> => {
    await using opened = open();
    const caller = durable('caller', (ctx) => ctx.child('c', child.name, 1, options as CallOptions).catch(told));
    await using engine = engineOn(opened.store, [caller, child]);
    const result = await engine.run('caller', null, { id: 'r' });
    const { items } = await opened.store.listRuns({ tenant: 'default', parent: 'r', limit: 10 });
    return items.length === 0 && result.status === 'completed' ? result.output : [result.status, items.length];
  };

  it.each<[string, unknown, string]>([
    ['timeout', { timeout: 5 }, 'use timeoutMs'],
    ['rights.level', { rights: { level: 0 } }, 'levels'],
    ['rights', { rights: 'none' }, 'must be an object'],
    ['no options', null, 'null'],
    ['budget', { budget: 'none' }, 'must be an object'],
  ])('DEF-3, WFL-3: is refused where it is nothing that a call knows: %s', async (__, options, fix) => {
    expect(await callOf(quick, options)).toEqual(expect.stringMatching(new RegExp(`^TypeError: .*${fix}`)));
  });

  it('WFL-4: a budget is kept as it was read, whatever it says later', async () => {
    await using opened = open();
    const said = [1_000, 1_000, 1_000];
    const budget: Budget = {
      get tokens() {
        const tokens = said.pop();
        if (tokens === undefined) throw new Error('not today');
        return tokens;
      },
    };
    const caller = durable('caller', (ctx) => ctx.child('c', 'quick', 1, { budget }));
    await using engine = engineOn(opened.store, [caller, quick]);

    expect(await engine.run('caller', null, { id: 'r' })).toMatchObject({ status: 'completed' });
    const { items } = await opened.store.listRuns({ tenant: 'default', parent: 'r', limit: 10 });
    expect(await opened.store.ledger(items[0]?.key ?? key('r'))).toMatchObject({ limits: { tokens: 1_000 } });
  });

  const throwing = {
    get calls(): number {
      throw new Error('not today');
    },
  };
  it.each<[string, Parameters<typeof durable>[2], string]>([
    ['a budget of a dimension that there is none of', { budget: { token: 5 } as Budget }, 'nothing called to'],
    ['a budget of NaN', { budget: { tokens: Number.NaN } }, 'whole number'],
    ['a budget that throws', { budget: throwing }, 'not today'],
    ['a policy of NaN', { agents: { quick }, delegation: { calls: Number.NaN } }, 'NaN'],
    ['a policy that throws', { agents: { quick }, delegation: throwing }, 'not today'],
    [
      'two messages of one id',
      {
        openingMessages: () =>
          (['a', 'b'] as const).map((text) => ({
            v: 1 as const,
            id: 'same',
            role: 'user' as const,
            kind: 'user' as const,
            content: [{ type: 'text' as const, text }],
          })),
      },
      'two messages of the id same',
    ],
  ])(
    'WFL-1, WFL-3: a definition with %s fails its call, and neither blocks nor stops the caller',
    async (__, what, why) => {
      expect(await callOf(durable('odd', () => 1, what))).toEqual(expect.stringContaining(why));
    },
  );

  it.each<[string, { readonly usage?: number; readonly cost?: number; readonly reserve?: number }, Budget]>([
    ['parts of a unit are a whole one', { usage: 1.5, cost: 0.25, reserve: 9.5 }, { tokens: 2, costMicros: 1 }],
    [
      'more than can be counted is the most',
      { usage: 1e300, cost: 1e300 },
      { tokens: Number.MAX_SAFE_INTEGER, costMicros: Number.MAX_SAFE_INTEGER },
    ],
    ['what is not told is what was reserved, in whole units', { reserve: 9.5 }, { tokens: 10, costMicros: 10 }],
  ])('WFL-4: ledgers count in whole units: %s', async (__, { usage, cost, reserve = 5 }, used) => {
    await using opened = open();
    const caller = durable('caller', (ctx) =>
      ctx.step(
        'm',
        (step) => {
          if (usage !== undefined) step.usage({ inputTokens: usage, outputTokens: 0 }, cost);
          return 'said';
        },
        { kind: 'model', reserve: { tokens: reserve, costMicros: reserve } },
      ),
    );
    await using engine = engineOn(opened.store, [caller]);
    const budget = { tokens: 100, costMicros: 100 };

    expect(await engine.run('caller', null, { id: 'r', budget })).toMatchObject({
      status: 'completed',
      output: 'said',
    });
    expect(await opened.store.ledger(key('r'))).toMatchObject({ used, reserved: { tokens: 0, costMicros: 0 } });
  });
});

it.each<[string, object]>([
  ['kind', { kind: 'robot' }],
  ['version', { version: 5 }],
])('DEF-3: a definition without a usable %s is found when the engine is made', async (what, odd) => {
  await using store = memoryStore();

  expect(() => engineOn(store, [durable('odd', () => 1, odd)])).toThrow(new RegExp(`odd: .*${what}`));
});
