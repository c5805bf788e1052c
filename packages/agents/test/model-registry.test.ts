import { describe, expect, it } from 'vitest';
import { defineAgent, modelRegistry, providerOf } from '../src/index.ts';
import { streamModel } from './stream-model.ts';

const a = streamModel('a:m1', [[]]);
const b = streamModel('b.chat:m2', [[]]);
const c = streamModel('c:m3', [[]]);

describe('AGT-7: models behind aliases', () => {
  it('gives an alias its model and those that stand in for it, aliases with what is known of them', () => {
    const prices = { input: 3_000_000, output: 15_000_000 };

    const registry = modelRegistry({
      plain: a,
      strong: { model: b, prices, settings: { temperature: 0 }, capabilities: { contextTokens: 200_000 } },
      safe: { model: a, fallbacks: ['strong', c], on: ['auth'] },
    });

    expect(registry.aliases).toEqual(['plain', 'strong', 'safe']);
    expect(registry.get('plain')).toMatchObject({ name: 'plain', entries: [{ model: a }] });
    expect(registry.get('safe')).toMatchObject({
      on: ['auth'],
      entries: [
        { model: a },
        { model: b, prices, settings: { temperature: 0 }, capabilities: { contextTokens: 200_000 } },
        { model: c },
      ],
    });
  });

  it('rejects an alias that is not there, and says which are', () => {
    const registry = modelRegistry({ plain: a });

    expect(() => registry.get('other')).toThrow(expect.objectContaining({ code: 'MODEL_UNKNOWN' }));
    expect(() => registry.get('toString')).toThrow(/registered are plain/);
    expect(() => registry.embedding('x' as never)).toThrow(/no embedding model is registered/);
  });

  it.each<[string, () => unknown, RegExp]>([
    [
      'a string',
      () => modelRegistry({ x: 'openai/gpt' as never }),
      /must be a model object.*not the string "openai\/gpt"/,
    ],
    ['a string in a spec', () => modelRegistry({ x: { model: 'gpt' as never } }), /must be a model object/],
    [
      'a string of an agent’s own',
      () => defineAgent({ name: 'x', instructions: '', model: {} as never }),
      /model object/,
    ],
    [
      'a version that nobody speaks',
      () => modelRegistry({ x: { ...a, specificationVersion: 'v9' } as never }),
      /specification version "v9"; supported are v2, v3, v4/,
    ],
    ['no version', () => modelRegistry({ x: { doStream() {} } as never }), /specification version undefined/],
    ['no id', () => modelRegistry({ x: { ...a, modelId: undefined } as never }), /its provider and its modelId/],
    [
      'a fallback that is no alias',
      () => modelRegistry({ x: { model: a, fallbacks: ['y' as never] } }),
      /fallback 1 is "y"; there are x/,
    ],
    ['a fallback on itself', () => modelRegistry({ x: { model: a, fallbacks: ['x'] } }), /is the model itself/],
    [
      'an unknown class',
      () => modelRegistry({ x: { model: a, on: ['flaky' as never] } }),
      /on names "flaky"; known are rate-limit/,
    ],
    ['half a price', () => modelRegistry({ x: { model: a, prices: { input: 1 } as never } }), /prices.output/],
    [
      'a price that is none',
      () => modelRegistry({ x: { model: a, prices: { input: -1, output: 1 } } }),
      /prices.input/,
    ],
    ['a breaker of nothing', () => modelRegistry({ x: a }, { breaker: { failures: 0 } }), /breaker's failures/],
    [
      'an embedding model that is none',
      () => modelRegistry({}, { embeddings: { e: a as never } }),
      /embedding model e must be/,
    ],
  ])('refuses %s when it is made', (_, make, message) => {
    expect(make).toThrow(message);
  });

  it('takes models of the versions that the AI SDK takes', () => {
    for (const specificationVersion of ['v2', 'v3', 'v4'])
      expect(modelRegistry({ x: { ...a, specificationVersion } as never }).aliases).toEqual(['x']);
  });

  it('keeps embedding and reranking models by aliases of their own', () => {
    const embedding = { specificationVersion: 'v4', provider: 'e', modelId: 'e1', doEmbed() {} } as never;
    const reranking = { specificationVersion: 'v4', provider: 'r', modelId: 'r1', doRerank() {} } as never;

    const registry = modelRegistry({ x: a }, { embeddings: { e: embedding }, rerankings: { r: reranking } });

    expect(registry.embedding('e')).toBe(embedding);
    expect(registry.reranking('r')).toBe(reranking);
    expect(() => registry.embedding('r' as never)).toThrow(/no embedding model named "r"; registered are e/);
  });
});

describe('AGT-7: a check of the configured ids', () => {
  it('looks each model up in the list of its provider, once, and tells a list that cannot be read', async () => {
    let read = 0;
    const embedding = { specificationVersion: 'v4', provider: 'a', modelId: 'e1', doEmbed() {} } as never;
    const registry = modelRegistry(
      { one: a, two: { model: b, fallbacks: [streamModel('a:gone', [[]])] }, three: c, four: streamModel('d:m', [[]]) },
      {
        embeddings: { e: embedding },
        lists: {
          a: async () => ({ models: [{ id: 'm1' }, { id: 'e1' }], read: (read += 1) }),
          b: async () => ({ data: [{ id: 'm2' }] }),
          c: () => Promise.reject(new Error('key sk-12345678901234567890 is wrong')),
        },
      },
    );

    const checks = await registry.check();

    expect(checks).toEqual([
      { alias: 'one', provider: 'a', modelId: 'm1', status: 'listed' },
      { alias: 'two', provider: 'b.chat', modelId: 'm2', status: 'listed' },
      { alias: 'two', provider: 'a', modelId: 'gone', status: 'missing' },
      { alias: 'three', provider: 'c', modelId: 'm3', status: 'list-failed', reason: 'key [redacted] is wrong' },
      { alias: 'four', provider: 'd', modelId: 'm', status: 'no-list' },
      { alias: 'e', provider: 'a', modelId: 'e1', status: 'listed' },
    ]);
    expect(read).toBe(1);
  });

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    const registry = modelRegistry({ one: a }, { lists: { a: async () => (stop.abort(new Error('enough')), ['m1']) } });

    await expect(registry.check({ signal: stop.signal })).rejects.toThrow('enough');
  });
});

describe('AGT-7: whose model it is', () => {
  it.each([
    ['openai.chat:gpt', 'openai'],
    ['openai.responses:gpt', 'openai'],
    ['gateway:anthropic/claude', 'gateway/anthropic'],
    ['gateway:openai/gpt', 'gateway/openai'],
    ['acme:/odd', 'acme'],
    ['amazon-bedrock:anthropic.claude-x-v1', 'amazon-bedrock/anthropic'],
    ['amazon-bedrock:us-gov.anthropic.claude-x-v1', 'amazon-bedrock/anthropic'],
    ['amazon-bedrock:deepseek.v3.2', 'amazon-bedrock/deepseek'],
    ['amazon-bedrock:arn/inference-profile/eu.amazon.nova-x', 'amazon-bedrock/amazon'],
    ['amazon-bedrock:arn/application-inference-profile/a1b2', 'amazon-bedrock/arn/application-inference-profile/a1b2'],
  ])('%s is of %s', (name, whose) => {
    expect(providerOf(streamModel(name, [[]]))).toBe(whose);
  });
});
