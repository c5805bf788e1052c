import { fakeClock, scriptedModel } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { estimateTokens } from '../src/estimate.ts';
import { bindModels, defineAgent, defineTool, modelRegistry, type ModelPrices } from '../src/index.ts';
import { costMicros, reservation } from '../src/model-price.ts';
import { finish, httpError, streamModel, text } from './stream-model.ts';
import { entriesOf, hurried, keyOf, newEngine, newStore, threadOf } from './support.ts';

const look = defineTool({
  name: 'look',
  description: 'Looks.',
  input: z.object({}),
  effect: 'repeatable',
  execute: () => 'seen',
});

const agent = (more: object = {}) =>
  defineAgent({
    name: 'a',
    instructions: '',
    model: scriptedModel([
      [{ call: 'look' }, { inputTokens: 100, outputTokens: 20 }],
      ['Done.', { inputTokens: 150, outputTokens: 10 }],
    ]),
    tools: [look],
    settings: { maxOutputTokens: 50 },
    ...more,
  });

describe('WFL-4: a budget of the tree', () => {
  it('is reserved from before each model call, and settled with what the call used', async () => {
    const store = newStore();

    const result = await newEngine([agent()], { store }).run('a', 'Go', {
      id: 'r',
      budget: { tokens: 1_000, calls: 5 },
    });

    expect(result).toMatchObject({ status: 'completed' });
    expect(await store.ledger(keyOf('r'))).toMatchObject({
      used: { calls: 2, tokens: 280 },
      reserved: { calls: 0, tokens: 0 },
    });
    const reserved = (await entriesOf(store, 'r')).flatMap((entry) =>
      entry.type === 'step-intent' ? [entry.reserved?.tokens ?? 0] : [],
    );
    // The second call is expected to take what the first took and said, the result since, and its own output.
    const shown = estimateTokens((await threadOf(store, 'r')).filter(({ role }) => role === 'tool'));
    expect(shown).toBeGreaterThan(0);
    expect(reserved[1]).toBe(120 + shown + 50);
  });

  it('starts no model call that it has no room for', async () => {
    const model = scriptedModel([{ call: 'look' }]);

    const result = await newEngine([agent({ model })]).run('a', 'Go', { budget: { calls: 1 } });

    expect(result).toMatchObject({ status: 'failed', error: { code: 'BUDGET_EXCEEDED' } });
    model.assertFinished();
  });

  it('costs no commit where there is none', async () => {
    const store = newStore();

    await newEngine([agent()], { store }).run('a', 'Go', { id: 'r' });

    expect((await entriesOf(store, 'r')).filter(({ type }) => type === 'step-intent')).toEqual([]);
  });
});

/** 3 and 15 of a currency unit for a million tokens. */
const PRICES: ModelPrices = { input: 3_000_000, cachedInput: 300_000, output: 15_000_000 };

describe('AGT-7: what a call costs', () => {
  it('is counted in whole micros, cached tokens by their own price', () => {
    expect(costMicros({ inputTokens: 1_000, outputTokens: 100 }, PRICES)).toBe(4_500);
    expect(costMicros({ inputTokens: 1_000, cachedInputTokens: 800, outputTokens: 100 }, PRICES)).toBe(2_340);
    expect(
      costMicros({ inputTokens: 1_000, cachedInputTokens: 800, outputTokens: 0 }, { input: 1_000_000, output: 0 }),
    ).toBe(1_000);
    expect(costMicros({ inputTokens: 1, outputTokens: 0 }, { input: 1, output: 0 })).toBe(1);
    expect(costMicros({ inputTokens: 5, outputTokens: 5 }, { input: 0, output: 0 })).toBe(0);
  });

  it('is not known where tokens or prices are not', () => {
    expect(costMicros({ inputTokens: 1_000 }, PRICES)).toBeUndefined();
    expect(costMicros({ inputTokens: 1_000, outputTokens: 1 }, undefined)).toBeUndefined();
  });

  it('is reserved as the dearest of the models that may be asked', () => {
    const cheap = { input: 1, output: 1 };

    expect(reservation({ input: 1_000, output: 100 }, [cheap, PRICES])).toEqual({
      calls: 1,
      tokens: 1_100,
      costMicros: 4_500,
    });
    expect(reservation({ input: 1_000, output: 100 }, [PRICES, undefined])).toEqual({ calls: 1, tokens: 1_100 });
  });
});

describe('WFL-4: a budget of cost', () => {
  const settings = { maxOutputTokens: 50 };
  const priced = (model: ReturnType<typeof streamModel>, prices: ModelPrices | null = PRICES) =>
    bindModels(
      defineAgent({ name: 'a', instructions: '', model: 'main', tools: [look], settings }),
      modelRegistry({ main: { model, ...(prices === null ? {} : { prices }) } }),
    );
  const looks = (id: string) => [
    { type: 'tool-call', toolCallId: id, toolName: 'look', input: '{}' },
    finish('tool-calls', 100, 20),
  ];

  it('is reserved before each model call and settled with what the call cost', async () => {
    const store = newStore();
    const model = streamModel('a:m', [looks('c1'), [...text('Done.'), finish('stop', 150, 10)]]);

    const result = await newEngine([priced(model)], { store }).run('a', 'Go', {
      id: 'r',
      budget: { costMicros: 100_000 },
    });

    expect(result).toMatchObject({ status: 'completed' });
    expect(await store.ledger(keyOf('r'))).toMatchObject({
      used: { costMicros: 600 + 600, tokens: 280 },
      reserved: { costMicros: 0 },
    });
    const entries = await entriesOf(store, 'r');
    const reserved = entries.flatMap((entry) => (entry.type === 'step-intent' ? [entry.reserved] : []));
    expect(reserved[1]?.costMicros).toBe(((reserved[1]?.tokens ?? 0) - 50) * 3 + 50 * 15);
    expect(
      entries.flatMap((entry) => (entry.type === 'step-end' && entry.kind === 'model' ? [entry.costMicros] : [])),
    ).toEqual([600, 600]);
  });

  it('starts no call that it has no room for, and no call of a model whose cost nobody knows', async () => {
    const model = streamModel('a:m', [looks('c1'), looks('c2')]);
    const store = newStore();

    const spent = await newEngine([priced(model)], { store }).run('a', 'Go', {
      id: 'r',
      budget: { costMicros: 1_500 },
    });
    const unpriced = streamModel('a:m', [looks('c1')]);
    const unknown = await newEngine([priced(unpriced, null)]).run('a', 'Go', {
      budget: { costMicros: 1_000_000 },
    });

    expect(spent).toMatchObject({
      status: 'failed',
      error: { code: 'BUDGET_EXCEEDED', meta: { dimension: 'costMicros', wanted: expect.any(Number) } },
    });
    expect(model.asked).toHaveLength(1);
    expect(await store.ledger(keyOf('r'))).toMatchObject({ used: { costMicros: 600 }, reserved: { costMicros: 0 } });
    expect(unknown).toMatchObject({ status: 'failed', error: { code: 'BUDGET_COST_UNKNOWN', meta: { model: 'a/m' } } });
    expect(unpriced.asked).toHaveLength(0);
  });

  it('lets a model that costs nothing run in a tree that may spend nothing', async () => {
    const model = streamModel('a:m', [[...text('Done.'), finish('stop', 150, 10)]]);

    const result = await newEngine([priced(model, { input: 0, output: 0 })]).run('a', 'Go', {
      budget: { costMicros: 0 },
    });

    expect(result).toMatchObject({ status: 'completed' });
  });

  it('charges in full what broke off without a word, and nothing for what the provider answered with an error', async () => {
    const clock = fakeClock();
    const store = newStore({ clock });
    const model = streamModel('a:m', [
      httpError(500),
      [{ fail: Object.assign(new Error('x'), { code: 'ECONNRESET' }) }],
      [...text('Done.'), finish('stop', 150, 10)],
    ]);
    const budget = { calls: 9, tokens: 100_000, costMicros: 100_000 };

    const result = await hurried(
      clock,
      newEngine([priced(model)], { store, clock }).run('a', 'Go', { id: 'r', budget }),
    );

    expect(result).toMatchObject({ status: 'completed' });
    const entries = await entriesOf(store, 'r');
    const reserved = entries.flatMap((entry) => (entry.type === 'step-intent' ? [entry.reserved] : []));
    expect(reserved).toHaveLength(3);
    expect(await store.ledger(keyOf('r'))).toMatchObject({
      used: {
        calls: 3,
        tokens: 160 + (reserved[1]?.tokens ?? 0),
        costMicros: 600 + (reserved[1]?.costMicros ?? 0),
      },
      reserved: { calls: 0, tokens: 0, costMicros: 0 },
    });
  });

  it('counts attempts that failed: what they said is measured, and marked in the one record of the call', async () => {
    const clock = fakeClock();
    const store = newStore({ clock });
    const broken = [
      { type: 'text-start', id: '0' },
      { type: 'text-delta', id: '0', delta: 'Half' },
      { fail: Object.assign(new Error('x'), { code: 'ECONNRESET' }) },
    ];
    const model = streamModel('a:m', [
      broken,
      httpError(429, { responseHeaders: { 'retry-after': '60' } }),
      broken,
      [...text('Done.'), finish('stop', 150, 10)],
    ]);

    const engine = () => newEngine([priced(model)], { store, clock });
    const first = engine();
    const budget = { tokens: 100_000, costMicros: 100_000 };
    const parked = await hurried(clock, first.run('a', 'Go', { id: 'r', budget }));
    expect(parked).toMatchObject({ status: 'waiting' });
    expect(await store.ledger(keyOf('r'))).toMatchObject({ reserved: { tokens: 0, costMicros: 0 } });
    await first[Symbol.asyncDispose]();
    clock.advance(120_000);

    // Another process goes on, and counts on.
    const result = await hurried(clock, engine().drive(keyOf('r')));

    expect(result).toMatchObject({ status: 'completed', output: 'Done.' });
    const ends = (await entriesOf(store, 'r')).flatMap((entry) => (entry.type === 'step-end' ? [entry] : []));
    const { usage, costMicros: cost } = ends[0] ?? {};
    expect(ends).toHaveLength(1);
    expect(usage?.estimated).toBe(true);
    expect(usage?.inputTokens).toBeGreaterThan(150);
    expect(usage?.outputTokens).toBeGreaterThan(10);
    expect(cost).toBe((usage?.inputTokens ?? 0) * 3 + (usage?.outputTokens ?? 0) * 15);
    expect(await store.ledger(keyOf('r'))).toMatchObject({
      used: { tokens: (usage?.inputTokens ?? 0) + (usage?.outputTokens ?? 0), costMicros: cost },
      reserved: { tokens: 0, costMicros: 0 },
    });
  });
});
