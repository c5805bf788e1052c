import assert from 'node:assert/strict';
import type { ModelFinishReason } from './model-chunk.ts';
import { only, textOf, type ModelTest } from './model-test.ts';

const look = (at: string, callId: string) => ({ call: 'look', input: { at }, callId });

export const MODEL_REPLY_TESTS: readonly ModelTest[] = [
  {
    title: 'AGT-7: a model says its version, its provider and its id, and which addresses it loads',
    async run({ model }) {
      const { model: found } = await model([]);

      assert.equal(found.specificationVersion, 'v4');
      for (const name of [found.provider, found.modelId]) {
        assert.equal(typeof name, 'string');
        assert.notEqual(name, '');
      }
      const urls = (await found.supportedUrls) as Readonly<Record<string, readonly RegExp[]>>;
      for (const pattern of Object.values(urls).flat()) assert.ok(pattern instanceof RegExp);
    },
  },
  {
    title: 'AGT-1: a stream begins with its start, ends with its finish, and has one of each',
    async run({ model }) {
      const { chunks } = await (await model(['Hello'])).said();

      assert.equal(chunks[0]?.type, 'stream-start');
      assert.equal(chunks.at(-1)?.type, 'finish');
      assert.equal(only(chunks, 'stream-start').length, 1);
      assert.equal(only(chunks, 'finish').length, 1);
    },
  },
  {
    title:
      'AGT-1: text comes whole and in order, in blocks that are begun once, before their pieces, and ended once, after them',
    async run({ model }) {
      const { chunks } = await (await model(['Hel', 'lo, ', 'wörld 🙂'])).said();

      assert.equal(textOf(chunks, 'text'), 'Hello, wörld 🙂');
      const open = new Set<string>();
      const used = new Set<string>();
      for (const chunk of chunks) {
        if (chunk.type === 'text-start') {
          assert.ok(!used.has(chunk.id), 'a block is begun twice');
          used.add(chunk.id);
          open.add(chunk.id);
        } else if (chunk.type === 'text-delta') assert.ok(open.has(chunk.id), 'a piece is outside of its block');
        else if (chunk.type === 'text-end') assert.ok(open.delete(chunk.id), 'a block that is not open is ended');
      }
      assert.equal(open.size, 0, 'a block is left open');
    },
  },
  {
    title: 'AGT-1: text is handed on while the reply is still being written',
    async run({ model }) {
      const rest = Promise.withResolvers<void>();
      const reader = await (await model(['first', { until: rest.promise }, 'last'])).stream();

      let seen = '';
      while (seen === '') {
        const read = await withinASecond(reader.read());
        assert.ok(read !== undefined, 'nothing came before the reply was whole');
        seen += read.value?.type === 'text-delta' ? read.value.delta : '';
      }
      rest.resolve();
      await reader.cancel();

      assert.equal(seen, 'first');
    },
  },
  {
    title: 'AGT-1: a call names its tool and holds its input as JSON text, and the reply ends as one with calls does',
    async run({ model }) {
      const { chunks } = await (await model([look('the "sea"', 'c1')])).said();

      const [call, ...others] = only(chunks, 'tool-call');
      assert.equal(others.length, 0);
      assert.equal(call?.toolName, 'look');
      assert.deepEqual(JSON.parse(call?.input ?? ''), { at: 'the "sea"' });
      assert.notEqual(call?.providerExecuted, true);
      assert.equal(only(chunks, 'finish')[0]?.finishReason.unified, 'tool-calls');
    },
  },
  {
    title: 'AGT-3: several calls of a reply keep their order and have ids of their own',
    async run({ model }) {
      const { chunks } = await (await model([look('a', 'c1'), look('b', 'c2'), look('c', 'c3')])).said();

      const calls = only(chunks, 'tool-call');
      assert.deepEqual(
        calls.map(({ input }) => JSON.parse(input) as unknown),
        [{ at: 'a' }, { at: 'b' }, { at: 'c' }],
      );
      assert.equal(new Set(calls.map(({ toolCallId }) => toolCallId)).size, 3);
      assert.ok(calls.every(({ toolCallId }) => toolCallId !== ''));
    },
  },
  {
    title: 'AGT-1: an input while it is written adds up to that of the call, and is over before the call comes',
    needs: 'toolInputs',
    async run({ model }) {
      const { chunks } = await (
        await model([{ ...look('the sea', 'c1'), inputDeltas: ['{"at":', '"the sea"}'] }])
      ).said();

      const order = chunks.flatMap(({ type }) => (type.startsWith('tool-') ? [type] : []));
      assert.equal(order[0], 'tool-input-start');
      assert.deepEqual(order.slice(-2), ['tool-input-end', 'tool-call']);
      assert.deepEqual(JSON.parse(textOf(chunks, 'tool-input')), { at: 'the sea' });
      assert.equal(only(chunks, 'tool-input-start')[0]?.id, only(chunks, 'tool-call')[0]?.toolCallId);
    },
  },
  {
    title: 'AGT-1: what the model thinks comes apart from what it says',
    needs: 'reasoning',
    async run({ model }) {
      const { chunks } = await (await model([{ reasoning: 'Let me ' }, { reasoning: 'see.' }, 'Yes.'])).said();

      assert.equal(textOf(chunks, 'reasoning'), 'Let me see.');
      assert.equal(textOf(chunks, 'text'), 'Yes.');
    },
  },
  {
    title: 'SES-12: what a provider attached to a thought and to a call comes through as it was',
    needs: 'metadata',
    async run({ model }) {
      const signature = { acme: { signature: 'c2lnbmVk' } };
      const { chunks } = await (
        await model([
          { reasoning: 'Hm.', providerMetadata: signature },
          { ...look('a', 'c1'), providerMetadata: signature },
        ])
      ).said();

      const ofThought = chunks.flatMap((chunk) =>
        chunk.type.startsWith('reasoning') && 'providerMetadata' in chunk ? [chunk.providerMetadata] : [],
      );
      assert.ok(JSON.stringify(ofThought.at(-1) ?? null).includes('c2lnbmVk'), 'the signature of the thought is gone');
      assert.ok(
        JSON.stringify(only(chunks, 'tool-call')[0]?.providerMetadata ?? null).includes('c2lnbmVk'),
        'the signature of the call is gone',
      );
    },
  },
  ...(['stop', 'length'] as const).map((unified) => endsWith(unified)),
  { ...endsWith('content-filter'), needs: 'contentFilter' },
  {
    title: 'AGT-8: tokens are told as the provider tells them',
    async run({ model }) {
      const { chunks } = await (await model(['Hi', { inputTokens: 12, outputTokens: 3 }])).said();

      const { usage } = only(chunks, 'finish')[0] ?? {};
      assert.deepEqual([usage?.inputTokens.total, usage?.outputTokens.total], [12, 3]);
    },
  },
  {
    title: 'AGT-8: tokens that the provider does not tell are unknown, not zero',
    async run({ model }) {
      const { chunks } = await (await model(['Hi'])).said();

      const { usage } = only(chunks, 'finish')[0] ?? {};
      assert.deepEqual([usage?.inputTokens.total, usage?.outputTokens.total], [undefined, undefined]);
    },
  },
  {
    title: 'AGT-8: tokens from a cache and tokens of thoughts are told apart',
    needs: 'usageDetails',
    async run({ model }) {
      const told = { inputTokens: 12, outputTokens: 9, cacheReadTokens: 8, reasoningTokens: 5 };
      const { chunks } = await (await model(['Hi', told])).said();

      const { usage } = only(chunks, 'finish')[0] ?? {};
      assert.deepEqual([usage?.inputTokens.cacheRead, usage?.outputTokens.reasoning], [8, 5]);
    },
  },
  {
    title: 'AGT-1: a reply as a whole is what its stream adds up to',
    async run({ model }) {
      const reply = ['Hel', 'lo', look('a', 'c1'), { inputTokens: 12, outputTokens: 3 }];
      const { chunks } = await (await model(reply)).said();
      const whole = await (await model(reply)).whole();

      const text = whole.content.map((part) => (part.type === 'text' ? part.text : '')).join('');
      assert.equal(text, textOf(chunks, 'text'));
      const call = whole.content.find((part) => part.type === 'tool-call');
      assert.deepEqual(JSON.parse(call?.input ?? ''), { at: 'a' });
      const finish = only(chunks, 'finish')[0];
      assert.equal(whole.finishReason.unified, finish?.finishReason.unified);
      assert.deepEqual(whole.usage.inputTokens.total, finish?.usage.inputTokens.total);
    },
  },
  {
    title: 'AGT-7: two calls at once get a reply each, and nothing of one is in the other',
    async run({ model }) {
      const both = await model(['one '.repeat(20)], ['two '.repeat(20)]);
      const said = await Promise.all([both.said(), both.said()]);

      const texts = said.map(({ chunks }) => textOf(chunks, 'text')).toSorted();
      assert.deepEqual(texts, ['one '.repeat(20), 'two '.repeat(20)]);
    },
  },
];

function endsWith(unified: ModelFinishReason['unified']): ModelTest {
  return {
    title: `AGT-5: a reply that ends with ${unified} says so`,
    async run({ model }) {
      const { chunks } = await (await model(['Hi', { finish: unified }])).said();

      assert.equal(only(chunks, 'finish')[0]?.finishReason.unified, unified);
    },
  };
}

/** `undefined` when nothing comes: a model that waits for the whole reply would wait for ever. */
async function withinASecond<T>(reading: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), 1_000);
  });
  try {
    return await Promise.race([reading, late]);
  } finally {
    clearTimeout(timer);
  }
}
